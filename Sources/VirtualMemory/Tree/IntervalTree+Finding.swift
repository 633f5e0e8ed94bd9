// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// How the writer finds records, by its own nodes and the leaves.
extension IntervalTree {
  /// Finds the first record that ends above `address`, and remembers the path for a change; `nil`
  /// if the tree is empty.
  ///
  /// - Complexity: O(height).
  mutating func locate(_ address: UInt64) -> Place? {
    guard var child = top else { return nil }
    require(height <= Path.maximumHeight, "IntervalTree: the tree is too deep")
    var endBefore: UInt64 = 0
    var startAfter = UInt64.max
    var level = height
    while level > 0 {
      level &-= 1
      // Safety: all leaves are at the same depth.
      let node = unsafe WriterNode(child.writerNode.unsafelyUnwrapped)
      let bounds = node.bounds
      let last = bounds.count &- 1
      // Beyond all children, the last one.
      let index = min(node.rank(address), last)
      if index > 0 { endBefore = bounds.end(index &- 1) }
      if index < last { startAfter = bounds.start(index &+ 1) }
      path[level] = Path.Step(node: node, index: index)
      child = node.child(index)
    }
    let leaf = child.asLeaf
    leaf.prefetchForCopy()
    var place = Place(
      leaf: leaf, first: leaf.rank(address), endBefore: endBefore, startAfter: startAfter)
    #if DEBUG
      placeNumber += 1
      place.number = placeNumber
    #endif
    return place
  }

  /// The leaf and the index of the first record that ends above `address`.
  ///
  /// - Complexity: O(height).
  mutating func find(endingAfter address: UInt64) -> (leaf: Leaf, index: Int)? {
    // For smaller addresses, no rank below is a node's count, since a child's key is its largest
    // end.
    guard address < maximumEnd, var child = top else { return nil }
    while let node = child.asWriterNode { child = node.child(node.rank(address)) }
    let leaf = child.asLeaf
    return (leaf, leaf.rank(address))
  }

  /// The first record that ends above `address`: the one that covers it, or the next.
  ///
  /// - Complexity: O(height).
  mutating func firstRecord(endingAfter address: UInt64) -> Record? {
    guard let (leaf, index) = find(endingAfter: address) else { return nil }
    return leaf.record(index)
  }

  /// The last record that ends at or below `address`.
  ///
  /// - Complexity: O(height).
  mutating func lastRecord(endingAtOrBefore address: UInt64) -> Record? {
    guard var child = top else { return nil }
    // The nearest subtree to the left of the path.
    var left: Child?
    while let node = child.asWriterNode {
      let rank = min(node.rank(address), node.bounds.count - 1)
      if rank > 0 { left = node.child(rank - 1) }
      child = node.child(rank)
    }
    let leaf = child.asLeaf
    let rank = min(leaf.rank(address), leaf.count)
    if rank > 0 { return leaf.record(rank - 1) }
    guard var left else { return nil }
    while let node = left.asWriterNode { left = node.child(node.bounds.count - 1) }
    let last = left.asLeaf
    return last.record(last.count - 1)
  }

  /// Calls `body` with each record that intersects `start..<end`, in order.
  mutating func forEach(in start: UInt64, _ end: UInt64, _ body: (Record) -> Void) {
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
