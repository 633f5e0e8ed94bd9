// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

extension IntervalTree {
  /// Replaces the records that intersect `start..<end` by `items`.
  ///
  /// This is the only operation that changes the tree; all others are built on it. It copies the
  /// path to the leaf, or the two paths to the leaves at the ends of the range, and drops what is
  /// between them.
  ///
  /// - Precondition: `items` is in order, lies within the union of the range and the removed
  ///   records, and overlaps no record that stays. Records that intersect the range are removed as
  ///   a whole; what should stay of them is among `items`.
  /// - Parameter place: the place of `start`; `nil` if the tree is empty.
  /// - Complexity: O(height), and O(nodes removed).
  mutating func replace(
    _ start: UInt64, _ end: UInt64, with items: borrowing Replacement, at place: Place?
  ) {
    #if DEBUG
      if let place { precondition(place.number == placeNumber, "IntervalTree: a stale place") }
      placeNumber += 1
    #endif
    // Not earlier: splitting a leaf looks at the previous value.
    defer { if items.count > 0 { lastSplice = items[0].start..<items[items.count - 1].end } }
    if let place, replaceInLeaf(place, end, items) { return }
    replaceBySplicing(start, end, with: items)
  }

  /// The same, however many nodes it takes. Not inlined, since it is rare.
  @inline(never)
  private mutating func replaceBySplicing(
    _ start: UInt64, _ end: UInt64, with items: borrowing Replacement
  ) {
    ChildSummaries.with { list in
      if let top {
        splice(top, start, end, items, into: &list)
      } else {
        if let leaf = buildLeaf(items) { list.append(leaf) }
      }
      setTop(&list)
    }
  }

  /// Makes `list`, whose nodes are at level ``height``, the tree.
  private mutating func setTop(_ list: inout ChildSummaries) {
    var height = height
    while list.count > 1 {
      ChildSummaries.with { parents in
        buildNodes(list, into: &parents)
        list.removeAll()
        for index in 0..<parents.count { list.append(parents[index]) }
      }
      height += 1
    }
    guard list.count == 1 else { return setTop(nil, height: 0) }
    var top = list[0]
    // If the root has a single child, the child becomes the root.
    while let node = top.child.asWriterNode, node.bounds.count == 1 {
      top = node.summary(0)
      height -= 1
      discard(node)
    }
    setTop(top, height: height)
  }

  /// Splices below `child`, and appends what replaces it to `list`: any number of nodes, or none.
  private mutating func splice(
    _ child: Child, _ start: UInt64, _ end: UInt64, _ items: borrowing Replacement,
    into list: inout ChildSummaries
  ) {
    if let node = child.asWriterNode {
      spliceNode(node, start, end, items, into: &list)
    } else {
      spliceLeaf(child.asLeaf, start, end, items, into: &list)
    }
  }

  // MARK: Leaves

  private mutating func spliceLeaf(
    _ leaf: Leaf, _ start: UInt64, _ end: UInt64, _ items: borrowing Replacement,
    into list: inout ChildSummaries
  ) {
    let count = leaf.count
    let first = leaf.rank(start)
    var last = first
    while last < count && leaf.start(last) < end { last += 1 }
    let newCount = first + items.count + count - last
    if newCount == 0 {
      discard(leaf)
      return
    }
    if newCount > NodeLayout.leafCapacity {
      split(leaf, first..<last, items).append(to: &list)
      return
    }
    list.append(replaceRecords(of: leaf, first..<last, items).summary)
  }

  mutating func buildLeaf(_ records: RecordBuffer) -> ChildSummary {
    let leaf = makeLeaf()
    for index in 0..<records.count { unsafe leaf.setRecord(index, records[index]) }
    leaf.finish(records.count)
    return leaf.summary
  }

  private mutating func buildLeaf(_ items: borrowing Replacement) -> ChildSummary? {
    guard items.count > 0 else { return nil }
    let leaf = makeLeaf()
    for index in 0..<items.count { leaf.setRecord(index, items[index]) }
    leaf.finish(items.count)
    return leaf.summary
  }

  // MARK: Inner nodes

  private mutating func spliceNode(
    _ node: WriterNode, _ start: UInt64, _ end: UInt64, _ items: borrowing Replacement,
    into list: inout ChildSummaries
  ) {
    let bounds = node.bounds
    let count = bounds.count
    // The child where the range starts, and the child where it ends. A range in a gap belongs to
    // the child after the gap; a range beyond all children, to the last child.
    let first = min(node.rank(start), count - 1)
    var last = first
    while last + 1 < count && bounds.start(last + 1) < end { last += 1 }
    ChildSummaries.with { spliced in
      splice(node.child(first), start, end, items, into: &spliced)
      if first == last && spliced.count == 1 && !Self.isUnderfull(spliced[0]) {
        // The usual case: one child is replaced by one.
        replaceChild(of: node, first, spliced[0])
        list.append(node.summary)
        return
      }
      if last > first {
        for index in first + 1..<last { discardSubtree(node.child(index)) }
        splice(node.child(last), start, end, Replacement(), into: &spliced)
      }
      ChildSummaries.with { children in
        for index in 0..<first { children.append(node.summary(index)) }
        for index in 0..<spliced.count { children.append(spliced[index]) }
        for index in last + 1..<max(count, last + 1) { children.append(node.summary(index)) }
        discard(node)
        join(&children, in: first..<first + spliced.count)
        buildNodes(children, into: &list)
      }
    }
  }

  /// Makes evenly filled parents of `children`.
  mutating func buildNodes(_ children: ChildSummaries, into list: inout ChildSummaries) {
    var first = 0
    var nodesLeft = (children.count + NodeLayout.innerCapacity - 1) / NodeLayout.innerCapacity
    while nodesLeft > 0 {
      let count = (children.count - first + nodesLeft - 1) / nodesLeft
      list.append(buildNode(count) { children[first + $0] })
      first += count
      nodesLeft -= 1
    }
  }

  /// An inner node of `count` children.
  mutating func buildNode(_ count: Int, _ child: (Int) -> ChildSummary) -> ChildSummary {
    let node = makeWriterNode()
    node.fill(count, child)
    return node.summary
  }
}
