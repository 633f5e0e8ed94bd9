// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// A persistent map of ranges of addresses that don't overlap: a copy-on-write B+tree, as its
/// writer has it.
///
/// Readers have a ``Tree``, the root of one version, which stays as it is; the writer changes the
/// next one. Between two write sections both are the same. In a write section
/// ``replace(_:_:with:at:)`` path-copies nodes; the owner then publishes ``root`` and calls
/// ``retireReplaced(and:)``. A node that was made in the section itself is changed in place or
/// given back at once: no reader has seen it.
///
/// The tree knows ranges, and gaps between them; it doesn't know what the records mean. On its way
/// down the writer looks at its own mirrors of inner nodes, and at leaves: never at inner nodes
/// that are published.
///
/// Used by one thread at a time. Functions that only look are `mutating`, too: others would be
/// given a copy of the whole structure.
///
/// Invariants: ``checkInvariants()``.
@safe
struct IntervalTree: ~Copyable {
  var pool = NodePool<BulletproofFlavor>(blockBytes: NodeLayout.blockBytes)
  /// What readers will have. To be read only: it changes with the writer's own nodes.
  private(set) var root = Tree()
  /// The start of the first record, or the largest number.
  private(set) var minimumStart = UInt64.max
  /// The root as the writer has it, if it is an inner node.
  private var rootWriterNode: UnsafeMutableRawPointer?
  /// The number of the open write section; nodes made in it carry it.
  private(set) var transaction: UInt64 = 1
  /// To the leaf that was located last.
  let path = Path()
  #if DEBUG
    /// Of the last ``locate(_:)`` or change: a ``Place`` is good as long as it has this number.
    var placeNumber = 0
  #endif
  /// Blocks of the published version that the new one doesn't use: retired after that is published,
  /// never before.
  var replaced = ReplacedBlocks()
  /// From the first start to the last end of what was last put in.
  var lastSplice: Range<UInt64> = 0..<0

  init() { unsafe rootWriterNode = nil }

  var height: Int { root.height }

  /// The end of the last record, or 0.
  var maximumEnd: UInt64 { root.maximumEnd }

  /// The root of the writer's tree; `nil` if there is no record.
  @inline(__always)
  var top: Child? {
    guard let node = unsafe root.root else { return nil }
    return unsafe Child(node: node, writerNode: rootWriterNode)
  }

  /// Makes `child`, whose subtree has the same first start and last end as the tree had, the root.
  @inline(__always)
  mutating func setTop(_ child: Child) {
    unsafe root.root = child.node
    unsafe rootWriterNode = child.writerNode
  }

  /// Makes `summary` the root, above `height` inner levels; `nil` for an empty tree.
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

  /// A block for what the owner publishes the root with, of ``NodeLayout/versionBytes``.
  @unsafe
  mutating func makeVersionBlock() -> UnsafeMutableRawPointer {
    unsafe pool.allocate(sizeClass: NodeLayout.versionClass)
  }

  /// After publishing: hands the nodes that the new version doesn't use to the grace period, with
  /// the block of the version before, and begins the next write section's transaction.
  @unsafe
  mutating func retireReplaced(and version: UnsafeMutableRawPointer) {
    unsafe replaced.push(version: version, isRecent: pool.isRecent(transaction &- 1))
    // Safety: the words are of blocks' addresses, with their classes.
    unsafe pool.retire(replaced.words, transaction: transaction)
    replaced.removeAll()
    transaction &+= 1
  }

  // MARK: Nodes

  /// With a payload of its own, and no record.
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

  /// With bounds and an inner node of its own, and no child.
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

  /// The leaf with `items` in the place of the records in `range`: the leaf itself if this write
  /// section made it, else a copy that takes its place. The payload too is copied only if it has
  /// too few slots left.
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

  /// Gives `node` an inner node that no reader has seen, if it hasn't one.
  @inline(__always)
  mutating func renew(_ node: WriterNode) {
    if node.innerTransaction == transaction { return }
    let (old, oldTransaction) = (node.inner, node.innerTransaction)
    node.adopt(makeInner(), transaction)
    node.writeChildren()
    unsafe discard(old.base, oldTransaction, NodeLayout.innerClass)
  }

  /// Puts another child at `index`. The bounds are copied only if the child's range is another.
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

  /// Puts one leaf in the place of the children in `range`, or two.
  mutating func replaceChildren(of node: WriterNode, _ range: Range<Int>, _ leaves: NewLeaves) {
    renew(node)
    renewBounds(of: node)
    node.replace(range, leaves.first.summary, leaves.second?.summary)
  }

  /// Gives `node`, whose inner node no reader has seen, bounds that none has seen, if it hasn't
  /// such.
  @inline(__always)
  private mutating func renewBounds(of node: WriterNode) {
    let bounds = node.bounds
    if bounds.transaction == transaction { return }
    let new = makeBounds()
    new.copyContents(of: bounds)
    node.adopt(new)
    discard(bounds)
  }

  /// The tree no longer uses `leaf`, nor its payload.
  mutating func discard(_ leaf: Leaf) {
    unsafe discard(leaf.payload.base, leaf.payloadTransaction, NodeLayout.payloadClass)
    unsafe discard(leaf.base, leaf.transaction, NodeLayout.leafClass)
  }

  /// The tree no longer uses `node`, nor what readers see of it.
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

  /// The tree no longer uses the subtree at `child`.
  mutating func discardSubtree(_ child: Child) {
    guard let node = child.asWriterNode else { return discard(child.asLeaf) }
    for index in 0..<node.bounds.count { discardSubtree(node.child(index)) }
    discard(node)
  }
}
