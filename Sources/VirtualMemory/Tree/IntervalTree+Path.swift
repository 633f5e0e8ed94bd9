// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The usual change, which stays within one leaf. If that leaf then has too many or too few
/// records, it is split or joined with a neighbour below the same parent.
///
/// One descent finds the leaf, and everything that must be known about its surroundings. Then each
/// node on the path is replaced by one with a different child. What a parent knows about the node
/// usually stays the same, and so on up to the root. If not, the node's new largest gap usually
/// follows from the changed child alone.
extension IntervalTree {
  /// Does what ``replace(_:_:with:at:)`` does, if this takes no more than the leaf at `place` and
  /// one neighbour.
  ///
  /// - Returns: whether that is so; if not, nothing has changed.
  /// - Complexity: O(height).
  mutating func replaceInLeaf(_ place: Place, _ end: UInt64, _ items: borrowing Replacement) -> Bool
  {
    guard place.startAfter >= end else { return false }
    let (leaf, first) = (place.leaf, place.first)
    let count = leaf.count
    var last = first
    while last < count && leaf.start(last) < end { last &+= 1 }
    let newCount = count &- (last &- first) &+ items.count
    let isRoot = height == 0
    // A root may have any number of records above 0.
    let minimumCount = isRoot ? 1 : NodeLayout.minimumLeafCount
    guard newCount >= minimumCount && newCount <= NodeLayout.leafCapacity else {
      return !isRoot && splitOrJoin(leaf, first..<last, items)
    }
    let oldGap = leaf.gap(between: first &- 1, last)
    let new = replaceRecords(of: leaf, first..<last, items)
    var summary = ChildSummary(
      child: new.asChild, start: new.start(0), end: new.end(newCount &- 1), gap: 0)
    if !isRoot {
      let newGap = new.gap(between: first &- 1, first &+ items.count)
      summary.gap = Self.changedGap(path[0].gap, without: oldGap, with: newGap) { new.summary.gap }
    }
    replaceOnPath(summary, from: 0)
    return true
  }

  /// The same for a leaf that then has too many or too few records: it is split, or joined with a
  /// neighbour. Not if that would give its parent too many or too few children.
  @inline(never)
  private mutating func splitOrJoin(
    _ leaf: Leaf, _ range: Range<Int>, _ items: borrowing Replacement
  )
    -> Bool
  {
    let step = path[0]
    let siblingCount = step.node.bounds.count
    let newCount = leaf.count - range.count + items.count
    if newCount > NodeLayout.leafCapacity {
      guard siblingCount < NodeLayout.innerCapacity else { return false }
      let new = split(leaf, range, items)
      replaceChildren(of: step.node, step.index..<step.index + 1, new)
      replaceOnPath(step.node.summary, from: 1)
      return true
    }
    let left = max(step.index - 1, 0)
    // An empty leaf is removed without changing a neighbour. An only child has no neighbour.
    guard newCount > 0, siblingCount > 1 else { return false }
    let isLeft = left == step.index
    let neighbour = step.node.child(isLeft ? left + 1 : left).asLeaf
    if newCount + neighbour.count <= NodeLayout.leafCapacity {
      let isTop = height == 1
      guard siblingCount > (isTop ? 2 : NodeLayout.minimumInnerCount) else { return false }
    }
    let new = join(leaf, range, items, with: neighbour, isLeft: isLeft)
    replaceChildren(of: step.node, left..<left + 2, new)
    replaceOnPath(step.node.summary, from: 1)
    return true
  }

  /// On the path, in the node at level `lowest`, replaces the child by `summary`.
  private mutating func replaceOnPath(_ summary: ChildSummary, from lowest: Int) {
    var summary = summary
    var level = lowest
    while level < height && !path[level].agrees(with: summary) {
      summary = replaceChild(at: level, summary)
      level &+= 1
    }
    if level == height { return setTop(summary, height: height) }
    // From here on, what the parents know stays the same.
    var child = summary.child
    while level < height {
      let step = path[level]
      renew(step.node)
      step.node.replace(step.index, child)
      child = step.node.asChild
      level &+= 1
    }
    setTop(child)
  }

  private mutating func replaceChild(at level: Int, _ child: ChildSummary) -> ChildSummary {
    let step = path[level]
    let node = step.node
    let last = node.bounds.count &- 1
    // The part of the node's gap that may change.
    let oldGap = node.gap(around: step.index, last)
    replaceChild(of: node, step.index, child)
    let bounds = node.bounds
    var summary = ChildSummary(
      child: node.asChild, start: bounds.start(0), end: bounds.end(last), gap: 0)
    // Nobody needs the root's gap.
    if level &+ 1 < height {
      let newGap = node.gap(around: step.index, last)
      summary.gap = Self.changedGap(path[level &+ 1].gap, without: oldGap, with: newGap) {
        node.maximumGap
      }
    }
    return summary
  }

  /// The new maximum of some numbers, a few of which have changed, if it was `gap` before.
  ///
  /// - Parameters:
  ///   - oldPart: the maximum of the changed numbers before.
  ///   - newPart: their maximum now.
  ///   - all: the maximum of all numbers now; called only if the others don't decide.
  @inline(__always)
  private static func changedGap(
    _ gap: UInt64, without oldPart: UInt64, with newPart: UInt64, _ all: () -> UInt64
  ) -> UInt64 {
    if newPart >= gap { return newPart }
    return oldPart < gap ? gap : all()
  }
}

extension Leaf {
  /// The largest gap between neighbouring records from `first` to `last`, as far as these exist.
  @inline(__always)
  fileprivate func gap(between first: Int, _ last: Int) -> UInt64 {
    var gap: UInt64 = 0
    for index in max(first, 0)..<max(min(last, count &- 1), max(first, 0)) {
      gap = max(gap, start(index &+ 1) &- end(index))
    }
    return gap
  }
}
