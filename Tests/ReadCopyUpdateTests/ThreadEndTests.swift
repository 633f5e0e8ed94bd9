// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// Threads that end, in every way, while destructors and signal handlers still read on them.
///
/// Each in a process of its own: keys and handlers are the process's.
@Suite struct ThreadEndTests {
  private static let handlerFlavors: [TestedFlavor] = [.bp, .memb, .mb]

  /// A thread that is cancelled leaves what it has retained; one that first reads in a key's
  /// destructor leaves what glibc has allocated for its `thread_local` destructors, which have run.
  /// ThreadSanitizer wants a thread to end in its own way, and not to run code afterwards.
  private static let leaks: Comment =
    "threads that end so leak a few bytes each, and aren't followed by ThreadSanitizer"

  // MARK: - Destructors

  /// Destructors of every round read, the last one's for the first time on their thread, or again.
  /// Their threads' storage is gone then; the list of readers doesn't lead into it.
  @Test(.disabled(if: isThreadSanitizerBuild, Self.leaks), arguments: [true, false])
  func destructorsReadInEveryRound(_ hasRead: Bool) async {
    await #expect(processExitsWith: .exitCode(0)) { [hasRead] in
      ThreadEndTests.readInEveryRound(hasRead)
    }
  }

  /// glibc gives such a stack, with the thread's storage in it, back to the system at the thread's
  /// end.
  private static let uncachedStackBytes = 128 << 20

  private static func readInEveryRound(_ hasRead: Bool) {
    let shared = Shared(7)
    // Before the key is made: in each round its destructor comes after the library's.
    _ = shared.read()
    let reads = Atomic(0)
    let key = ThreadKey { round in
      if round == ThreadKey.maximumRounds || hasRead {
        require(shared.read() == 7, "a destructor met a destroyed pointee")
        reads.wrappingAdd(1, ordering: .relaxed)
      }
      return round < ThreadKey.maximumRounds
    }
    for _ in 0..<200 {
      RunningThread(stackBytes: uncachedStackBytes) {
        if hasRead { _ = shared.read() }
        key.begin()
      }.join()
      // Each of these walks the list.
      if shared.pointer.exchange(7) != nil { RCU.synchronizeExpedited() }
      RCU.barrier()
    }
    let expected = 200 * (hasRead ? ThreadKey.maximumRounds : 1)
    require(reads.load(ordering: .relaxed) == expected, "a destructor has not run")
    // Those of the last rounds are taken back when others want them.
    require(RCU.registeredThreadCount < 100, "\(RCU.registeredThreadCount) threads are listed")
  }

  /// A grace period waits for a section in a destructor, of whatever round, also where liburcu has
  /// forgotten the thread: in the last of these cases by a section of ours that it doesn't know.
  @Test(
    .disabled(if: isSanitizerBuild, Self.leaks), arguments: [1, 2, 3, 4], [false, true])
  func gracePeriodsWaitForDestructors(_ round: Int, _ isBetween: Bool) async {
    await #expect(processExitsWith: .exitCode(0)) { [round, isBetween] in
      let inside = Flag()
      let mayLeave = Flag()
      let shared = Shared(0)
      // A destructor of a key that was made before the library's runs between liburcu's and the
      // library's.
      let early = ThreadKey { current in
        if isBetween && current == round { shared.readSlowly(inside, mayLeave) }
        return current < ThreadKey.maximumRounds
      }
      _ = shared.read()
      // Reads for the first time while the thread ends: no handler is blocked then.
      let late = ThreadKey { current in
        if current == 1 && isBetween { _ = shared.read() }
        if current == round && !isBetween { shared.readSlowly(inside, mayLeave) }
        return current < ThreadKey.maximumRounds
      }
      let thread = RunningThread {
        early.begin()
        late.begin()
      }
      inside.wait()
      let isReclaimed = Flag()
      RCU.afterGracePeriod { isReclaimed.raise() }
      let waiting = RunningThread { RCU.synchronize() }
      sleepThread(for: .milliseconds(50))
      require(!isReclaimed.isRaised, "a grace period didn't wait for a destructor's section")
      mayLeave.raise()
      thread.join()
      waiting.join()
      isReclaimed.wait()
    }
  }

  // MARK: - Handlers

  /// Handlers read at any instant of a thread's end.
  @Test(.stress, arguments: handlerFlavors)
  func handlersReadWhileThreadsEndStress(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ThreadEndTests.runHandlers(flavor, destructorsRead: false)
    }
  }

  /// The same, where destructors read as well, some of them for the first time on their thread.
  @Test(
    .stress, .disabled(if: isSanitizerBuild, Self.leaks), arguments: handlerFlavors)
  func handlersReadBetweenDestructorsStress(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ThreadEndTests.runHandlers(flavor, destructorsRead: true)
    }
  }

  private static func runHandlers(_ flavor: TestedFlavor, destructorsRead: Bool) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = EndingWorld<Flavor>()
      world.run(for: StressOptions.duration, destructorsRead: destructorsRead)
    }
    endHungProcess(after: StressOptions.duration + .seconds(120))
    run(flavor.type)
  }

  // MARK: - Ways to end

  /// Threads that are cancelled in a section, or exit in one, hold up nothing for ever.
  @Test(.disabled(if: isSanitizerBuild, Self.leaks), arguments: TestedFlavor.allCases)
  func threadsMayEndInsideSections(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      endHungProcess(after: .seconds(120))
      ThreadEndTests.endInsideSections(flavor)
    }
  }

  private static func endInsideSections(_ flavor: TestedFlavor) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      for _ in 0..<20 {
        let inside = Flag()
        let thread = RunningThread {
          withReaderThread(Flavor.self) {
            RCUDomain<Flavor>.withReadSection { _ in
              inside.raise()
              while true { pause() }
            }
          }
        }.release()
        inside.wait()
        pthread_cancel(thread)
        RunningThread.join(thread)
      }
      RunningThread {
        withReaderThread(Flavor.self) {
          RCUDomain<Flavor>.afterGracePeriod {}
          RCUDomain<Flavor>.barrier()
        }
      }.join()
    }
    run(flavor.type)
  }

  /// Threads of Dispatch and of Swift Concurrency come and go by themselves.
  @Test func poolsThreadsMayEnd() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let shared = Shared(3)
      for round in 0..<20 {
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<50 { group.addTask { _ = shared.read() } }
        }
        DispatchQueue.concurrentPerform(iterations: 50) { _ in _ = shared.read() }
        shared.pointer.store(round)
        await RCU.barrier()
      }
    }
  }

  /// `exec` and `exit` from any thread, inside a section or not.
  @Test(arguments: [true, false], [true, false])
  func anyThreadMayEndTheProcess(_ isInside: Bool, _ execs: Bool) async {
    await #expect(processExitsWith: .exitCode(0)) { [isInside, execs] in
      @Sendable func end() {
        if execs {
          var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
          _ = unsafe execv("/bin/true", &arguments)
        }
        exit(0)
      }
      let shared = Shared(1)
      let readers = InstanceCounter()
      for _ in 0..<3 {
        RunningThread.startDetached {
          readers.add()
          while true { _ = shared.read() }
        }
      }
      while readers.created < 3 { yieldThread() }
      shared.pointer.store(2)
      RunningThread {
        if isInside { RCU.withReadSection { _ in end() } } else { end() }
      }.join()
    }
  }
}

// MARK: - What the tests share

private final class Shared: Sendable {
  let pointer: RCU.Pointer<Int>
  init(_ value: Int) { pointer = RCU.Pointer(value) }

  func read() -> Int { RCU.withReadSection { pointer.load(in: $0)!.value } }

  func readSlowly(_ inside: Flag, _ mayLeave: Flag) {
    RCU.withReadSection { _ in
      inside.raise()
      mayLeave.wait()
    }
  }
}

/// A pthread key whose destructor is called in every round.
private final class ThreadKey: @unchecked Sendable {
  // Sendable: the key never changes.
  /// PTHREAD_DESTRUCTOR_ITERATIONS.
  static let maximumRounds = 4

  private let key: pthread_key_t
  private let body: @Sendable (_ round: Int) -> Bool

  /// - Parameter body: runs in the destructor; whether it is to be called in the next round, too.
  init(_ body: @escaping @Sendable (_ round: Int) -> Bool) {
    var key = pthread_key_t()
    let error = unsafe pthread_key_create(&key) { value in
      let call = unsafe Unmanaged<Call>.fromOpaque(value!).takeRetainedValue()
      call.round += 1
      guard call.key.body(call.round) else { return }
      call.key.set(call)
    }
    precondition(error == 0, "no key")
    self.key = key
    self.body = body
  }

  func begin() { set(Call(self)) }

  private func set(_ call: Call) {
    unsafe pthread_setspecific(key, Unmanaged.passRetained(call).toOpaque())
  }

  private final class Call {
    let key: ThreadKey
    var round = 0
    init(_ key: ThreadKey) { self.key = key }
  }
}

/// Short-lived threads and a storm of signals.
private final class EndingWorld<Flavor: RCUFlavor>: EndingReading, @unchecked Sendable {
  // Sendable: all fields are.
  typealias Domain = RCUDomain<Flavor>

  private let counter = InstanceCounter()
  private let pointer: Domain.Pointer<StressPointee>
  private let reads = Atomic(0)
  private let violations = Atomic(0)
  private let threads = Atomic(0)
  private let isStopping = Flag()
  private let isRegistered: @Sendable () -> Bool

  override init() {
    pointer = Domain.Pointer(StressPointee(counter))
    switch Flavor._number {
    case MembarrierFlavor._number: isRegistered = { MembarrierFlavor._isThreadRegistered }
    case MemoryBarrierFlavor._number: isRegistered = { MemoryBarrierFlavor._isThreadRegistered }
    default: isRegistered = { true }
    }
  }

  /// Of a thread that isn't registered now nobody may ask that. No cast in a handler: it may take a
  /// lock.
  override func readInHandler() {
    if isRegistered() { look() }
  }

  private func look() {
    let isIntact = Domain.withReadSection { section in
      guard let ref = pointer.load(in: section) else { return false }
      var isIntact = true
      for _ in 0..<20 { isIntact = isIntact && ref.value.isIntact }
      return isIntact
    }
    reads.wrappingAdd(1, ordering: .relaxed)
    if !isIntact { violations.wrappingAdd(1, ordering: .relaxed) }
  }

  func run(for duration: Duration, destructorsRead: Bool) {
    withReaderThread(Flavor.self) { look() }
    let key = ThreadKey { [self] round in
      withReaderThread(Flavor.self) { look() }
      return round < ThreadKey.maximumRounds
    }
    receiveSignals()
    // Signals come as fast as they can, to the end of the thread.
    let current = Atomic<Int32>(0)
    let signaller = ThreadSignaller()
    let killer = RunningThread { [isStopping] in
      while !isStopping.isRaised {
        let thread = current.load(ordering: .relaxed)
        if thread != 0 { signaller.send(SIGUSR1, to: thread) }
      }
    }
    let writer = RunningThread { [self] in
      withReaderThread(Flavor.self) {
        repeat {
          pointer.store(StressPointee(counter))
          Domain.synchronize()
        } while !isStopping.isRaised
      }
    }
    let deadline = ContinuousClock.now + duration
    repeat {
      let number = threads.wrappingAdd(1, ordering: .relaxed).newValue
      RunningThread { [self] in
        unblockSignal(SIGUSR1)
        current.store(currentThreadID(), ordering: .relaxed)
        // Some read for the first time in a destructor.
        if !destructorsRead || number.isMultiple(of: 2) {
          withReaderThread(Flavor.self) { look() }
        }
        if destructorsRead { key.begin() }
      }.join()
    } while ContinuousClock.now < deadline
    isStopping.raise()
    writer.join()
    killer.join()
    precondition(violations.load(ordering: .relaxed) == 0, "somebody met a destroyed pointee")
    precondition(reads.load(ordering: .relaxed) > 0, "nobody read")
    pointer.clear()
    Domain.barrier()
    precondition(counter.live == 0, "\(counter.live) pointees are left")
  }
}

/// What the handler reads.
private class EndingReading: @unchecked Sendable {
  // Sendable: the one subclass has only Sendable fields.
  func readInHandler() {}

  /// An object's address; set before the first signal, for the rest of the process.
  private static let current = Atomic<UInt>(0)

  func receiveSignals() {
    let address = unsafe UInt(bitPattern: Unmanaged.passRetained(self).toOpaque())
    // Releasing. Pairs with the handler's acquire.
    Self.current.store(address, ordering: .releasing)
    readInHandler()
    handleSignal(SIGUSR1) { _ in
      let savedErrno = errno
      let address = EndingReading.current.load(ordering: .acquiring)
      if let object = unsafe UnsafeRawPointer(bitPattern: address) {
        unsafe Unmanaged<EndingReading>.fromOpaque(object)._withUnsafeGuaranteedRef {
          $0.readInHandler()
        }
      }
      errno = savedErrno
    }
  }
}
