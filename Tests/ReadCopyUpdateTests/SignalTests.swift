// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// Sections in signal handlers, which interrupt threads that read, retire and wait, anywhere.
///
/// Not with qsbr, whose sections are not for handlers. Each storm in a process of its own.
@Suite(.serialized) struct SignalTests {
  private static let flavors: [TestedFlavor] = [.bp, .memb, .mb]

  @Test(.stress, arguments: flavors)
  func handlersReadDuringAStormStress(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      SignalTests.runStorm(flavor)
    }
  }

  private static func runStorm(_ flavor: TestedFlavor) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = SignalWorld<Flavor>()
      world.run(for: StressOptions.duration)
      let totals = world.totals
      precondition(totals.signals > 1, "no handler ran")
      precondition(totals.reads > 0 && totals.writes > 0, "nobody read or wrote")
      precondition(totals.violations == 0, "a thread met a destroyed pointee")
      precondition(totals.violationsInHandlers == 0, "a handler met a destroyed pointee")
      precondition(world.counter.live == 0, "\(world.counter.live) pointees are left")
    }
    run(flavor.type)
  }

  // MARK: - Mutant

  private enum NoSectionFlavor: BulletproofTestFlavor {
    static func _enterReadSection() {}
    static func _exitReadSection() {}
    static let _reclaimer = unsafe _Reclaimer(flavor: NoSectionFlavor.self)
  }

  private static let violationStatus: Int32 = 42
  private static let reportStatus: Int32 = 66
  private static let mutantDuration = Duration.seconds(180)

  /// Without sections handlers meet what is destroyed, or ThreadSanitizer reports it first. Not
  /// under AddressSanitizer, which ends a mutant before it can say what it found.
  @Test(.stress, .enabled(if: !isAddressSanitizerBuild))
  func handlersWithoutSectionsAreFoundStress() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.exitStatus]) {
      let world = SignalWorld<NoSectionFlavor>()
      world.run(for: Self.mutantDuration, stopsAtViolation: true)
      exit(world.totals.violationsInHandlers > 0 ? Self.violationStatus : 0)
    }
    let found: [ExitStatus] = [
      .exitCode(Self.violationStatus), .exitCode(Self.reportStatus),
    ]
    if let result { #expect(found.contains(result.exitStatus)) }
  }
}

/// What the handler reads.
private class SignalReading: @unchecked Sendable {
  // Sendable: the one subclass has only Sendable fields.
  func readInHandler() {}

  /// An object's address; set before the first signal, for the rest of the process.
  fileprivate static let current = Atomic<UInt>(0)

  func receiveSignals() {
    let address = unsafe UInt(bitPattern: Unmanaged.passRetained(self).toOpaque())
    // Releasing. Pairs with the handler's acquire.
    Self.current.store(address, ordering: .releasing)
    // What a first call looks up is there before a handler runs.
    StressLedger.markDestroyed(0)
    handleSignal(SIGUSR1) { _ in
      let savedErrno = errno
      let address = SignalReading.current.load(ordering: .acquiring)
      guard let object = unsafe UnsafeRawPointer(bitPattern: address) else { return }
      unsafe Unmanaged<SignalReading>.fromOpaque(object)._withUnsafeGuaranteedRef {
        $0.readInHandler()
      }
      errno = savedErrno
    }
  }
}

private final class SignalWorld<Flavor: RCUFlavor>: SignalReading, @unchecked Sendable {
  // Sendable: all fields are.
  typealias Domain = RCUDomain<Flavor>

  struct Totals {
    var reads = 0
    var writes = 0
    var signals = 0
    var violations = 0
    var violationsInHandlers = 0
  }

  let counter = InstanceCounter()
  private let pointer: Domain.Pointer<StressPointee>
  private let ready = Atomic(0)
  private let isStopping = Flag()
  private let reads = Atomic(0)
  private let writes = Atomic(0)
  private let signals = Atomic(0)
  private let violations = Atomic(0)
  private let violationsInHandlers = Atomic(0)

  override init() { pointer = Domain.Pointer(StressPointee(counter)) }

  private static var readerCount: Int { 2 }
  private static var looksPerSection: Int { 30 }
  /// Every so many signals the handler gives up its processor inside a section.
  private static var signalsPerYield: Int { 16 }
  /// Handlers take as long as this, or those that they interrupt would get nowhere.
  private static var pauseMicroseconds: UInt32 { 20 }

  func run(for duration: Duration, stopsAtViolation: Bool = false) {
    // A short queue, so that retiring threads wait too.
    Domain.limits = RCULimits(maximumPendingCount: 1000)
    // Once outside of a handler.
    withReaderThread(Flavor.self) { readInHandler() }
    signals.store(0, ordering: .relaxed)
    receiveSignals()
    var threads = [RunningThread { self.runWriter() }.release()]
    for _ in 0..<Self.readerCount {
      threads.append(RunningThread { self.runReader() }.release())
    }
    while ready.load(ordering: .acquiring) < threads.count { yieldThread() }
    let deadline = ContinuousClock.now + duration
    repeat {
      for thread in threads { pthread_kill(thread, SIGUSR1) }
      usleep(Self.pauseMicroseconds)
      if stopsAtViolation && violationsInHandlers.load(ordering: .relaxed) > 0 { break }
    } while ContinuousClock.now < deadline
    isStopping.raise()
    for thread in threads { RunningThread.join(thread) }
    pointer.clear()
    Domain.barrier()
  }

  private func runReader() {
    unblockSignal(SIGUSR1)
    withReaderThread(Flavor.self) {
      _ = look()
      ready.wrappingAdd(1, ordering: .releasing)
      var count = 0
      repeat {
        count += 1
        if !look() { violations.wrappingAdd(1, ordering: .relaxed) }
        if count.isMultiple(of: 16) {
          Domain.withReadSection { _ in Domain.afterGracePeriod {} }
        }
        if count.isMultiple(of: 1024) { Domain.synchronize() }
      } while !isStopping.isRaisedRelaxed
      reads.wrappingAdd(count, ordering: .relaxed)
    }
  }

  private func runWriter() {
    unblockSignal(SIGUSR1)
    withReaderThread(Flavor.self) {
      _ = look()
      ready.wrappingAdd(1, ordering: .releasing)
      var count = 0
      repeat {
        count += 1
        let old = pointer.exchange(StressPointee(counter))
        if count.isMultiple(of: 8) { old?.reclaim() }
        if count.isMultiple(of: 32) { Domain.synchronizeExpedited() }
        if count.isMultiple(of: 64) { Domain.barrier() }
      } while !isStopping.isRaisedRelaxed
      writes.wrappingAdd(count, ordering: .relaxed)
    }
  }

  /// Whether the pointee stays intact as long as a section lasts, and another one nested in it.
  ///
  /// - Parameter yields: gives up the processor inside, so that others can replace the pointee.
  @inline(__always)
  private func look(yields: Bool = false) -> Bool {
    Domain.withReadSection { section in
      guard let ref = pointer.load(in: section) else { return false }
      var isIntact = ref.value.isIntact
      Domain.withReadSection { inner in
        guard let second = pointer.load(in: inner) else { return isIntact = false }
        for _ in 0..<Self.looksPerSection { isIntact = isIntact && second.value.isIntact }
      }
      if yields { yieldThread() }
      for _ in 0..<Self.looksPerSection { isIntact = isIntact && ref.value.isIntact }
      return isIntact
    }
  }

  override func readInHandler() {
    let number = signals.wrappingAdd(1, ordering: .relaxed).newValue
    let isIntact = look(yields: number.isMultiple(of: Self.signalsPerYield))
    if !isIntact { violationsInHandlers.wrappingAdd(1, ordering: .relaxed) }
  }

  var totals: Totals {
    Totals(
      reads: reads.load(ordering: .relaxed), writes: writes.load(ordering: .relaxed),
      signals: signals.load(ordering: .relaxed), violations: violations.load(ordering: .relaxed),
      violationsInHandlers: violationsInHandlers.load(ordering: .relaxed))
  }
}
