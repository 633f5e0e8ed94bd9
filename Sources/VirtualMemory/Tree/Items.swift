// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// Several records in memory of the caller.
typealias RecordBuffer = UnsafeBufferPointer<Record>

/// The VMAs that one splice puts in, in order, at most three: what is left of the VMA before a range, the new one,
/// what is left of the VMA after it.
struct Items: ~Copyable {
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
    require(index >= 0 && index < count, "Items: index out of range")
    return index == 0 ? first : index == 1 ? second : third
  }

  mutating func append(_ record: Record?) {
    guard let record else { return }
    switch count {
    case 0: first = record
    case 1: second = record
    case 2: third = record
    default: fail("Items: a splice puts in at most three VMAs")
    }
    count += 1
  }
}

extension Record {
  fileprivate static var empty: Record {
    Record(start: 0, end: 0, flags: [], pageOffset: 0, object: 0)
  }

  var pageCount: UInt64 { (end - start) / .page }

  /// The part of the VMA in `start..<end`, or `nil` if that is empty.
  func part(_ start: UInt64, _ end: UInt64) -> Record? {
    guard start < end else { return nil }
    var part = self
    part.start = start
    part.end = end
    part.pageOffset = pageOffset &+ (start &- self.start) / .page
    return part
  }
}
