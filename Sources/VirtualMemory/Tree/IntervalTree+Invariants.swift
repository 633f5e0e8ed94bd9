// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension IntervalTree {
  /// Checks everything that must be true between two write sections, and traps with the rule that
  /// is broken.
  ///
  /// - Records are not empty, ascend, and don't overlap.
  /// - Every node is at the depth of its level, and has between one entry and its capacity. Unless
  ///   it is on the path to the only leaf, it has at least as many entries as ``NodeLayout``
  ///   requires.
  /// - Unused keys are padded. What an inner node knows about a child (key, smallest start, largest
  ///   gap) is true. The writer has the same children as readers.
  /// - Complexity: O(n).
  /// - Parameter body: called with each record, in order.
  /// - Returns: the tree as readers have it.
  mutating func checkInvariants(_ body: (Record) -> Void = { _ in }) -> Tree {
    var lastEnd: UInt64 = 0
    if let top {
      Self.expect(unsafe top.node == root.root, "readers have the writer's root")
      let summary = Self.check(top, level: height, isRoot: true, &lastEnd, body)
      Self.expect(
        summary.end == maximumEnd && summary.start == minimumStart, "the tree knows where it ends")
    } else {
      Self.expect(
        height == 0 && maximumEnd == 0 && minimumStart == .max, "an empty tree has no height")
    }
    return root
  }

  private static func expect(_ condition: Bool, _ rule: String) {
    if !condition { fatalError("IntervalTree: invariant broken: \(rule)") }
  }

  private static func check(
    _ child: Child, level: Int, isRoot: Bool, _ lastEnd: inout UInt64, _ body: (Record) -> Void
  ) -> ChildSummary {
    Self.expect(unsafe (child.writerNode != nil) == (level > 0), "all leaves are equally deep")
    if let node = child.asWriterNode {
      Self.expect(unsafe node.inner.base == child.node, "the writer knows its inner nodes")
      return checkNode(node, level: level, isRoot: isRoot, &lastEnd, body)
    }
    return checkLeaf(child.asLeaf, isRoot: isRoot, &lastEnd, body)
  }

  private static func checkLeaf(
    _ leaf: Leaf, isRoot: Bool, _ lastEnd: inout UInt64, _ body: (Record) -> Void
  ) -> ChildSummary {
    let count = leaf.count
    let minimumCount = isRoot ? 1 : NodeLayout.minimumLeafCount
    Self.expect(
      (minimumCount...NodeLayout.leafCapacity).contains(count), "a leaf's count is allowed")
    for index in 0..<count {
      let record = leaf.record(index)
      Self.expect(record.start < record.end, "a record is not empty")
      Self.expect(record.start >= lastEnd, "records ascend and don't overlap")
      lastEnd = record.end
      body(record)
    }
    Self.expect(
      (count...NodeLayout.leafCapacity).contains(leaf.usedSlotCount), "a leaf's slots are allowed")
    Self.expect(
      leaf.payloadTransaction <= leaf.transaction, "a payload is not younger than its leaf")
    let slots = Set((0..<count).map { leaf.slot($0) })
    Self.expect(slots.count == count, "each record has a slot of its own")
    Self.expect(slots.allSatisfy { $0 < leaf.usedSlotCount }, "slots in use are counted")
    Self.expect(
      (0..<count).allSatisfy { leaf.tag($0) == leaf.record($0).tag },
      "a tag is the record's")
    for index in count..<NodeLayout.leafCapacity {
      Self.expect(leaf.end(index) == .max, "unused keys of a leaf are padded")
    }
    return leaf.summary
  }

  private static func checkNode(
    _ node: WriterNode, level: Int, isRoot: Bool, _ lastEnd: inout UInt64, _ body: (Record) -> Void
  ) -> ChildSummary {
    let (inner, bounds) = (node.inner, node.bounds)
    Self.expect(unsafe inner.bounds.base == bounds.base, "readers have the writer's bounds")
    Self.expect(
      inner.transaction == node.innerTransaction, "the writer knows its inner nodes' transactions")
    Self.expect(bounds.transaction <= inner.transaction, "bounds are not younger than their node")
    let count = bounds.count
    let minimumCount = isRoot ? 2 : NodeLayout.minimumInnerCount
    Self.expect(
      (minimumCount...NodeLayout.innerCapacity).contains(count), "an inner node's count is allowed")
    for index in 0..<count {
      let held = node.summary(index)
      Self.expect(
        unsafe inner.child(index) == held.child.node, "readers have the writer's children")
      let child = check(held.child, level: level - 1, isRoot: false, &lastEnd, body)
      Self.expect(
        held.start == child.start && held.end == child.end && held.gap == child.gap,
        "an inner node holds its children's keys, starts and gaps")
    }
    for index in count..<NodeLayout.boundsArrayBytes / 8 {
      Self.expect(bounds.end(index) == .max, "unused keys of an inner node are padded")
    }
    for four in 0..<NodeLayout.pivotCount {
      let key = bounds.end(four * 4 + 3)
      Self.expect(
        inner.pivot(four) == key && node.pivot(four) == key, "pivots are the bounds' keys")
    }
    return node.summary
  }
}
