// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SequenceLocks
import TestSupport
import Testing

@Suite(.serialized, .stress) struct SequenceLockStressTests {
  @Test(arguments: [(1, 1), (3, 1), (1, 3), (3, 3)])
  func stressNoTornValue(_ threads: (readers: Int, writers: Int)) {
    Self.stress(Payload4.self, readers: threads.readers, writers: threads.writers)
  }

  @Test func stressNoTornLargeValue() { Self.stress(Payload124.self, readers: 2, writers: 2) }

  /// Adding under the write lock loses nothing.
  @Test func stressWritersExcludeOneAnother() {
    let shared = SharedSequenceLock(Payload2(seed: 0))
    let additions = InstanceCounter()
    let deadline = ContinuousClock.now + StressOptions.duration / 2
    runThreads(4) { _ in
      repeat {
        for _ in 0..<100 {
          shared.withWriteLock { $0 = Payload2(seed: $0.seed + 1) }
          additions.add()
        }
      } while ContinuousClock.now < deadline
    }
    #expect(shared.load() == Payload2(seed: UInt64(additions.created)))
    #expect(shared.counter == 2 * UInt64(additions.created))
  }

  /// The mutant: the same words read without the validation are torn. A test that could not see
  /// that would prove nothing.
  @Test func canaryReadsWithoutValidationAreTorn() {
    let shared = SharedSequenceLock(Payload124(seed: 0))
    let torn = Flag()
    let deadline = ContinuousClock.now + max(StressOptions.duration, .seconds(60))
    runThreads([
      {
        var seed: UInt64 = 0
        while !torn.isRaised && ContinuousClock.now < deadline {
          for _ in 0..<256 {
            seed += 1
            shared.store(Payload124(seed: seed))
          }
        }
      },
      {
        while !torn.isRaised && ContinuousClock.now < deadline {
          if !shared.copyWithoutValidation().isWhole { torn.raise() }
        }
      },
    ])
    #expect(torn.isRaised, "the stress tests could not have failed")
  }

  private static func stress<Value: Payload>(_ type: Value.Type, readers: Int, writers: Int) {
    let shared = SharedSequenceLock(Value(seed: 0))
    let stop = Flag()
    let reads = InstanceCounter()
    let torn = InstanceCounter()
    let deadline = ContinuousClock.now + StressOptions.duration / 2
    let writer: @Sendable () -> Void = {
      repeat {
        for round in 0..<100 {
          if round.isMultiple(of: 2) {
            shared.withWriteLock { $0 = Value(seed: $0.seed + 1) }
          } else {
            shared.withWriteLock { value in
              // Whatever it leaves meanwhile is nobody's business.
              value = Value(seed: .max)
              value = Value(seed: shared.counter / 2 + 1)
            }
          }
        }
      } while ContinuousClock.now < deadline
      stop.raise()
    }
    let reader: @Sendable () -> Void = {
      var last: UInt64 = 0
      var isUseful = true
      repeat {
        isUseful.toggle()
        let value = isUseful ? shared.load() : shared.loadIfStable()
        guard let value else { continue }
        reads.add()
        // One writer's values ascend by the counter, as do those of several.
        if !value.isWhole || value.seed < last { torn.add() }
        last = value.seed
      } while !stop.isRaised
    }
    runThreads(
      Array(repeating: reader, count: readers) + Array(repeating: writer, count: writers))
    let statistics = shared.statistics
    print(
      "\(type): \(reads.created) reads of \(shared.counter / 2) values,",
      "\(statistics.retryCount) retries, \(statistics.fallbackCount) fallbacks")
    #expect(torn.created == 0)
    #expect(reads.created > 0)
    #expect(shared.load().seed == shared.counter / 2)
  }
}
