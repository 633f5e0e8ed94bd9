// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An entry of the tree: a range of addresses, and three words whose meaning the tree doesn't know.
///
/// `Record+Fields.swift` gives them their meaning. It also defines `tag`: three bits of a record
/// that a leaf stores next to the range, so that some readers needn't read the words.
struct Record: BitwiseCopyable {
  var start: UInt64
  var end: UInt64
  var words: Words

  /// The contents of a slot of a ``Payload``.
  struct Words: BitwiseCopyable {
    var first: UInt64
    var second: UInt64
    var third: UInt64
  }

  static var empty: Record {
    Record(start: 0, end: 0, words: Words(first: 0, second: 0, third: 0))
  }
}

/// Several records in the caller's memory.
typealias RecordBuffer = UnsafeBufferPointer<Record>
