// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport

/// bp with a reclaimer of its own, for tests that look at what is pending.
enum CollectionTestFlavor: BulletproofTestFlavor {
  static var name: String { "bp" }
  static let _reclaimer = unsafe _Reclaimer(flavor: CollectionTestFlavor.self)
}

/// A mutant: grace periods end at once.
enum NoGracePeriodCollectionFlavor: BulletproofTestFlavor {
  static var name: String { "bp" }
  static func _waitForGracePeriod() {}
  static let _reclaimer = unsafe _Reclaimer(flavor: NoGracePeriodCollectionFlavor.self)
}

/// A collection under stress, and what its writers and readers do with it.
protocol StressSubject: ~Copyable, Sendable {
  associatedtype Flavor: RCUFlavor
  init(_ counter: InstanceCounter)
  /// One change. A registered thread calls it, outside of sections.
  borrowing func write(_ random: inout SeededGenerator, _ counter: InstanceCounter)
  /// One look, inside a section of its own: the number of violations.
  borrowing func read(_ random: inout SeededGenerator) -> Int
  /// The violations that are left to see when all threads have ended.
  borrowing func check() -> Int
}

/// Writers change a collection while readers look at it.
enum CollectionStress<Subject: StressSubject & ~Copyable> {
  struct Totals: Sendable {
    var reads = 0
    var writes = 0
    var violations = 0
    /// Elements that were not destroyed.
    var live = 0
  }

  /// Runs for `duration`, or to the first violation; then drops the collection.
  static func run(
    writers: Int, readers: Int, for duration: Duration, stopsAtViolation: Bool = false
  ) -> Totals {
    typealias Domain = RCUDomain<Subject.Flavor>
    let counter = InstanceCounter()
    let totals = Locked(Totals())
    // A short queue: what is pending at the end must not take longer than the run.
    let limits = Domain.limits
    Domain.limits = RCULimits(maximumPendingCount: 10_000)
    withReaderThread(Subject.Flavor.self) {
      let run = Shared(counter)
      var threads: [@Sendable () -> Void] = []
      for index in 0..<writers + readers {
        threads.append {
          withReaderThread(Subject.Flavor.self) {
            var random = SeededGenerator(seed: UInt64(index) + 1)
            let isWriter = index < writers
            let counts =
              isWriter
              ? write(run.subject, &random, counter, run.isStopping)
              : read(run.subject, &random, run.isStopping, run.hasViolation)
            totals.withLock {
              $0.writes += isWriter ? counts.count : 0
              $0.reads += isWriter ? 0 : counts.count
              $0.violations += counts.violations
            }
          }
        }
      }
      threads.append {
        let deadline = ContinuousClock.now + duration
        repeat {
          if stopsAtViolation && run.hasViolation.load(ordering: .relaxed) { break }
          sleepThread(for: .milliseconds(2))
        } while ContinuousClock.now < deadline
        run.isStopping.store(true, ordering: .relaxed)
      }
      runThreads(threads)
      let left = run.subject.check()
      totals.withLock { $0.violations += left }
    }
    Domain.barrier()
    Domain.limits = limits
    return totals.withLock {
      $0.live = counter.live
      return $0
    }
  }

  private final class Shared: Sendable {
    let subject: Subject
    let isStopping = Atomic(false)
    let hasViolation = Atomic(false)
    init(_ counter: InstanceCounter) { subject = Subject(counter) }
  }

  // The loops borrow what they share: no reference counting in them, which would order threads.

  private static func write(
    _ subject: borrowing Subject, _ random: inout SeededGenerator, _ counter: InstanceCounter,
    _ isStopping: borrowing Atomic<Bool>
  ) -> (count: Int, violations: Int) {
    var count = 0
    repeat {
      subject.write(&random, counter)
      count += 1
    } while !isStopping.load(ordering: .relaxed)
    return (count, 0)
  }

  private static func read(
    _ subject: borrowing Subject, _ random: inout SeededGenerator,
    _ isStopping: borrowing Atomic<Bool>, _ hasViolation: borrowing Atomic<Bool>
  ) -> (count: Int, violations: Int) {
    var (count, violations) = (0, 0)
    repeat {
      let found = subject.read(&random)
      if found > 0 { hasViolation.store(true, ordering: .relaxed) }
      violations += found
      count += 1
    } while !isStopping.load(ordering: .relaxed)
    return (count, violations)
  }
}

/// Looks at a value again and again within a section; false once it is torn or destroyed.
func staysIntact(_ value: borrowing StressPointee, looks: Int, yields: Bool) -> Bool {
  let serial = value.serial
  var isIntact = value.isIntact
  if yields { yieldThread() }
  for _ in 0..<looks { isIntact = isIntact && value.isIntact && value.serial == serial }
  return isIntact && !StressLedger.isDestroyed(serial)
}

/// A key whose hashes are all the same.
struct Colliding: Hashable, Sendable {
  let value: Int
  init(_ value: Int) { self.value = value }
  func hash(into hasher: inout Hasher) {}
}
