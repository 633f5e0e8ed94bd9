// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The usual change: it stays within one leaf, which afterwards has neither too many VMAs nor too few.
///
/// Each node on the way to the leaf is then replaced by one, with one child exchanged, and most often it
/// is seen from that child alone what the largest gap of the node is.
extension TreeWriter {
  /// Does what ``replace(_:_:with:)`` says below `node`, if one leaf is all that it takes.
  ///
  /// - Parameters:
  ///   - level: of the node.
  ///   - gap: the largest gap in the node's subtree; `nil` for the root, of which nobody wants to know.
  /// - Returns: the node that takes the place of `node`; `nil`, and nothing has been done, if it takes
  ///   more.
  /// - Complexity: O(height).
  mutating func replacePath(
    _ node: UnsafeMutableRawPointer, level: Int, gap: UInt64? = nil,
    _ start: UInt64, _ end: UInt64, _ items: Items
  ) -> Edge? {
    guard level > 0 else {
      return unsafe replaceInLeaf(Leaf(node), gap: gap, start, end, items)
    }
    let inner = unsafe Inner(node)
    let last = inner.count &- 1
    let index = min(inner.rank(start), last)
    guard index == last || inner.start(index &+ 1) >= end else { return nil }
    guard
      let child = unsafe replacePath(
        inner.child(index), level: level - 1, gap: inner.gap(index), start, end, items)
    else { return nil }
    // What the node's gap was made of that may differ now.
    let oldGap = gap == nil ? 0 : inner.bounds.gap(around: index, last)
    let new = replaceChild(of: inner, index, child)
    let bounds = new.bounds
    var edge = unsafe Edge(node: new.base, start: bounds.start(0), end: bounds.end(last), gap: 0)
    if let gap {
      edge.gap = changedGap(gap, without: oldGap, with: bounds.gap(around: index, last)) {
        bounds.gapMax
      }
    }
    return edge
  }

  private mutating func replaceInLeaf(
    _ leaf: Leaf, gap: UInt64?, _ start: UInt64, _ end: UInt64, _ items: Items
  ) -> Edge? {
    let count = leaf.count
    let first = leaf.rank(start)
    var last = first
    while last < count && leaf.start(last) < end { last &+= 1 }
    let newCount = count &- (last &- first) &+ items.count
    // A root may have any number of VMAs but none.
    let countMin = gap == nil ? 1 : NodeLayout.leafCountMin
    guard newCount >= countMin && newCount <= NodeLayout.leafCapacity else { return nil }
    for index in first..<last { self.count(removed: leaf.record(index)) }
    let oldGap = gap == nil ? 0 : leaf.gap(between: first &- 1, last)
    let new = copyForChange(leaf)
    if newCount != count { new.shift(from: last, by: newCount &- count) }
    for index in 0..<items.count { new.setRecord(first &+ index, items[index]) }
    var edge = unsafe Edge(
      node: new.base, start: new.start(0), end: new.end(newCount &- 1), gap: 0)
    if let gap {
      let newGap = new.gap(between: first &- 1, first &+ items.count)
      edge.gap = changedGap(gap, without: oldGap, with: newGap) { new.edge.gap }
    }
    return edge
  }

  /// The largest of numbers, `gap` so far, of which some have changed.
  ///
  /// - Parameters:
  ///   - oldPart: the largest that the changed ones were.
  ///   - newPart: the largest that they are now.
  ///   - all: the largest of all of them, for when it can't be told.
  @inline(__always)
  private func changedGap(
    _ gap: UInt64, without oldPart: UInt64, with newPart: UInt64, _ all: () -> UInt64
  ) -> UInt64 {
    if newPart >= gap { return newPart }
    return oldPart < gap ? gap : all()
  }
}

extension Leaf {
  /// The largest gap between neighbours of the VMAs from `first` to `last`, as far as there are such.
  @inline(__always)
  fileprivate func gap(between first: Int, _ last: Int) -> UInt64 {
    var gap: UInt64 = 0
    for index in max(first, 0)..<max(min(last, count &- 1), max(first, 0)) {
      gap = max(gap, start(index &+ 1) &- end(index))
    }
    return gap
  }
}
