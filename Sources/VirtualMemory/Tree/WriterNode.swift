// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The writer's private mirror of an inner node.
///
/// Readers pull the cache lines of published nodes into their own caches, so a writer that
/// descended through those nodes would have a coherence miss on every level. It descends through
/// their mirrors instead, which only the writer reads and which it may therefore change in place.
/// Readers have the ``InnerNode`` that the writer makes of a mirror.
///
/// The mirror has the largest gap below each child, by which the writer finds room for a record;
/// the children, and the mirrors of those that are inner nodes; the bounds, which it shares with
/// the readers' node; and that node.
///
/// - Safety: made only from the address of such a node's block. Used only by the writer, while the
///   node belongs to the tree.
@safe
struct WriterNode {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  // MARK: What is published

  @inline(__always)
  var bounds: Bounds {
    get { unsafe Bounds(address(NodeLayout.writerBounds)) }
    nonmutating set { unsafe setAddress(NodeLayout.writerBounds, newValue.base) }
  }

  /// What readers see of the node.
  @inline(__always)
  var inner: InnerNode {
    get { unsafe InnerNode(address(NodeLayout.writerInner)) }
    nonmutating set { unsafe setAddress(NodeLayout.writerInner, newValue.base) }
  }

  /// The write section that made the inner node: ``InnerNode/transaction``.
  @inline(__always)
  var innerTransaction: UInt64 {
    get { unsafe base.load(fromByteOffset: NodeLayout.writerInner &+ 8, as: UInt64.self) }
    nonmutating set {
      unsafe base.storeBytes(
        of: newValue, toByteOffset: NodeLayout.writerInner &+ 8, as: UInt64.self)
    }
  }

  /// Makes `inner`, which is new, the node that readers will see, without its children.
  @inline(__always)
  func adopt(_ inner: InnerNode, _ transaction: UInt64) {
    inner.bounds = bounds
    inner.transaction = transaction
    self.inner = inner
    innerTransaction = transaction
  }

  /// Adopts `bounds`, which are new, as the inner node is.
  @inline(__always)
  func adopt(_ bounds: Bounds) {
    self.bounds = bounds
    inner.bounds = bounds
  }

  /// Writes all pivots and children to the inner node, which no reader has seen.
  @inline(__always)
  func writeChildren() {
    unsafe (inner.base + NodeLayout.innerPivots).copyMemory(
      from: base + NodeLayout.writerPivots,
      byteCount: (NodeLayout.pivotCount &+ NodeLayout.innerCapacity) &* 8)
  }

  // MARK: Children

  @inline(__always)
  func pivot(_ four: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: NodeLayout.writerPivots &+ four &* 8, as: UInt64.self)
  }

  @inline(__always)
  private func setPivot(_ four: Int, _ key: UInt64) {
    unsafe base.storeBytes(
      of: key, toByteOffset: NodeLayout.writerPivots &+ four &* 8, as: UInt64.self)
  }

  /// The number of children that end at or below `address`.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { pivot($0) }
    return first &+ bounds.rankInFour(address, from: first)
  }

  /// The largest gap in the child at `index`.
  @inline(__always)
  func gap(_ index: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: index &* 8, as: UInt64.self)
  }

  @inline(__always)
  func setGap(_ index: Int, _ gap: UInt64) {
    unsafe base.storeBytes(of: gap, toByteOffset: index &* 8, as: UInt64.self)
  }

  @inline(__always)
  func child(_ index: Int) -> Child {
    unsafe Child(
      node: address(NodeLayout.writerChildren &+ index &* 8),
      writerNode: base.load(
        fromByteOffset: NodeLayout.writerWriterNodes &+ index &* 8,
        as: UnsafeMutableRawPointer?.self))
  }

  @inline(__always)
  private func setChild(_ index: Int, _ child: Child) {
    unsafe setAddress(NodeLayout.writerChildren &+ index &* 8, child.node)
    unsafe base.storeBytes(
      of: child.writerNode, toByteOffset: NodeLayout.writerWriterNodes &+ index &* 8,
      as: UnsafeMutableRawPointer?.self)
  }

  /// Replaces the child at `index` by one with the same range. No reader has seen the inner node.
  @inline(__always)
  func replace(_ index: Int, _ child: Child) {
    setChild(index, child)
    unsafe inner.setChild(index, child.node)
  }

  /// Replaces the child at `index` by one with another range. No reader has seen the inner node or
  /// the bounds.
  @inline(__always)
  func replace(_ index: Int, _ summary: ChildSummary) {
    bounds.set(index, summary)
    setGap(index, summary.gap)
    replace(index, summary.child)
    let four = index &>> 2
    guard index & 3 == 3 && four < NodeLayout.pivotCount else { return }
    setPivot(four, summary.end)
    inner.setPivot(four, summary.end)
  }

  /// Fills a new node.
  func fill(_ count: Int, _ summary: (Int) -> ChildSummary) {
    for index in 0..<count { set(index, summary(index)) }
    bounds.finish(count)
    finish()
  }

  /// Replaces the children in `range` by `first` and, if there is one, `second`. No reader has seen
  /// the inner node or the bounds.
  func replace(_ range: Range<Int>, _ first: ChildSummary, _ second: ChildSummary?) {
    let shift = (second == nil ? 1 : 2) - range.count
    if shift != 0 {
      let words = unsafe base + range.upperBound * 8
      let bytes = (bounds.count - range.upperBound) * 8
      unsafe moveBytes(words, by: shift * 8, bytes)
      unsafe moveBytes(words + NodeLayout.writerChildren, by: shift * 8, bytes)
      unsafe moveBytes(words + NodeLayout.writerWriterNodes, by: shift * 8, bytes)
      bounds.shiftWords(from: range.upperBound, by: shift)
    }
    set(range.lowerBound, first)
    if let second { set(range.lowerBound + 1, second) }
    finish()
  }

  private func set(_ index: Int, _ summary: ChildSummary) {
    bounds.set(index, summary)
    setGap(index, summary.gap)
    setChild(index, summary.child)
  }

  /// Writes what depends on all children.
  private func finish() {
    let bounds = bounds
    for four in 0..<NodeLayout.pivotCount { setPivot(four, bounds.end(four * 4 + 3)) }
    writeChildren()
  }

  func summary(_ index: Int) -> ChildSummary {
    let bounds = bounds
    return ChildSummary(
      child: child(index), start: bounds.start(index), end: bounds.end(index), gap: gap(index))
  }

  // MARK: As a child

  @inline(__always)
  var asChild: Child { unsafe Child(node: inner.base, writerNode: base) }

  /// The node as a child, with what its parent must know.
  var summary: ChildSummary {
    let bounds = bounds
    return ChildSummary(
      child: asChild, start: bounds.start(0), end: bounds.end(bounds.count - 1), gap: maximumGap)
  }

  /// The largest gap in any child or between two children.
  var maximumGap: UInt64 {
    let bounds = bounds
    var gap = self.gap(0)
    for index in 0..<bounds.count - 1 {
      gap = max(gap, max(self.gap(index + 1), bounds.start(index + 1) - bounds.end(index)))
    }
    return gap
  }

  /// The largest gap in the child at `index` and next to it.
  @inline(__always)
  func gap(around index: Int, _ last: Int) -> UInt64 {
    let bounds = bounds
    var gap = gap(index)
    if index > 0 { gap = max(gap, bounds.start(index) &- bounds.end(index &- 1)) }
    if index < last { gap = max(gap, bounds.start(index &+ 1) &- bounds.end(index)) }
    return gap
  }

  @unsafe
  @inline(__always)
  private func address(_ offset: Int) -> UnsafeMutableRawPointer {
    // Safety: what the tree refers to exists.
    unsafe base.load(fromByteOffset: offset, as: UnsafeMutableRawPointer.self)
  }

  @unsafe
  @inline(__always)
  private func setAddress(_ offset: Int, _ address: UnsafeMutableRawPointer) {
    unsafe base.storeBytes(of: address, toByteOffset: offset, as: UnsafeMutableRawPointer.self)
  }
}

/// A node of the writer's tree.
@safe
struct Child: BitwiseCopyable {
  /// What readers see: a leaf or an inner node.
  var node: UnsafeMutableRawPointer
  /// The mirror of an inner node; `nil` for a leaf.
  var writerNode: UnsafeMutableRawPointer?

  /// The inner node, or `nil` for a leaf.
  @inline(__always)
  var asWriterNode: WriterNode? { unsafe writerNode.map { unsafe WriterNode($0) } }

  /// - Precondition: the child is a leaf.
  @inline(__always)
  var asLeaf: Leaf { unsafe Leaf(node) }
}
