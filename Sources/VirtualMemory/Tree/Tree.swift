// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A version of an ``IntervalTree``, as readers have it.
///
/// It has three words, which functions take in registers.
@safe
struct Tree: BitwiseCopyable {
  /// The root node, or `nil` if nothing is mapped.
  var root: UnsafeMutableRawPointer?
  /// The number of inner levels above the leaves.
  var height = 0
  /// The end of the last record; 0 if there is none.
  var maximumEnd: UInt64 = 0

  init() { unsafe root = nil }
}

// MARK: - Finding

extension Tree {
  /// The leaf and the index of the first record that ends above `address`.
  @inline(__always)
  func find(endingAfter address: UInt64) -> (leaf: Leaf, index: Int)? {
    // For smaller addresses, no rank below is a node's count, since a child's key is its largest
    // end.
    guard address < maximumEnd, var node = unsafe root else { return nil }
    for _ in 0..<height {
      let inner = unsafe InnerNode(node)
      unsafe node = inner.child(inner.rank(address))
    }
    let leaf = unsafe Leaf(node)
    return (leaf, leaf.rank(address))
  }

  /// The first record that ends above `address`: the one that covers it, or the next.
  @inline(__always)
  func firstRecord(endingAfter address: UInt64) -> Record? {
    guard let (leaf, index) = find(endingAfter: address) else { return nil }
    return leaf.record(index)
  }

  /// Calls `body` with each record that intersects `start..<end`, in order.
  func forEach(in start: UInt64, _ end: UInt64, _ body: (Record) -> Void) {
    var position = start
    while let (leaf, first) = find(endingAfter: position) {
      for index in first..<leaf.count {
        let record = leaf.record(index)
        if record.start >= end { return }
        body(record)
        position = record.end
      }
    }
  }
}
