// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport

/// A pointee that shows when it is read after its destruction, or while it is written.
struct StressPointee: ~Copyable, Sendable {
  let serial: UInt64
  /// Always `~serial`.
  let complement: UInt64
  private let counter: InstanceCounter

  init(_ counter: InstanceCounter) {
    serial = StressLedger.nextSerial()
    complement = ~serial
    self.counter = counter
    counter.add()
  }

  deinit {
    StressLedger.markDestroyed(serial)
    counter.remove()
  }

  var isIntact: Bool { serial == ~complement && !StressLedger.isDestroyed(serial) }
}

/// Remembers which pointees were destroyed lately, in memory that is never freed.
///
/// All accesses are relaxed: they must not draw edges that hide a race from ThreadSanitizer.
enum StressLedger {
  private static let slotCount: UInt64 = 1 << 16
  private static let serials = Atomic<UInt64>(1)
  private static let slots = Slots(count: Int(slotCount))

  static func nextSerial() -> UInt64 { serials.wrappingAdd(1, ordering: .relaxed).oldValue }

  static func markDestroyed(_ serial: UInt64) { slots.store(serial, at: Int(serial % slotCount)) }

  /// A later destruction in the same slot hides an earlier one; nothing is ever reported wrongly.
  static func isDestroyed(_ serial: UInt64) -> Bool {
    slots.load(at: Int(serial % slotCount)) == serial
  }

  @safe
  private struct Slots: ~Copyable, @unchecked Sendable {
    // Sendable: all access is atomic. Never freed.
    private let slots: UnsafeMutablePointer<Atomic<UInt64>>

    init(count: Int) {
      unsafe slots = .allocate(capacity: count)
      for index in 0..<count { unsafe (slots + index).initialize(to: Atomic(0)) }
    }

    func store(_ serial: UInt64, at index: Int) {
      unsafe slots[index].store(serial, ordering: .relaxed)
    }

    func load(at index: Int) -> UInt64 { unsafe slots[index].load(ordering: .relaxed) }
  }
}

/// Writers replace one pointee while readers look at it.
///
/// Generic over the flavor, so that a mutant is a flavor that leaves something out.
final class StressRun<Flavor: RCUFlavor>: Sendable {
  struct Totals: Sendable {
    var reads = 0
    var writes = 0
    /// Reads that found a pointee destroyed or torn.
    var violations = 0
  }

  typealias Domain = RCUDomain<Flavor>

  let counter = InstanceCounter()
  private let pointer: Domain.Pointer<StressPointee>
  private let isStopping = Atomic(false)
  private let hasViolation = Atomic(false)
  private let totals = Locked(Totals())

  /// A mutant's: loads the pointer without acquiring.
  private let loadsRelaxed: Bool

  init(loadsRelaxed: Bool = false) {
    self.loadsRelaxed = loadsRelaxed
    pointer = Domain.Pointer(StressPointee(counter))
  }

  private static var maximumPendingCount: Int { 10_000 }
  /// How often a reader looks at one pointee within one section.
  private static var looksPerSection: Int { 20 }
  /// Every so many sections the reader gives up its processor inside one.
  private static var sectionsPerYield: Int { 64 }
  /// Every so many writes the writer reclaims by itself.
  private static var writesPerReclaim: Int { 256 }

  /// Runs for `duration`, or to the first violation.
  func run(
    writers: Int, readers: Int, for duration: Duration, stopsAtViolation: Bool = false
  ) -> Totals {
    var threads: [@Sendable () -> Void] = []
    for _ in 0..<writers {
      threads.append { self.addWrites(Self.write(self.pointer, self.counter, self.isStopping)) }
    }
    for _ in 0..<readers {
      threads.append {
        withReaderThread(Flavor.self) {
          self.add(
            Self.read(
              self.pointer, relaxed: self.loadsRelaxed, self.isStopping, self.hasViolation))
        }
      }
    }
    threads.append {
      let deadline = ContinuousClock.now + duration
      repeat {
        if stopsAtViolation && self.hasViolation.load(ordering: .relaxed) { break }
        sleepThread(for: .milliseconds(2))
      } while ContinuousClock.now < deadline
      self.isStopping.store(true, ordering: .relaxed)
    }
    // A short queue: what is pending at the end must not take longer than the run.
    let limits = Domain.limits
    Domain.limits = RCULimits(maximumPendingCount: Self.maximumPendingCount)
    runThreads(threads)
    pointer.clear()
    Domain.barrier()
    Domain.limits = limits
    return totals.withLock { $0 }
  }

  private func addWrites(_ writes: Int) { totals.withLock { $0.writes += writes } }

  private func add(_ counts: (reads: Int, violations: Int)) {
    totals.withLock {
      $0.reads += counts.reads
      $0.violations += counts.violations
    }
  }

  // The loops borrow what they share: no reference counting in them, which would order threads.

  private static func write(
    _ pointer: borrowing Domain.Pointer<StressPointee>, _ counter: InstanceCounter,
    _ isStopping: borrowing Atomic<Bool>
  ) -> Int {
    var writes = 0
    repeat {
      writes += 1
      let old = pointer.exchange(StressPointee(counter))
      if writes.isMultiple(of: writesPerReclaim) { old?.reclaim() }
    } while !isStopping.load(ordering: .relaxed)
    return writes
  }

  @_lifetime(copy section)
  private static func loadRelaxed(
    _ pointer: borrowing Domain.Pointer<StressPointee>, in section: Domain.ReadSection
  ) -> Domain.Ref<StressPointee>? {
    guard let address = unsafe pointer.slot.address.load(ordering: .relaxed) else { return nil }
    return unsafe Domain.Ref(address, in: section)
  }

  private static func read(
    _ pointer: borrowing Domain.Pointer<StressPointee>, relaxed: Bool,
    _ isStopping: borrowing Atomic<Bool>, _ hasViolation: borrowing Atomic<Bool>
  ) -> (reads: Int, violations: Int) {
    var reads = 0
    var violations = 0
    repeat {
      reads += 1
      let yields = reads.isMultiple(of: sectionsPerYield)
      let isIntact = Domain.withReadSection { section in
        let loaded = relaxed ? loadRelaxed(pointer, in: section) : pointer.load(in: section)
        guard let ref = loaded else { return false }
        let serial = ref.value.serial
        var isIntact = ref.value.isIntact
        if yields { yieldThread() }
        for _ in 0..<looksPerSection {
          isIntact = isIntact && ref.value.isIntact && ref.value.serial == serial
        }
        return isIntact && !StressLedger.isDestroyed(serial)
      }
      if !isIntact {
        violations += 1
        hasViolation.store(true, ordering: .relaxed)
      }
    } while !isStopping.load(ordering: .relaxed)
    return (reads, violations)
  }
}

/// Runs `body` on the calling thread, registered where `flavor` asks for it.
func withReaderThread<Flavor: RCUFlavor>(_ flavor: Flavor.Type, _ body: () -> Void) {
  // The source would register threads of a mutant, too, that forgets to.
  guard flavor is any ThreadRegisteringFlavor.Type else { return body() }
  Flavor.source.asReader(body)
}
