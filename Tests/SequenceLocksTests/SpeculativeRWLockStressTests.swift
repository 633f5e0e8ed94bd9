// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SequenceLocks
import Synchronization
import TestSupport
import Testing

@Suite(.serialized, .stress) struct SpeculativeRWLockStressTests {
  /// Plain memory under the lock: ThreadSanitizer sees whether the sides exclude one another.
  @Test(arguments: [SpeculativeRWLock.Preference.writers, .readers])
  func stressReadersAndWritersExcludeOneAnother(_ preference: SpeculativeRWLock.Preference) {
    let shared = Shared(preference)
    let deadline = ContinuousClock.now + StressOptions.duration / 2
    let writes = InstanceCounter()
    let writer: @Sendable () -> Void = {
      repeat {
        for _ in 0..<10 {
          shared.lock.withWriteLock { unsafe shared.advance() }
          writes.add()
        }
      } while ContinuousClock.now < deadline
    }
    let reader: @Sendable () -> Void = {
      var last = 0
      repeat {
        let pair = shared.lock.withReadLock { unsafe (shared.plain[0], shared.plain[1]) }
        precondition(pair.1 == ~pair.0 && pair.0 >= last, "torn: \(pair) after \(last)")
        last = pair.0
        // Readers that never pause would keep a writer out for ever, where they may.
        if preference == .readers { yieldThread() }
      } while ContinuousClock.now < deadline
    }
    runThreads([writer, writer, reader, reader])
    #expect(unsafe shared.plain[0] == writes.created)
    #expect(shared.lock.sequence == 2 * UInt64(writes.created))
  }

  /// Readers that overlap without pause don't keep writers out: each of the writer's sections is
  /// reached, though one reader or the other is always inside or about to enter.
  @Test func stressWritersAreNotStarved() {
    let shared = Shared(.writers)
    let stop = Flag()
    let acquisitions = InstanceCounter()
    let sections = 2000
    let reader: @Sendable () -> Void = {
      while !stop.isRaised {
        shared.lock.withReadLock {
          acquisitions.add()
          for _ in 0..<20 { _ = unsafe shared.plain[0] }
        }
      }
    }
    let writer: @Sendable () -> Void = {
      while acquisitions.created < 100 { yieldThread() }
      for _ in 0..<sections { shared.lock.withWriteLock { unsafe shared.advance() } }
      stop.raise()
    }
    runThreads([reader, reader, reader, writer])
    print("\(acquisitions.created) read locks during \(sections) write sections")
    #expect(unsafe shared.plain[0] == sections)
  }

  /// A valid speculation saw the state between two write sections.
  @Test func stressSpeculationIsExact() {
    let shared = Shared(.writers)
    let deadline = ContinuousClock.now + StressOptions.duration / 2
    let valid = InstanceCounter()
    let stop = Flag()
    let writer: @Sendable () -> Void = {
      while ContinuousClock.now < deadline || valid.created == 0 {
        for _ in 0..<32 { shared.lock.withWriteLock { shared.advanceWords() } }
        yieldThread()
      }
      stop.raise()
    }
    let reader: @Sendable () -> Void = {
      while !stop.isRaised {
        let pair = shared.lock.speculate {
          (shared.first.load(ordering: .relaxed), shared.second.load(ordering: .relaxed))
        }
        guard let pair else { continue }
        precondition(pair.1 == ~pair.0, "torn: \(pair)")
        valid.add()
      }
    }
    runThreads([writer, writer, reader, reader])
    #expect(valid.created > 0)
  }

  /// The mutant: the same read without the validation sees what never was.
  @Test func canarySpeculationWithoutValidationIsTorn() {
    let shared = Shared(.writers)
    let torn = Flag()
    let deadline = ContinuousClock.now + max(StressOptions.duration, .seconds(60))
    runThreads([
      {
        while !torn.isRaised && ContinuousClock.now < deadline {
          for _ in 0..<256 { shared.lock.withWriteLock { shared.advanceWords() } }
        }
      },
      {
        while !torn.isRaised && ContinuousClock.now < deadline {
          let first = shared.first.load(ordering: .relaxed)
          let second = shared.second.load(ordering: .relaxed)
          if second != ~first { torn.raise() }
        }
      },
    ])
    #expect(torn.isRaised, "the stress test could not have failed")
  }

  /// What the writing half left is what the reading half sees, whoever waits for the lock.
  @Test func stressDowngradeIsAtomic() {
    let shared = Shared(.writers)
    let deadline = ContinuousClock.now + StressOptions.duration / 2
    let downgrades = InstanceCounter()
    let downgrader: @Sendable () -> Void = {
      repeat {
        shared.lock.withWriteLock {
          unsafe shared.advance()
          return unsafe (shared.plain[0], shared.lock.sequence)
        } downgrade: { written, sequence in
          for _ in 0..<10 {
            precondition(unsafe shared.plain[0] == written, "a writer came between")
            precondition(shared.lock.speculate { shared.lock.sequence } == sequence + 1)
          }
        }
        downgrades.add()
      } while ContinuousClock.now < deadline
    }
    let writer: @Sendable () -> Void = {
      repeat {
        shared.lock.withWriteLock { unsafe shared.advance() }
      } while ContinuousClock.now < deadline
    }
    let reader: @Sendable () -> Void = {
      repeat {
        shared.lock.withReadLock {
          precondition(unsafe shared.plain[1] == ~shared.plain[0], "torn")
        }
      } while ContinuousClock.now < deadline
    }
    runThreads([downgrader, downgrader, writer, reader])
    #expect(downgrades.created > 0)
  }

  @safe
  private final class Shared: @unchecked Sendable {
    // Sendable: `plain` is used under the lock, which is what the tests check.
    let lock: SpeculativeRWLock
    let plain: UnsafeMutablePointer<Int>
    let first = Atomic(0)
    let second = Atomic(-1)

    init(_ preference: SpeculativeRWLock.Preference) {
      lock = SpeculativeRWLock(preferring: preference)
      unsafe plain = .allocate(capacity: 2)
      unsafe plain.initialize(to: 0)
      unsafe (plain + 1).initialize(to: -1)
    }

    deinit { unsafe plain.deallocate() }

    /// - Safety: under the write lock.
    @unsafe
    func advance() {
      unsafe plain[0] += 1
      unsafe plain[1] = ~plain[0]
    }

    func advanceWords() {
      let value = first.load(ordering: .relaxed) + 1
      first.store(value, ordering: .relaxed)
      second.store(~value, ordering: .relaxed)
    }
  }
}
