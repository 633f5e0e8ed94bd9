// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The records that a splice inserts, in order, at most three: the remainder of the record before a
/// range, the new record, and the remainder of the record after it.
struct Replacement: ~Copyable {
  private var first = Record.empty
  private var second = Record.empty
  private var third = Record.empty
  private(set) var count = 0

  init() {}

  init(_ record: Record) {
    first = record
    count = 1
  }

  @inline(__always)
  subscript(index: Int) -> Record {
    require(index >= 0 && index < count, "Replacement: index out of range")
    return index == 0 ? first : index == 1 ? second : third
  }

  mutating func append(_ record: Record?) {
    guard let record else { return }
    switch count {
    case 0: first = record
    case 1: second = record
    case 2: third = record
    default: fail("Replacement: a splice inserts at most three records")
    }
    count += 1
  }
}
