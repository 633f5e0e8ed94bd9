// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport

/// Writers replace one pointee while threads and tasks look at it.
///
/// A mutant is a source that leaves something out, or sections that aren't counted.
final class SleepableStressRun: Sendable {
  struct Totals: Sendable {
    var reads = 0
    var suspendedReads = 0
    var writes = 0
    /// Reads that found a pointee destroyed or torn.
    var violations = 0
  }

  let counter = InstanceCounter()
  let domain: SleepableRCU
  private let pointer: SleepableRCU.Pointer<StressPointee>
  private let countsSections: Bool
  private let isStopping = Atomic(false)
  private let hasViolation = Atomic(false)
  private let totals = Locked(Totals())
  private let begunTasks = InstanceCounter()

  init(_ source: SleepableSource = SleepableSource(name: "stress"), countsSections: Bool = true) {
    domain = SleepableRCU(source: source)
    pointer = SleepableRCU.Pointer(StressPointee(counter), protectedBy: domain)
    self.countsSections = countsSections
    // A short queue: what is pending at the end must not take longer than the run.
    domain.limits = RCULimits(maximumPendingCount: 10_000)
  }

  private static var looksPerSection: Int { 20 }
  private static var sectionsPerYield: Int { 64 }
  private static var sectionsPerSleep: Int { 16 }
  private static var writesPerReclaim: Int { 256 }

  /// Runs for `duration`, or to the first violation.
  func run(
    writers: Int, readers: Int, tasks: Int = 0, writingTasks: Int = 0, for duration: Duration,
    stopsAtViolation: Bool = false
  ) async -> Totals {
    var threads: [@Sendable () -> Void] = []
    for _ in 0..<writers {
      threads.append {
        let writes = Self.write(self.pointer, self.counter, self.isStopping)
        self.totals.withLock { $0.writes += writes }
      }
    }
    for _ in 0..<readers {
      threads.append {
        let counts = Self.read(
          self.pointer, self.domain, self.countsSections, self.isStopping, self.hasViolation)
        self.totals.withLock {
          $0.reads += counts.reads
          $0.violations += counts.violations
        }
      }
    }
    threads.append {
      // The pool's threads may be busy with other tests.
      while self.begunTasks.created < tasks + writingTasks { sleepThread(for: .milliseconds(1)) }
      let deadline = ContinuousClock.now + duration
      repeat {
        if stopsAtViolation && self.hasViolation.load(ordering: .relaxed) { break }
        sleepThread(for: .milliseconds(2))
      } while ContinuousClock.now < deadline
      self.isStopping.store(true, ordering: .relaxed)
    }
    let running = RunningThread { [threads] in runThreads(threads) }
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<tasks { group.addTask { await self.readInTask(index) } }
      for _ in 0..<writingTasks { group.addTask { await self.writeInTask() } }
    }
    running.join()
    pointer.clear()
    await domain.barrier()
    return totals.withLock { $0 }
  }

  // The loops of threads borrow what they share: no reference counting in them, which would order
  // threads.

  private static func write(
    _ pointer: borrowing SleepableRCU.Pointer<StressPointee>, _ counter: InstanceCounter,
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

  private static func read(
    _ pointer: borrowing SleepableRCU.Pointer<StressPointee>, _ domain: SleepableRCU,
    _ countsSections: Bool, _ isStopping: borrowing Atomic<Bool>,
    _ hasViolation: borrowing Atomic<Bool>
  ) -> (reads: Int, violations: Int) {
    var reads = 0
    var violations = 0
    repeat {
      reads += 1
      let yields = reads.isMultiple(of: sectionsPerYield)
      let isIntact =
        countsSections
        ? domain.withReadSection { look(pointer, $0, yields) }
        : unsafe look(pointer, SleepableRCU.ReadSection(domain.counters.address), yields)
      if !isIntact {
        violations += 1
        hasViolation.store(true, ordering: .relaxed)
      }
    } while !isStopping.load(ordering: .relaxed)
    return (reads, violations)
  }

  private static func look(
    _ pointer: borrowing SleepableRCU.Pointer<StressPointee>, _ section: SleepableRCU.ReadSection,
    _ yields: Bool
  ) -> Bool {
    guard let ref = pointer.load(in: section) else { return false }
    let serial = ref.value.serial
    var isIntact = ref.value.isIntact
    if yields { yieldThread() }
    for _ in 0..<looksPerSection {
      isIntact = isIntact && ref.value.isIntact && ref.value.serial == serial
    }
    return isIntact && !StressLedger.isDestroyed(serial)
  }

  // MARK: Tasks

  private func readInTask(_ index: Int) async {
    var totals = Totals()
    begunTasks.add()
    repeat {
      totals.suspendedReads += 1
      let sleeps = (totals.suspendedReads + index).isMultiple(of: Self.sectionsPerSleep)
      let isIntact = await domain.withReadSection { section in
        guard let ref = pointer.load(in: section) else { return false }
        let serial = ref.value.serial
        var isIntact = ref.value.isIntact
        if sleeps {
          try? await Task.sleep(for: .microseconds(100))
        } else {
          await Task.yield()
        }
        isIntact = isIntact && ref.value.isIntact && ref.value.serial == serial
        return isIntact
      }
      if !isIntact {
        totals.violations += 1
        hasViolation.store(true, ordering: .relaxed)
      }
    } while !isStopping.load(ordering: .relaxed)
    add(totals)
  }

  private func writeInTask() async {
    var totals = Totals()
    begunTasks.add()
    repeat {
      totals.writes += 1
      pointer.store(StressPointee(counter))
      await domain.waitBelowLimits()
      if totals.writes.isMultiple(of: Self.writesPerReclaim) { await domain.synchronize() }
    } while !isStopping.load(ordering: .relaxed)
    add(totals)
  }

  private func add(_ more: Totals) {
    totals.withLock {
      $0.suspendedReads += more.suspendedReads
      $0.writes += more.writes
      $0.violations += more.violations
    }
  }
}
