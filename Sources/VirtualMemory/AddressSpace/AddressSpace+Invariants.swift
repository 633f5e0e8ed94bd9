// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SequenceLocks

extension AddressSpace {
  /// Checks everything that must hold of the current version, under the read lock, and traps with
  /// what doesn't.
  ///
  /// - VMAs are page-aligned, not empty, ascending, and don't overlap.
  /// - Every node is at the depth of its level, has at least one entry, at most its capacity, and,
  ///   unless it is on the way to the only leaf, as many as ``NodeLayout`` asks for.
  /// - Unused keys are padded. An inner node's key, smallest start and largest gap of a child are
  ///   the child's. The writer has the same children as readers.
  /// - The version's counts are those of the tree; its generation is even and the counter's.
  /// - Complexity: O(n).
  package func _checkInvariants() {
    mapLock.withReadLock {
      let version = currentVersion
      var totals = Totals()
      if let root = unsafe writer.pointee.root {
        Self.expect(unsafe root.node == version.tree.root, "the draft is the current version")
        let edge = check(root, level: version.tree.height, isRoot: true, &totals)
        Self.expect(edge.end == version.tree.endMax, "the version's end is the tree's")
      } else {
        Self.expect(unsafe version.tree.root == nil, "the draft is the current version")
        Self.expect(
          version.tree.height == 0 && version.tree.endMax == 0, "an empty tree has no height")
      }
      Self.expect(totals.count == version.mapCount, "the version counts its VMAs")
      Self.expect(totals.pages == version.pageCount, "the version counts its pages")
      Self.expect(version.generation % 2 == 0, "a generation is even")
      Self.expect(version.generation <= mapLock.sequence, "a generation was the counter's")
    }
  }

  private struct Totals {
    var count = 0
    var pages: UInt64 = 0
    var lastEnd: UInt64 = 0
  }

  private static func expect(_ condition: Bool, _ rule: String) {
    if !condition { fatalError("AddressSpace: invariant broken: \(rule)") }
  }

  private func check(
    _ child: Child, level: Int, isRoot: Bool, _ totals: inout Totals
  ) -> Edge {
    Self.expect(unsafe (child.branch != nil) == (level > 0), "all leaves are equally deep")
    if let branch = child.asBranch {
      Self.expect(unsafe branch.inner.base == child.node, "the writer knows its inner nodes")
      return checkBranch(branch, level: level, isRoot: isRoot, &totals)
    }
    return checkLeaf(child.asLeaf, isRoot: isRoot, &totals)
  }

  private func checkLeaf(_ leaf: Leaf, isRoot: Bool, _ totals: inout Totals) -> Edge {
    let count = leaf.count
    let countMin = isRoot ? 1 : NodeLayout.leafCountMin
    Self.expect((countMin...NodeLayout.leafCapacity).contains(count), "a leaf's count is allowed")
    for index in 0..<count {
      let record = leaf.record(index)
      Self.expect(record.start.isPageAligned && record.end.isPageAligned, "VMAs are page-aligned")
      Self.expect(record.start < record.end, "a VMA is not empty")
      Self.expect(record.start >= totals.lastEnd, "VMAs ascend and don't overlap")
      Self.expect(record.end <= configuration.taskSize, "VMAs are in the task's addresses")
      totals.count += 1
      totals.pages += record.pageCount
      totals.lastEnd = record.end
    }
    Self.expect(
      (count...NodeLayout.leafCapacity).contains(leaf.usedSlotCount), "a leaf's slots are allowed")
    Self.expect(leaf.payloadEdit <= leaf.edit, "a payload is not younger than its leaf")
    let slots = Set((0..<count).map { leaf.slot($0) })
    Self.expect(slots.count == count, "each VMA has a slot of its own")
    Self.expect(slots.allSatisfy { $0 < leaf.usedSlotCount }, "slots in use are counted")
    Self.expect(
      (0..<count).allSatisfy { leaf.plainAccess($0) == leaf.record($0).plainAccess },
      "a plain access is the record's")
    for index in count..<NodeLayout.leafCapacity {
      Self.expect(leaf.end(index) == .max, "unused keys of a leaf are padded")
    }
    return leaf.edge
  }

  private func checkBranch(
    _ branch: Branch, level: Int, isRoot: Bool, _ totals: inout Totals
  ) -> Edge {
    let (inner, bounds) = (branch.inner, branch.bounds)
    Self.expect(unsafe inner.bounds.base == bounds.base, "readers have the writer's bounds")
    Self.expect(inner.edit == branch.innerEdit, "the writer knows its inner nodes' edits")
    Self.expect(bounds.edit <= inner.edit, "bounds are not younger than their node")
    let count = bounds.count
    let countMin = isRoot ? 2 : NodeLayout.innerCountMin
    Self.expect(
      (countMin...NodeLayout.innerCapacity).contains(count), "an inner node's count is allowed")
    for index in 0..<count {
      let held = branch.edge(index)
      Self.expect(
        unsafe inner.child(index) == held.child.node, "readers have the writer's children")
      let child = check(held.child, level: level - 1, isRoot: false, &totals)
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
        inner.pivot(four) == key && branch.pivot(four) == key, "pivots are the bounds' keys")
    }
    return branch.edge
  }

  /// Bytes of nodes: reserved from the system, of these in use by the current version, and retired
  /// but not yet recycled.
  package var _poolBytes: (reserved: Int, live: Int, limbo: Int) {
    mapLock.withReadLock {
      let version = currentVersion
      let live =
        unsafe version.tree.root.map { unsafe Self.nodeBytes($0, level: version.tree.height) } ?? 0
      return unsafe (
        writer.pointee.pool.reservedBytes, live, writer.pointee.pool.limboBytes
      )
    }
  }

  private static func nodeBytes(_ node: UnsafeMutableRawPointer, level: Int) -> Int {
    if level == 0 {
      return NodeLayout.blockBytes(NodeLayout.leafClass)
        + NodeLayout.blockBytes(NodeLayout.payloadClass)
    }
    let inner = unsafe Inner(node)
    let bytes =
      NodeLayout.blockBytes(NodeLayout.innerClass) + NodeLayout.blockBytes(NodeLayout.boundsClass)
      + NodeLayout.blockBytes(NodeLayout.branchClass)
    return (0..<inner.count).reduce(bytes) {
      unsafe $0 + nodeBytes(inner.child($1), level: level - 1)
    }
  }
}
