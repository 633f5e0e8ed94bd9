// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import TestSupport
import Testing

@testable import SequenceLocks

@Suite struct SequenceLockTests {
  private struct Refusal: Error, Equatable { let code: Int }

  @Test func loadsWhatWasStored() {
    let lock = SharedSequenceLock(1)
    #expect(lock.load() == 1)
    #expect(lock.loadIfStable() == 1)
    lock.store(2)
    #expect(lock.load() == 2)
    let former = lock.withWriteLock { value in
      defer { value = 3 }
      return value
    }
    #expect(former == 2)
    #expect(lock.load() == 3)
    #expect(lock.statistics == SequenceLockStatistics(retryCount: 0, fallbackCount: 0))
  }

  @Test func bodyThatThrowsPublishesNothing() {
    let lock = SharedSequenceLock(Payload4(seed: 7))
    let before = lock.counter
    #expect(throws: Refusal(code: 5)) {
      try lock.withWriteLock { value throws(Refusal) in
        value.a = 99
        throw Refusal(code: 5)
      }
    }
    #expect(lock.load() == Payload4(seed: 7))
    // Readers were not even disturbed, and writers are not locked out.
    #expect(lock.counter == before)
    lock.store(Payload4(seed: 8))
    #expect(lock.load() == Payload4(seed: 8))
  }

  @Test func everyStoreAdvancesTheCounterByTwo() {
    let lock = SharedSequenceLock(0)
    for round in 1...10 as ClosedRange<UInt64> {
      lock.store(Int(round))
      #expect(lock.counter == 2 * round)
    }
  }

  /// Sizes around the word: the last one is partly filled.
  @Test func valuesOfAllSizes() {
    Self.roundTrip(Bytes1.self, words: 1)
    Self.roundTrip(Bytes7.self, words: 1)
    Self.roundTrip(Bytes8.self, words: 1)
    Self.roundTrip(Bytes12.self, words: 2)
    Self.roundTrip(Bytes32.self, words: 4)
    Self.roundTrip(Bytes64.self, words: 8)
  }

  @Test func emptyValue() {
    let lock = SharedSequenceLock(())
    lock.store(())
    lock.load()
    #expect(lock.loadIfStable() != nil)
    #expect(SequenceLock<Void>.wordCount == 0)
  }

  @Test func valueWithPaddingAndWideAlignment() {
    struct Padded: BitwiseCopyable, Sendable, Equatable {
      var flag: UInt8
      var wide: SIMD4<UInt64>
      var last: UInt16
    }
    var value = Padded(flag: 1, wide: [1, 2, 3, 4], last: 9)
    let lock = SharedSequenceLock(value)
    #expect(lock.load() == value)
    value.last = 10
    value.wide[3] = .max
    lock.store(value)
    #expect(lock.load() == value)
  }

  /// The retry counters are on no line that readers of the value use.
  @Test func retryCountersHaveALineOfTheirOwn() {
    let lock = SharedSequenceLock(Payload4(seed: 1))
    let words = unsafe UInt(bitPattern: lock.lock.words)
    let retries = unsafe UInt(bitPattern: lock.lock.retries)
    #expect(words % 64 == 0)
    #expect(retries % 64 == 0)
    #expect(retries - words >= UInt(SequenceLock<Payload4>.byteCount))
  }

  private static func roundTrip<Value: FixedBytes>(_ type: Value.Type, words: Int) {
    #expect(SequenceLock<Value>.wordCount == words)
    let lock = SharedSequenceLock(Value(repeating: 0))
    for byte in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
      lock.store(Value(repeating: byte))
      #expect(lock.load() == Value(repeating: byte), "size \(MemoryLayout<Value>.size)")
      #expect(lock.loadIfStable() == Value(repeating: byte))
    }
    lock.withWriteLock { $0 = Value(repeating: 0x5a) }
    #expect(lock.load() == Value(repeating: 0x5a))
    // What is beyond the value in the last word is zero.
    let used = MemoryLayout<Value>.size - (words - 1) * 8
    let last = unsafe lock.lock.words[words].load(ordering: .relaxed)
    #expect(used == 8 || last >> UInt64(used * 8) == 0)
  }
}
