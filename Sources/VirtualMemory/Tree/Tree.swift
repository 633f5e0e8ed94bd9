// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Where readers and the writer find VMAs.
///
/// Three words, which functions take in registers.
@safe
struct Tree: BitwiseCopyable {
  /// The root node, or `nil` if nothing is mapped.
  var root: UnsafeMutableRawPointer?
  /// Inner levels above the leaves.
  var height = 0
  /// The end of the last VMA, or 0.
  var endMax: UInt64 = 0

  init() { unsafe root = nil }
}

// MARK: - Finding

extension Tree {
  /// The leaf and the position of the first VMA that ends above `address`.
  @inline(__always)
  func find(endingAbove address: UInt64) -> (leaf: Leaf, index: Int)? {
    // Past this no rank below can be a node's count: a child's key is its largest end.
    guard address < endMax, var node = unsafe root else { return nil }
    for _ in 0..<height {
      let inner = unsafe Inner(node)
      unsafe node = inner.child(inner.rank(address))
    }
    let leaf = unsafe Leaf(node)
    return (leaf, leaf.rank(address))
  }

  /// The first VMA that ends above `address`: the one that covers it, or the next.
  @inline(__always)
  func record(endingAbove address: UInt64) -> Record? {
    guard let (leaf, index) = find(endingAbove: address) else { return nil }
    return leaf.record(index)
  }

  /// The last VMA that ends at or below `address`.
  ///
  /// - Complexity: O(height).
  func record(endingAtOrBelow address: UInt64) -> Record? {
    guard var node = unsafe root else { return nil }
    // The subtree left of the way down that is nearest to it, and its level.
    var left: (node: UnsafeMutableRawPointer, level: Int)?
    for level in stride(from: height, to: 0, by: -1) {
      let inner = unsafe Inner(node)
      let rank = min(inner.rank(address), inner.count - 1)
      if rank > 0 { unsafe left = (inner.child(rank - 1), level - 1) }
      unsafe node = inner.child(rank)
    }
    let leaf = unsafe Leaf(node)
    let rank = min(leaf.rank(address), leaf.count)
    if rank > 0 { return leaf.record(rank - 1) }
    guard let left = unsafe left else { return nil }
    unsafe node = left.node
    for _ in 0..<(unsafe left.level) {
      let inner = unsafe Inner(node)
      unsafe node = inner.child(inner.count - 1)
    }
    let last = unsafe Leaf(node)
    return last.record(last.count - 1)
  }

  /// Calls `body` with each VMA that intersects `start..<end`, in order.
  func forEach(in start: UInt64, _ end: UInt64, _ body: (Record) -> Void) {
    var position = start
    while let (leaf, first) = find(endingAbove: position) {
      for index in first..<leaf.count {
        let record = leaf.record(index)
        if record.start >= end { return }
        body(record)
        position = record.end
      }
    }
  }
}
