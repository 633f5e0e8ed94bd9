// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension TreeWriter {
  /// Whether a node that is not the root should be joined with a neighbour.
  static func isUnderfull(_ edge: Edge, level: Int) -> Bool {
    level == 0
      ? unsafe Leaf(edge.node).count < NodeLayout.leafCountMin
      : unsafe Inner(edge.node).count < NodeLayout.innerCountMin
  }

  /// Joins the nodes of `list` that have too few entries with their neighbours.
  ///
  /// - Parameters:
  ///   - range: where nodes with too few entries may be.
  ///   - level: of the nodes.
  mutating func join(_ list: inout EdgeList, in range: Range<Int>, level: Int) {
    var index = range.lowerBound
    var end = range.upperBound
    while index < end && list.count > 1 {
      guard Self.isUnderfull(list[index], level: level) else {
        index += 1
        continue
      }
      let left = max(index - 1, 0)
      EdgeList.with { pair in
        combine(list[left], list[left + 1], level: level, into: &pair)
        list.replacePair(at: left, with: pair)
        if pair.count == 2 {
          // Each has at least half of what a node holds.
          index = left + 2
        } else {
          // The one in their place may still have too few: look at it again.
          end = max(end - 1, left + 1)
          index = left
        }
      }
    }
  }

  /// Distributes the entries of two neighbours over one node, or two.
  private mutating func combine(
    _ left: Edge, _ right: Edge, level: Int, into list: inout EdgeList
  ) {
    level == 0
      ? unsafe combineLeaves(Leaf(left.node), Leaf(right.node), into: &list)
      : unsafe combineInners(Inner(left.node), Inner(right.node), level: level, into: &list)
  }

  private mutating func combineLeaves(_ left: Leaf, _ right: Leaf, into list: inout EdgeList) {
    let total = left.count + right.count
    unsafe withUnsafeTemporaryAllocation(of: Record.self, capacity: total) { records in
      let base = unsafe records.baseAddress.unsafelyUnwrapped
      for index in 0..<left.count { unsafe (base + index).initialize(to: left.record(index)) }
      for index in 0..<right.count {
        unsafe (base + left.count + index).initialize(to: right.record(index))
      }
      discard(left)
      discard(right)
      unsafe buildLeaves(RecordBuffer(records), into: &list)
    }
  }

  private mutating func combineInners(
    _ left: Inner, _ right: Inner, level: Int, into list: inout EdgeList
  ) {
    EdgeList.with { children in
      for index in 0..<left.count { children.append(left.edge(index)) }
      for index in 0..<right.count { children.append(right.edge(index)) }
      discard(left)
      discard(right)
      // An only child may have been too small without a neighbour to join.
      join(&children, in: 0..<children.count, level: level - 1)
      buildInners(children, into: &list)
    }
  }
}
