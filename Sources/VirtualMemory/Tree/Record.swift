// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An entry of the tree: a range of addresses, and three words that the tree keeps without knowing
/// what they mean.
///
/// What they mean is said where they are used, in `Record+Fields.swift`: there is also `tag`, three
/// bits of a record that a leaf has beside its range, for readers that then need not look at the
/// words.
struct Record: BitwiseCopyable {
  var start: UInt64
  var end: UInt64
  var words: Words

  /// What a slot of a ``Payload`` holds.
  struct Words: BitwiseCopyable {
    var first: UInt64
    var second: UInt64
    var third: UInt64
  }

  static var empty: Record {
    Record(start: 0, end: 0, words: Words(first: 0, second: 0, third: 0))
  }
}

/// Several records in memory of the caller.
typealias RecordBuffer = UnsafeBufferPointer<Record>
