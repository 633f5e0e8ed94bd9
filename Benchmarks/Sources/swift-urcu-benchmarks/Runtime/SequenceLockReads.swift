// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import SequenceLocks
import Synchronization

/// Reading some bytes as of one instant.
enum SequenceLockReads {
  static func title(_ byteCount: Int) -> String { "Reading \(byteCount) bytes together" }

  static func group(_ byteCount: Int, _ effort: Effort) -> Group {
    switch byteCount {
    case 8: group(SequenceFixture(OneWord()), baselines_copy_8, \.read_8, effort)
    case 32: group(SequenceFixture(FourWords()), baselines_copy_32, \.read_32, effort)
    default: group(SequenceFixture(EightWords()), baselines_copy_64, \.read_64, effort)
    }
  }

  /// Values that C's loops don't have.
  static func largeGroup(_ byteCount: Int, _ effort: Effort) -> Group {
    switch byteCount {
    case 256: largeGroup(SequenceFixture(ManyWords<32>()), effort)
    case 4096: largeGroup(SequenceFixture(ManyWords<512>()), effort)
    default: largeGroup(SequenceFixture(ManyWords<8192>()), effort)
    }
  }

  private static func largeGroup<Words: WordGroup>(
    _ fixture: SequenceFixture<Words>, _ effort: Effort
  ) -> Group {
    let mutex = "Swift, Mutex"
    let byteCount = MemoryLayout<Words>.size
    return Group(
      title: title(byteCount),
      subjects: [
        .loop(mutex, meaning: "one copy under the lock", effort: effort) {
          fixture.copyMutex($0)
        },
        .loop("Swift, SequenceLock", against: mutex, meaning: "one load()", effort: effort) {
          fixture.copySequenceLock($0)
        },
      ])
  }

  private static func group<Words: WordGroup>(
    _ fixture: SequenceFixture<Words>, _ copyInC: @escaping (UnsafePointer<Int64>, Int) -> Int64,
    _ readPeer: (baselines_sequence_peer) -> @convention(c) (Int) -> Int64, _ effort: Effort
  ) -> Group {
    let copy = "C, plain copy"
    let byteCount = MemoryLayout<Words>.size
    var subjects: [Subject] = [
      .loop(copy, meaning: "one copy of \(byteCount) bytes that nobody writes", effort: effort) {
        Int(copyInC(fixture.words, $0))
      }
    ]
    for peer in effort.peers.sequences {
      let read = readPeer(peer.functions)
      subjects.append(
        .loop(peer.name, against: copy, meaning: "ck_sequence_read_begin to retry", effort: effort)
        { Int(read($0)) })
    }
    subjects += [
      .loop("Swift, SequenceLock", against: copy, meaning: "one load()", effort: effort) {
        fixture.readSequenceLock($0)
      },
      .loop("Swift, Mutex", against: copy, meaning: "one copy under the lock", effort: effort) {
        fixture.readMutex($0)
      },
    ]
    return Group(title: title(byteCount), subjects: subjects)
  }
}

/// What is read. The loops add two words: the loads are atomic, none can go.
private protocol WordGroup: BitwiseCopyable, Sendable {
  var sum: Int { get }
}

private struct OneWord: WordGroup {
  var a = 1

  @inline(__always) var sum: Int { a }
}

private struct FourWords: WordGroup {
  var (a, b, c, d) = (1, 1, 1, 1)

  @inline(__always) var sum: Int { a &+ d }
}

private struct EightWords: WordGroup {
  var (a, b, c, d) = (1, 1, 1, 1)
  var (e, f, g, h) = (1, 1, 1, 1)

  @inline(__always) var sum: Int { a &+ h }
}

private struct ManyWords<let count: Int>: WordGroup {
  var words = InlineArray<count, Int>(repeating: 1)

  @inline(__always) var sum: Int { words[0] &+ words[count - 1] }
}

private final class SequenceFixture<Words: WordGroup> {
  let seqLock: SequenceLock<Words>
  let mutex: Mutex<Words>
  // C's. Freed with the fixture.
  let words = UnsafeMutablePointer<Int64>.allocate(capacity: 8)

  init(_ value: Words) {
    seqLock = SequenceLock(value)
    mutex = Mutex(value)
    words.initialize(repeating: 1, count: 8)
  }

  // Where values are copied to: otherwise the optimiser copies only what is added.
  let copied = UnsafeMutablePointer<Words>.allocate(capacity: 1)

  deinit {
    words.deallocate()
    copied.deallocate()
  }

  @inline(never)
  func readSequenceLock(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum &+= seqLock.load().sum }
    return sum
  }

  @inline(never)
  func copySequenceLock(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
      copied.initialize(to: seqLock.load())
      sum &+= copied.pointee.sum
    }
    return sum
  }

  @inline(never)
  func copyMutex(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
      copied.initialize(to: mutex.withLock { $0 })
      sum &+= copied.pointee.sum
    }
    return sum
  }

  @inline(never)
  func readMutex(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum &+= mutex.withLock { $0 }.sum }
    return sum
  }
}
