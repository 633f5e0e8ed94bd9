// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension IntervalTree {
  /// Whether a node, if it isn't the root, should be joined with a neighbour.
  static func isUnderfull(_ summary: ChildSummary) -> Bool {
    if let node = summary.child.asWriterNode {
      return node.bounds.count < NodeLayout.minimumInnerCount
    }
    return summary.child.asLeaf.count < NodeLayout.minimumLeafCount
  }

  /// Joins nodes of `list` that have too few entries with their neighbours.
  ///
  /// - Parameter range: the positions where such nodes may be.
  mutating func join(_ list: inout ChildSummaries, in range: Range<Int>) {
    var index = range.lowerBound
    var end = range.upperBound
    while index < end && list.count > 1 {
      guard Self.isUnderfull(list[index]) else {
        index += 1
        continue
      }
      let left = max(index - 1, 0)
      ChildSummaries.with { pair in
        combine(list[left], list[left + 1], into: &pair)
        list.replacePair(at: left, with: pair)
        if pair.count == 2 {
          // Each has at least half of the entries that a node can hold.
          index = left + 2
        } else {
          // The joined node may still have too few entries, so look at it again.
          end = max(end - 1, left + 1)
          index = left
        }
      }
    }
  }

  /// Distributes the entries of two neighbours over one or two nodes.
  private mutating func combine(
    _ left: ChildSummary, _ right: ChildSummary, into list: inout ChildSummaries
  ) {
    if let leftWriterNode = left.child.asWriterNode, let rightWriterNode = right.child.asWriterNode
    {
      combineNodes(leftWriterNode, rightWriterNode, into: &list)
    } else {
      let (left, right) = (left.child.asLeaf, right.child.asLeaf)
      join(left, 0..<0, Replacement(), with: right, isLeft: true).append(to: &list)
    }
  }

  private mutating func combineNodes(
    _ left: WriterNode, _ right: WriterNode, into list: inout ChildSummaries
  ) {
    ChildSummaries.with { children in
      for index in 0..<left.bounds.count { children.append(left.summary(index)) }
      for index in 0..<right.bounds.count { children.append(right.summary(index)) }
      discard(left)
      discard(right)
      // An only child may have been too small, with no neighbour to join.
      join(&children, in: 0..<children.count)
      buildNodes(children, into: &list)
    }
  }
}
