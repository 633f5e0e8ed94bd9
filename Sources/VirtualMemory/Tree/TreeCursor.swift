// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// A walk through one version in ascending order, which opens subtrees only when it is told to.
///
/// It stands at an item, a subtree or a record, or at the end; everything before it has been
/// passed.
///
/// - Safety: the version outlives it.
@safe
struct TreeCursor {
  /// What a cursor stands at.
  @safe
  struct Item {
    let start: UInt64
    let end: UInt64
    /// The subtree; `nil` for a record.
    let node: UnsafeMutableRawPointer?
    /// Levels below the subtree's root; -1 for a record.
    let level: Int
  }

  /// An open node, and the entry in it where the cursor stands, or whose subtree it is in.
  @safe
  private struct Step {
    let node: UnsafeMutableRawPointer
    let level: Int
    let count: Int
    var index = 0
  }

  private(set) var item: Item?
  private var path: [Step] = []
  /// Nodes opened so far.
  private(set) var openedCount = 0

  init(_ tree: Tree) {
    path.reserveCapacity(tree.height + 1)
    guard let root = unsafe tree.root else { return }
    // A leaf's starts and an inner node's lie at different places.
    let start = tree.height == 0 ? unsafe Leaf(root).start(0) : unsafe InnerNode(root).start(0)
    item = unsafe Item(start: start, end: tree.maximumEnd, node: root, level: tree.height)
  }

  /// The record that the cursor stands at.
  ///
  /// - Precondition: it stands at one.
  var record: Record {
    guard let step = path.last, step.level == 0 else {
      fail("TreeCursor: not at a record")
    }
    return unsafe Leaf(step.node).record(step.index)
  }

  /// Goes to the first entry of the subtree that the cursor stands at.
  mutating func open() {
    guard let item, let node = unsafe item.node else {
      fail("TreeCursor: not at a subtree")
    }
    openedCount += 1
    let count = item.level == 0 ? unsafe Leaf(node).count : unsafe InnerNode(node).count
    path.append(unsafe Step(node: node, level: item.level, count: count))
    arrive()
  }

  /// Passes the item that the cursor stands at, to the next of the node, or of the next one above
  /// that has another.
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
