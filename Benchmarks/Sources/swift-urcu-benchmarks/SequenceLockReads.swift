// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import SequenceLocks
import Synchronization

/// Reading 32 bytes as of one instant.
enum SequenceLockReads {
  static let title = "Reading 32 bytes together"

  static func group(_ effort: Effort) -> Group {
    let fixture = SequenceFixture()
    let copy = "C, plain copy"
    return Group(
      title: title,
      subjects: [
        .loop(copy, meaning: "one copy of 32 bytes that nobody writes", effort: effort) {
          Int(baselines_copy_32(fixture.words, $0))
        },
        .loop("Swift, SeqLock", against: copy, meaning: "one load()", effort: effort) {
          fixture.readSeqLock($0)
        },
        .loop("Swift, Mutex", against: copy, meaning: "one copy under the lock", effort: effort) {
          fixture.readMutex($0)
        },
      ])
  }
}

private struct Totals: BitwiseCopyable, Sendable {
  var a = 1
  var b = 2
  var c = 3
  var d = 4
}

private final class SequenceFixture {
  let seqLock = SeqLock(Totals())
  let mutex = Mutex(Totals())
  // C's. Freed with the fixture.
  let words = UnsafeMutablePointer<Int64>.allocate(capacity: 4)

  init() { words.initialize(repeating: 1, count: 4) }

  deinit { words.deallocate() }

  @inline(never)
  func readSeqLock(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
      let totals = seqLock.load()
      sum &+= totals.a &+ totals.d
    }
    return sum
  }

  @inline(never)
  func readMutex(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
      let totals = mutex.withLock { $0 }
      sum &+= totals.a &+ totals.d
    }
    return sum
  }
}
