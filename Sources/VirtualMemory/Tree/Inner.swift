// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An inner node as readers see it: up to 31 children in ascending order, with what is known of them in a
/// block of its own, the ``Bounds``.
///
/// Most changes exchange one child for another with the same bounds, all the way up to the root: only the
/// children are written then, and the bounds stay for many versions. Every fourth key, a pivot, is with the
/// children too: a search needs no more than four of the keys then.
///
/// Once it is published, the writer doesn't look at it any more: it has its own copy of all this in the
/// bounds. A cache line that has been written by one processor and is read by another leaves the first;
/// on the way down the writer would fetch each of them back, one after the other.
///
/// - Safety: as ``Leaf``.
@safe
struct Inner {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  /// The bounds, which belong to this node alone, apart from those that it has replaced.
  @inline(__always)
  var bounds: Bounds {
    get {
      // Safety: the bounds of a reachable node are reachable.
      unsafe Bounds(base.load(as: UnsafeMutableRawPointer.self))
    }
    nonmutating set {
      unsafe base.storeBytes(of: newValue.base, as: UnsafeMutableRawPointer.self)
    }
  }

  /// The write section that made the node.
  @inline(__always)
  var edit: UInt64 {
    get { unsafe base.load(fromByteOffset: 8, as: UInt64.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 8, as: UInt64.self) }
  }

  /// The last key of four, of the seven fours before the last one: the bounds' keys 3, 7 and so on.
  @inline(__always)
  func pivot(_ four: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: NodeLayout.innerPivots &+ four &* 8, as: UInt64.self)
  }

  @inline(__always)
  fileprivate func setPivot(_ four: Int, _ key: UInt64) {
    unsafe base.storeBytes(
      of: key, toByteOffset: NodeLayout.innerPivots &+ four &* 8, as: UInt64.self)
  }

  @inline(__always)
  func child(_ index: Int) -> UnsafeMutableRawPointer {
    // Safety: a child of a reachable node is reachable.
    unsafe base.load(
      fromByteOffset: NodeLayout.innerChildren &+ index &* 8, as: UnsafeMutableRawPointer.self)
  }

  @inline(__always)
  fileprivate func setChild(_ index: Int, _ child: UnsafeMutableRawPointer) {
    unsafe base.storeBytes(
      of: child, toByteOffset: NodeLayout.innerChildren &+ index &* 8,
      as: UnsafeMutableRawPointer.self)
  }

  @inline(__always) var count: Int { bounds.count }
  @inline(__always) func end(_ index: Int) -> UInt64 { bounds.end(index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { bounds.start(index) }

  /// The number of children that end at or before `address`.
  ///
  /// The pivots are read while the address of the bounds is on its way.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { pivot($0) }
    return first &+ bounds.rankInFour(address, from: first)
  }
}

/// What an inner node knows of its children: where they start and end; and the writer's part.
///
/// The writer's part is what the writer reads of the node and nobody else: the largest gaps below each
/// child, by which it finds room for a mapping; the children again, with their bounds, by which it finds its
/// way; and the block that readers see. It is of the draft, and changed in place, also in nodes that are
/// published, and that versions before the draft have as well.
///
/// - Safety: as ``Leaf``, but for the writer's part.
@safe
struct Bounds: Node {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  static var arrayBytes: Int { NodeLayout.boundsArrayBytes }
  static var headerOffset: Int { NodeLayout.boundsHeader }

  @inline(__always) func end(_ index: Int) -> UInt64 { word(0, index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { word(1, index) }

  /// Whether the child at `index` starts and ends where `edge` does.
  @inline(__always)
  func hasRange(_ index: Int, of edge: Edge) -> Bool {
    (end(index) ^ edge.end) | (start(index) ^ edge.start) == 0
  }
}

// MARK: - The writer's part

extension Bounds {
  /// The largest gap in the child at `index`.
  @inline(__always)
  func gap(_ index: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: NodeLayout.boundsGaps &+ index &* 8, as: UInt64.self)
  }

  @inline(__always)
  func setGap(_ index: Int, _ gap: UInt64) {
    unsafe base.storeBytes(
      of: gap, toByteOffset: NodeLayout.boundsGaps &+ index &* 8, as: UInt64.self)
  }

  /// The draft's child at `index`.
  @inline(__always)
  func child(_ index: Int) -> Child {
    // Safety: the draft's nodes are reachable.
    unsafe Child(
      node: base.load(
        fromByteOffset: NodeLayout.boundsChildren &+ index &* 8, as: UnsafeMutableRawPointer.self),
      bounds: base.load(
        fromByteOffset: NodeLayout.boundsOfChildren &+ index &* 8,
        as: UnsafeMutableRawPointer?.self))
  }

  @inline(__always)
  private func setChild(_ index: Int, _ child: Child) {
    unsafe base.storeBytes(
      of: child.node, toByteOffset: NodeLayout.boundsChildren &+ index &* 8,
      as: UnsafeMutableRawPointer.self)
    unsafe base.storeBytes(
      of: child.bounds, toByteOffset: NodeLayout.boundsOfChildren &+ index &* 8,
      as: UnsafeMutableRawPointer?.self)
  }

  /// What readers see of the draft's node.
  @inline(__always)
  var inner: Inner {
    get {
      unsafe Inner(
        base.load(fromByteOffset: NodeLayout.boundsInner, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set {
      unsafe base.storeBytes(
        of: newValue.base, toByteOffset: NodeLayout.boundsInner, as: UnsafeMutableRawPointer.self)
    }
  }

  /// The write section that made it: ``Inner/edit``.
  @inline(__always)
  var innerEdit: UInt64 {
    get { unsafe base.load(fromByteOffset: NodeLayout.boundsInner &+ 8, as: UInt64.self) }
    nonmutating set {
      unsafe base.storeBytes(
        of: newValue, toByteOffset: NodeLayout.boundsInner &+ 8, as: UInt64.self)
    }
  }

  /// Takes `inner`, which is new, for what readers see, without its children.
  @inline(__always)
  func adopt(_ inner: Inner, _ edit: UInt64) {
    inner.bounds = self
    inner.edit = edit
    self.inner = inner
    innerEdit = edit
  }

  /// Writes all children and pivots to what readers see.
  @inline(__always)
  func writeChildren() {
    let inner = inner
    for four in 0..<NodeLayout.pivotCount { inner.setPivot(four, end(four &* 4 &+ 3)) }
    unsafe (inner.base + NodeLayout.innerChildren).copyMemory(
      from: base + NodeLayout.boundsChildren, byteCount: NodeLayout.innerCapacity &* 8)
  }

  /// Exchanges the child at `index` for one with the same range.
  @inline(__always)
  func replace(_ index: Int, _ child: Child) {
    setChild(index, child)
    unsafe inner.setChild(index, child.node)
  }

  /// Sets a child and its range, which no reader sees yet, but not what readers see of the child: see
  /// ``writeChildren()``.
  @inline(__always)
  func set(_ index: Int, _ edge: Edge) {
    setWord(0, index, edge.end)
    setWord(1, index, edge.start)
    setGap(index, edge.gap)
    setChild(index, edge.child)
  }

  /// Exchanges the child at `index` for one with another range. No reader sees the bounds yet.
  @inline(__always)
  func replace(_ index: Int, _ edge: Edge) {
    set(index, edge)
    unsafe inner.setChild(index, edge.child.node)
    let four = index &>> 2
    if index & 3 == 3 && four < NodeLayout.pivotCount { inner.setPivot(four, edge.end) }
  }

  /// Takes over all of `other`, and its place: what readers see of the node has these bounds from now on.
  @inline(__always)
  func takePlace(of other: Bounds, _ edit: UInt64) {
    unsafe base.copyMemory(
      from: other.base, byteCount: NodeLayout.blockBytes(NodeLayout.boundsClass))
    self.edit = edit
    inner.bounds = self
  }

  func edge(_ index: Int) -> Edge {
    Edge(child: child(index), start: start(index), end: end(index), gap: gap(index))
  }

  /// The node as a child.
  @inline(__always)
  var asChild: Child { unsafe Child(node: inner.base, bounds: base) }

  /// The node as a child, with what its parent has to know.
  var edge: Edge { Edge(child: asChild, start: start(0), end: end(count - 1), gap: gapMax) }

  /// The largest gap in a child or between two.
  var gapMax: UInt64 {
    var gap = self.gap(0)
    for index in 0..<count - 1 {
      gap = max(gap, max(self.gap(index + 1), start(index + 1) - end(index)))
    }
    return gap
  }

  /// The largest gap in the child at `index`, and on both sides of it.
  @inline(__always)
  func gap(around index: Int, _ last: Int) -> UInt64 {
    var gap = gap(index)
    if index > 0 { gap = max(gap, start(index) &- end(index &- 1)) }
    if index < last { gap = max(gap, start(index &+ 1) &- end(index)) }
    return gap
  }

  /// The number of children that end at or before `address`.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { end($0 &* 4 &+ 3) }
    return first &+ rankInFour(address, from: first)
  }
}
