// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The writer's form of a persistent map of address ranges that don't overlap: a copy-on-write
/// B+tree.
///
/// Readers have a ``Tree``: the root of one version, which doesn't change. The writer changes the
/// next version. Between write sections, the two are the same. In a write section,
/// ``replace(_:_:with:at:)`` copies the nodes on a path. The owner then publishes ``root`` and
/// calls ``retireReplaced(and:)``. A node that was made in the same section is changed in place, or
/// freed at once, since no reader has seen it.
///
/// The tree knows ranges and the gaps between them, but not what the records mean. On its way down,
/// the writer reads its own mirrors of inner nodes, and leaves, but never published inner nodes.
///
/// Used by one thread at a time. Functions that only read are `mutating`, too: others would receive
/// a copy of the whole structure.
///
/// Invariants: ``checkInvariants()``.
@safe
struct IntervalTree: ~Copyable {
  var pool = NodePool<BulletproofFlavor>(blockBytes: NodeLayout.blockBytes)
  /// What readers will have. Read-only here: it changes with the writer's own nodes.
  private(set) var root = Tree()
  /// The start of the first record; the largest number if there is none.
  private(set) var minimumStart = UInt64.max
  /// The writer's mirror of the root, if that is an inner node.
  private var rootWriterNode: UnsafeMutableRawPointer?
  /// The number of the open write section. Nodes made in it carry it.
  private(set) var transaction: UInt64 = 1
  /// The path to the leaf that was located last.
  let path = Path()
  #if DEBUG
    /// Changes with each ``locate(_:)`` and each change. A ``Place`` is valid while it has this
    /// number.
    var placeNumber = 0
  #endif
  /// Blocks of the published version that the new version doesn't use. They are retired after that
  /// is published, never before.
  var replaced = ReplacedBlocks()
  /// From the first start to the last end of the records inserted last.
  var lastSplice: Range<UInt64> = 0..<0

  init() { unsafe rootWriterNode = nil }

  var height: Int { root.height }

  /// The end of the last record; 0 if there is none.
  var maximumEnd: UInt64 { root.maximumEnd }

  /// The root of the writer's tree; `nil` if there is no record.
  @inline(__always)
  var top: Child? {
    guard let node = unsafe root.root else { return nil }
    return unsafe Child(node: node, writerNode: rootWriterNode)
  }

  /// Makes `child` the root. Its subtree has the same first start and last end as the tree before.
  @inline(__always)
  mutating func setTop(_ child: Child) {
    unsafe root.root = child.node
    unsafe rootWriterNode = child.writerNode
  }

  /// Makes `summary` the root, with `height` inner levels above the leaves; `nil` makes the tree
  /// empty.
  @inline(__always)
  mutating func setTop(_ summary: ChildSummary?, height: Int) {
    root.height = height
    root.maximumEnd = summary?.end ?? 0
    minimumStart = summary?.start ?? .max
    unsafe root.root = summary?.child.node
    unsafe rootWriterNode = summary?.child.writerNode
  }

  /// Removes all records.
  ///
  /// - Complexity: O(n).
  mutating func removeAll() {
    if let top { discardSubtree(top) }
    setTop(nil, height: 0)
  }

  // MARK: Publishing

  /// A block of ``NodeLayout/versionBytes``, in which the owner publishes the root.
  @unsafe
  mutating func makeVersionBlock() -> UnsafeMutableRawPointer {
    unsafe pool.allocate(sizeClass: NodeLayout.versionClass)
  }

  /// After publishing, retires the nodes that the new version doesn't use, and the block of the
  /// previous version, and begins the next write section's transaction.
  @unsafe
  mutating func retireReplaced(and version: UnsafeMutableRawPointer) {
    unsafe replaced.push(version: version, isRecent: pool.isRecent(transaction &- 1))
    // Safety: these are tagged words of blocks.
    unsafe pool.retire(replaced.words, transaction: transaction)
    replaced.removeAll()
    transaction &+= 1
  }

  // MARK: Nodes

  /// Makes a leaf without records, with its own payload.
  mutating func makeLeaf() -> Leaf {
    let leaf = makeLeafBlock()
    leaf.payload = makePayload()
    leaf.payloadTransaction = transaction
    leaf.usedSlotCount = 0
    return leaf
  }

  private mutating func makeLeafBlock() -> Leaf {
    let leaf = unsafe Leaf(pool.allocate(sizeClass: NodeLayout.leafClass))
    leaf.transaction = transaction
    return leaf
  }

  private mutating func makePayload() -> Payload {
    unsafe Payload(pool.allocate(sizeClass: NodeLayout.payloadClass))
  }

  /// Makes a node without children, with its own bounds and its own inner node.
  mutating func makeWriterNode() -> WriterNode {
    let node = unsafe WriterNode(pool.allocate(sizeClass: NodeLayout.writerNodeClass))
    node.bounds = makeBounds()
    node.adopt(makeInner(), transaction)
    return node
  }

  private mutating func makeInner() -> InnerNode {
    unsafe InnerNode(pool.allocate(sizeClass: NodeLayout.innerClass))
  }

  private mutating func makeBounds() -> Bounds {
    let bounds = unsafe Bounds(pool.allocate(sizeClass: NodeLayout.boundsClass))
    bounds.transaction = transaction
    return bounds
  }

  /// The leaf with `items` in place of the records in `range`. This is the leaf itself if this
  /// write section made it; otherwise a copy, which replaces it. The payload is copied only if it
  /// has too few slots left.
  mutating func replaceRecords(of leaf: Leaf, _ range: Range<Int>, _ items: borrowing Replacement)
    -> Leaf
  {
    var new = leaf
    if leaf.transaction != transaction {
      new = makeLeafBlock()
      new.copyRanges(of: leaf, range, replacementCount: items.count)
      unsafe discard(leaf.base, leaf.transaction, NodeLayout.leafClass)
    } else if items.count != range.count {
      leaf.shift(from: range.upperBound, by: items.count &- range.count)
    }
    if new.usedSlotCount &+ items.count > NodeLayout.leafCapacity {
      let (payload, payloadTransaction) = (new.payload, new.payloadTransaction)
      let gap = range.lowerBound..<range.lowerBound &+ items.count
      new.move(to: makePayload(), transaction, except: gap)
      unsafe discard(payload.base, payloadTransaction, NodeLayout.payloadClass)
    }
    for index in 0..<items.count { new.setRecord(range.lowerBound &+ index, items[index]) }
    return new
  }

  /// Gives `node` an inner node that no reader has seen, unless it has one.
  @inline(__always)
  mutating func renew(_ node: WriterNode) {
    if node.innerTransaction == transaction { return }
    let (old, oldTransaction) = (node.inner, node.innerTransaction)
    node.adopt(makeInner(), transaction)
    node.writeChildren()
    unsafe discard(old.base, oldTransaction, NodeLayout.innerClass)
  }

  /// Replaces the child at `index`. The bounds are copied only if the child's range changes.
  mutating func replaceChild(of node: WriterNode, _ index: Int, _ summary: ChildSummary) {
    renew(node)
    let bounds = node.bounds
    if bounds.hasRange(index, of: summary) {
      node.replace(index, summary.child)
      node.setGap(index, summary.gap)
      return
    }
    renewBounds(of: node)
    node.replace(index, summary)
  }

  /// Replaces the children in `range` by one leaf or two.
  mutating func replaceChildren(of node: WriterNode, _ range: Range<Int>, _ leaves: NewLeaves) {
    renew(node)
    renewBounds(of: node)
    node.replace(range, leaves.first.summary, leaves.second?.summary)
  }

  /// Gives `node`, whose inner node no reader has seen, bounds that no reader has seen, unless it
  /// has such.
  @inline(__always)
  private mutating func renewBounds(of node: WriterNode) {
    let bounds = node.bounds
    if bounds.transaction == transaction { return }
    let new = makeBounds()
    new.copyContents(of: bounds)
    node.adopt(new)
    discard(bounds)
  }

  /// Drops `leaf`, which the tree no longer uses, with its payload.
  mutating func discard(_ leaf: Leaf) {
    unsafe discard(leaf.payload.base, leaf.payloadTransaction, NodeLayout.payloadClass)
    unsafe discard(leaf.base, leaf.transaction, NodeLayout.leafClass)
  }

  /// Drops `node`, which the tree no longer uses, with what readers see of it.
  mutating func discard(_ node: WriterNode) {
    unsafe discard(node.inner.base, node.innerTransaction, NodeLayout.innerClass)
    discard(node.bounds)
    unsafe pool.free(node.base, sizeClass: NodeLayout.writerNodeClass)
  }

  private mutating func discard(_ bounds: Bounds) {
    unsafe discard(bounds.base, bounds.transaction, NodeLayout.boundsClass)
  }

  @inline(__always)
  private mutating func discard(
    _ block: UnsafeMutableRawPointer, _ blockTransaction: UInt64, _ sizeClass: Int
  ) {
    if blockTransaction == transaction {
      unsafe pool.free(block, sizeClass: sizeClass)
    } else {
      unsafe replaced.push(
        block, blockTransaction, sizeClass, isRecent: pool.isRecent(blockTransaction))
    }
  }

  /// Drops the subtree at `child`, which the tree no longer uses.
  mutating func discardSubtree(_ child: Child) {
    guard let node = child.asWriterNode else { return discard(child.asLeaf) }
    for index in 0..<node.bounds.count { discardSubtree(node.child(index)) }
    discard(node)
  }
}
