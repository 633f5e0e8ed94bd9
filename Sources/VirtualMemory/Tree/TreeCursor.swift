// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// A walk through one version in ascending order, which opens subtrees only when told to.
///
/// The cursor stands at an item (a subtree or a record) or at the end. It has passed everything
/// before that.
///
/// - Safety: the version must outlive it.
@safe
struct TreeCursor {
  /// What the cursor stands at.
  @safe
  struct Item {
    let start: UInt64
    let end: UInt64
    /// The subtree; `nil` for a record.
    let node: UnsafeMutableRawPointer?
    /// The number of levels below the subtree's root; -1 for a record.
    let level: Int
  }

  /// An open node, and the entry in it where the cursor stands, or whose subtree contains the
  /// cursor.
  @safe
  private struct Step {
    let node: UnsafeMutableRawPointer
    let level: Int
    let count: Int
    var index = 0
  }

  private(set) var item: Item?
  private var path: [Step] = []
  /// The number of nodes opened so far.
  private(set) var openedCount = 0

  init(_ tree: Tree) {
    path.reserveCapacity(tree.height + 1)
    guard let root = unsafe tree.root else { return }
    // A leaf's starts and an inner node's starts have different offsets.
    let start = tree.height == 0 ? unsafe Leaf(root).start(0) : unsafe InnerNode(root).start(0)
    item = unsafe Item(start: start, end: tree.maximumEnd, node: root, level: tree.height)
  }

  /// The record at which the cursor stands.
  ///
  /// - Precondition: the cursor stands at a record.
  var record: Record {
    guard let step = path.last, step.level == 0 else {
      fail("TreeCursor: not at a record")
    }
    return unsafe Leaf(step.node).record(step.index)
  }

  /// Moves to the first entry of the subtree at which the cursor stands.
  mutating func open() {
    guard let item, let node = unsafe item.node else {
      fail("TreeCursor: not at a subtree")
    }
    openedCount += 1
    let count = item.level == 0 ? unsafe Leaf(node).count : unsafe InnerNode(node).count
    path.append(unsafe Step(node: node, level: item.level, count: count))
    arrive()
  }

  /// Passes the item at which the cursor stands, and moves to the next one in the node or, if there
  /// is none, in the nearest node above that has another.
  mutating func skip() {
    while let last = path.indices.last {
      path[last].index += 1
      if path[last].index < path[last].count {
        arrive()
        return
      }
      path.removeLast()
    }
    item = nil
  }

  private mutating func arrive() {
    guard let step = path.last else { return }
    if step.level == 0 {
      let leaf = unsafe Leaf(step.node)
      item = unsafe Item(
        start: leaf.start(step.index), end: leaf.end(step.index), node: nil, level: -1)
    } else {
      let inner = unsafe InnerNode(step.node)
      item = unsafe Item(
        start: inner.start(step.index), end: inner.end(step.index), node: inner.child(step.index),
        level: step.level - 1)
    }
  }
}
