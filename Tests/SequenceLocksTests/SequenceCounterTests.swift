// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SequenceLocks
import Synchronization
import TestSupport
import Testing

@Suite struct SequenceCounterTests {
  @Test func startsAtZero() {
    let counter = SharedCounter()
    #expect(counter.current == 0)
    #expect(counter.tryBegin() == 0)
  }

  @Test func isOddWhileAWriterIsInside() {
    let counter = SharedCounter()
    for round in 0..<100 as Range<UInt64> {
      counter.beginWrite()
      #expect(counter.current == 2 * round + 1)
      #expect(counter.tryBegin() == nil)
      counter.endWrite()
      #expect(counter.current == 2 * round + 2)
      #expect(counter.tryBegin() == 2 * round + 2)
    }
  }

  @Test func validUntilAWriteSectionBegins() throws {
    let counter = SharedCounter()
    let sequence = try #require(counter.tryBegin())
    #expect(counter.validate(sequence))
    #expect(counter.validate(sequence))
    counter.beginWrite()
    #expect(!counter.validate(sequence))
    counter.endWrite()
    #expect(!counter.validate(sequence))
    let later = try #require(counter.tryBegin())
    #expect(later == sequence + 2)
    #expect(counter.validate(later))
  }

  /// Every read under way fails, though nobody was inside.
  @Test func invalidateFailsReadsThatAreUnderWay() throws {
    let counter = SharedCounter()
    let sequence = try #require(counter.tryBegin())
    counter.invalidate()
    #expect(!counter.validate(sequence))
    let later = try #require(counter.tryBegin())
    #expect(later == sequence + 2)
    #expect(counter.validate(later))
  }

  @Test func nestedWriteSectionsTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let counter = SequenceCounter()
      counter.beginWrite()
      counter.beginWrite()
    }
    expectMessage(of: result, names: ["SequenceCounter.beginWrite", "exclude one another"])
  }

  @Test func endingNoWriteSectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let counter = SequenceCounter()
      counter.beginWrite()
      counter.endWrite()
      counter.endWrite()
    }
    expectMessage(of: result, names: ["SequenceCounter.endWrite", "no write section"])
  }

  /// Relaxed words under the counter alone: what `SpeculativeRWLock`'s users do.
  @Test(.stress) func stressReadersSeeNoTornPair() {
    let shared = Pair()
    let stop = Flag()
    let valid = InstanceCounter()
    let deadline = ContinuousClock.now + StressOptions.duration
    runThreads([
      {
        var value: UInt64 = 0
        while ContinuousClock.now < deadline || valid.created == 0 {
          for _ in 0..<64 {
            value &+= 1
            shared.counter.beginWrite()
            shared.first.store(value, ordering: .relaxed)
            shared.second.store(~value, ordering: .relaxed)
            shared.counter.endWrite()
          }
          yieldThread()
        }
        stop.raise()
      },
      { shared.read(until: stop, counting: valid) },
      { shared.read(until: stop, counting: valid) },
    ])
    #expect(valid.created > 0)
  }

  private final class Pair: Sendable {
    let counter = SequenceCounter()
    let first = Atomic<UInt64>(0)
    let second = Atomic<UInt64>(~0)

    func read(until stop: Flag, counting valid: InstanceCounter) {
      var last: UInt64 = 0
      while !stop.isRaised {
        guard let sequence = counter.tryBegin() else { continue }
        let (a, b) = (first.load(ordering: .relaxed), second.load(ordering: .relaxed))
        guard counter.validate(sequence) else { continue }
        precondition(b == ~a, "torn: \(a), \(b)")
        precondition(a >= last, "went back: \(a) after \(last)")
        last = a
        valid.add()
      }
    }
  }
}

/// `#expect` takes no calls of noncopyable values apart; those of an object it does.
private final class SharedCounter: Sendable {
  private let counter = SequenceCounter()
  var current: UInt64 { counter.current }
  func tryBegin() -> UInt64? { counter.tryBegin() }
  func validate(_ sequence: UInt64) -> Bool { counter.validate(sequence) }
  func beginWrite() { counter.beginWrite() }
  func endWrite() { counter.endWrite() }
  func invalidate() { counter.invalidate() }
}
