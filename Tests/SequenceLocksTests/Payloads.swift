// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization

@testable import SequenceLocks

/// A value whose words are related, so that a torn one shows.
protocol Payload: BitwiseCopyable, Sendable, Equatable {
  init(seed: UInt64)
  /// Whether all words are of one value.
  var isWhole: Bool { get }
  var seed: UInt64 { get }
}

/// Two words: 16 bytes.
struct Payload2: Payload {
  var a: UInt64
  var b: UInt64
  init(seed: UInt64) {
    a = seed
    b = ~seed
  }
  var seed: UInt64 { a }
  var isWhole: Bool { b == ~a }
}

/// Four words: 32 bytes.
struct Payload4: Payload {
  var a: UInt64
  var b: UInt64
  var c: UInt64
  var d: UInt64
  init(seed: UInt64) {
    a = seed
    b = ~seed
    c = seed &* 0x9e37_79b9_7f4a_7c15
    d = seed ^ 0x5555_5555_5555_5555
  }
  var seed: UInt64 { a }
  var isWhole: Bool { self == Self(seed: a) }
}

/// Two lines, ending in half a word: 124 bytes.
struct Payload124: Payload {
  var words: (Payload4, Payload4, Payload4)
  var more: (UInt64, UInt64, UInt64)
  var last: UInt32
  init(seed: UInt64) {
    words = (Payload4(seed: seed), Payload4(seed: ~seed), Payload4(seed: seed &+ 1))
    more = (seed, seed, seed)
    last = UInt32(truncatingIfNeeded: ~seed)
  }
  var seed: UInt64 { words.0.a }
  var isWhole: Bool { self == Self(seed: words.0.a) }
  static func == (left: Self, right: Self) -> Bool {
    left.words == right.words && left.more == right.more && left.last == right.last
  }
}

// MARK: - Bytes

/// A value of a given number of bytes.
protocol FixedBytes: BitwiseCopyable, Sendable, Equatable {
  init(repeating byte: UInt8)
}

struct Bytes1: FixedBytes {
  var byte: UInt8
  init(repeating byte: UInt8) { self.byte = byte }
}

struct Bytes7: FixedBytes {
  var bytes: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)
  var last: UInt8
  init(repeating byte: UInt8) {
    bytes = (byte, byte, byte, byte, byte, byte)
    last = byte
  }
  static func == (left: Self, right: Self) -> Bool {
    left.bytes == right.bytes && left.last == right.last
  }
}

struct Bytes8: FixedBytes {
  var word: UInt64
  init(repeating byte: UInt8) { word = UInt64(byte) &* 0x0101_0101_0101_0101 }
}

struct Bytes12: FixedBytes {
  var words: (UInt32, UInt32, UInt32)
  init(repeating byte: UInt8) {
    let word = UInt32(byte) &* 0x0101_0101
    words = (word, word, word)
  }
  static func == (left: Self, right: Self) -> Bool { left.words == right.words }
}

struct Bytes32: FixedBytes {
  var words: SIMD4<UInt64>
  init(repeating byte: UInt8) { words = SIMD4(repeating: UInt64(byte) &* 0x0101_0101_0101_0101) }
}

struct Bytes64: FixedBytes {
  var words: SIMD8<UInt64>
  init(repeating byte: UInt8) { words = SIMD8(repeating: UInt64(byte) &* 0x0101_0101_0101_0101) }
}

// MARK: - Sharing

/// A lock to be shared with threads.
final class SharedSequenceLock<Value: BitwiseCopyable & Sendable>: Sendable {
  let lock: SequenceLock<Value>

  init(_ value: Value) { lock = SequenceLock(value) }

  // `#expect` takes no calls of noncopyable values apart; those of an object it does.
  func load() -> Value { lock.load() }
  func loadIfStable() -> Value? { lock.loadIfStable() }
  func store(_ value: Value) { lock.store(value) }
  var statistics: SequenceLockStatistics { lock.statistics }

  func withWriteLock<R, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
    try lock.withWriteLock(body)
  }

  var counter: UInt64 { unsafe lock.counter.pointee.load(ordering: .relaxed) }

  /// One half of a write section, by a test that holds the writer's lock.
  func setCounter(_ value: UInt64) {
    unsafe lock.counter.pointee.store(value, ordering: .releasing)
  }

  func setWords(_ value: Value) { unsafe lock.storeWords(of: value) }

  /// What `SequenceLock.copy` would be without its validation: the mutant.
  func copyWithoutValidation() -> Value {
    unsafe withUnsafeTemporaryAllocation(
      byteCount: SequenceLock<Value>.wordCount * 8, alignment: max(MemoryLayout<Value>.alignment, 8)
    ) { scratch in
      let target = scratch.baseAddress!
      for index in 0..<SequenceLock<Value>.wordCount {
        let word = unsafe lock.words[index + 1].load(ordering: .acquiring)
        unsafe target.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
      }
      return unsafe target.assumingMemoryBound(to: Value.self).pointee
    }
  }
}
