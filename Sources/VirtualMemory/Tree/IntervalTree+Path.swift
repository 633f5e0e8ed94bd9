// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The usual change: it stays within one leaf. If that has too many records afterwards, or too few,
/// it is split, or joined with a neighbour, below the same parent.
///
/// One descent finds the leaf and all that is asked about its surroundings. Each node on the way is
/// then replaced by one, with one child exchanged. Most often what its parent knows of a node stays
/// the same, and then all the way up; where it doesn't, it is most often seen from the changed
/// child alone what the largest gap of the node is.
extension IntervalTree {
  /// Does what ``replace(_:_:with:at:)`` says, if the leaf at `place` is all that it takes, or one
  /// neighbour more.
  ///
  /// - Returns: whether that is so; if not, nothing has been done.
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
    // A root may have any number of records but none.
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

  /// The same for a leaf that has too many records afterwards, or too few: there are two in its
  /// place then, or it and a neighbour are joined. Not if its parent has too many children then, or
  /// too few.
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
    // A leaf without any record goes, and no neighbour changes. Of an only child there is none.
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

  /// Puts `summary` in the place of the child on the way in the node at the level `lowest` of the
  /// path.
  private mutating func replaceOnPath(_ summary: ChildSummary, from lowest: Int) {
    var summary = summary
    var level = lowest
    while level < height && !path[level].agrees(with: summary) {
      summary = replaceChild(at: level, summary)
      level &+= 1
    }
    if level == height { return setTop(summary, height: height) }
    // What parents know is as it was from here on.
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
    // What the node's gap was made of that may differ now.
    let oldGap = node.gap(around: step.index, last)
    replaceChild(of: node, step.index, child)
    let bounds = node.bounds
    var summary = ChildSummary(
      child: node.asChild, start: bounds.start(0), end: bounds.end(last), gap: 0)
    // Of the root's, nobody wants to know.
    if level &+ 1 < height {
      let newGap = node.gap(around: step.index, last)
      summary.gap = Self.changedGap(path[level &+ 1].gap, without: oldGap, with: newGap) {
        node.maximumGap
      }
    }
    return summary
  }

  /// The largest of numbers, `gap` so far, of which some have changed.
  ///
  /// - Parameters:
  ///   - oldPart: the largest that the changed ones were.
  ///   - newPart: the largest that they are now.
  ///   - all: the largest of all of them, for when it can't be told.
  @inline(__always)
  private static func changedGap(
    _ gap: UInt64, without oldPart: UInt64, with newPart: UInt64, _ all: () -> UInt64
  ) -> UInt64 {
    if newPart >= gap { return newPart }
    return oldPart < gap ? gap : all()
  }
}

extension Leaf {
  /// The largest gap between neighbours of the records from `first` to `last`, as far as there are
  /// such.
  @inline(__always)
  fileprivate func gap(between first: Int, _ last: Int) -> UInt64 {
    var gap: UInt64 = 0
    for index in max(first, 0)..<max(min(last, count &- 1), max(first, 0)) {
      gap = max(gap, start(index &+ 1) &- end(index))
    }
    return gap
  }
}
