// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An inner node: up to 31 children in ascending order, with what is known of them in a block of its own,
/// the ``Bounds``.
///
/// Most changes exchange one child for another with the same bounds, all the way up to the root: only the
/// children are copied then, and the bounds stay for many versions. Every fourth key, a pivot, is with the
/// children too: a search needs no more than four of the keys then.
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

  /// Takes over the bounds' key at `index`, if it is a pivot.
  @inline(__always)
  func updatePivot(_ index: Int) {
    let four = index &>> 2
    guard index & 3 == 3 && four < NodeLayout.pivotCount else { return }
    unsafe base.storeBytes(
      of: end(index), toByteOffset: NodeLayout.innerPivots &+ four &* 8, as: UInt64.self)
  }

  /// Takes over all of them.
  func updatePivots() {
    for four in 0..<NodeLayout.pivotCount { updatePivot(four &* 4 &+ 3) }
  }

  @inline(__always)
  func child(_ index: Int) -> UnsafeMutableRawPointer {
    // Safety: a child of a reachable node is reachable.
    unsafe base.load(
      fromByteOffset: NodeLayout.innerChildren &+ index &* 8, as: UnsafeMutableRawPointer.self)
  }

  @inline(__always)
  func setChild(_ index: Int, _ child: UnsafeMutableRawPointer) {
    unsafe base.storeBytes(
      of: child, toByteOffset: NodeLayout.innerChildren &+ index &* 8,
      as: UnsafeMutableRawPointer.self)
  }

  @inline(__always) var count: Int { bounds.count }
  @inline(__always) func end(_ index: Int) -> UInt64 { bounds.end(index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { bounds.start(index) }
  @inline(__always) func gap(_ index: Int) -> UInt64 { bounds.gap(index) }

  /// The number of children that end at or before `address`.
  ///
  /// The pivots are read while the address of the bounds is on its way.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { pivot($0) }
    return first &+ bounds.rankInFour(address, from: first)
  }

  func edge(_ index: Int) -> Edge {
    unsafe Edge(node: child(index), start: start(index), end: end(index), gap: gap(index))
  }

  /// Sets a child and its bounds, which no reader sees yet.
  @inline(__always)
  func setEdge(_ index: Int, _ edge: Edge) {
    unsafe setChild(index, edge.node)
    bounds.set(index, edge)
  }

  /// Takes over the children of `other`, its pivots and its bounds.
  @inline(__always)
  func copyChildren(of other: Self) {
    bounds = other.bounds
    let offset = NodeLayout.innerPivots
    unsafe (base + offset).copyMemory(
      from: other.base + offset,
      byteCount: NodeLayout.blockBytes(NodeLayout.innerClass) - offset)
  }

  /// The node as a child.
  var edge: Edge {
    let bounds = bounds
    let last = bounds.count - 1
    return unsafe Edge(
      node: base, start: bounds.start(0), end: bounds.end(last), gap: bounds.gapMax)
  }
}

/// What an inner node knows of its children: where they start and end, and their largest gaps.
///
/// The gaps are the writer's: to find room for a mapping it reads those of its draft, and nobody else reads
/// any. So it changes them in place, in nodes that are published, too, and that versions before the draft
/// have as well.
///
/// - Safety: as ``Leaf``, but for the gaps.
@safe
struct Bounds: Node {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  static var arrayBytes: Int { NodeLayout.boundsArrayBytes }
  static var headerOffset: Int { NodeLayout.boundsHeader }

  @inline(__always) func end(_ index: Int) -> UInt64 { word(0, index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { word(1, index) }
  @inline(__always) func gap(_ index: Int) -> UInt64 { word(2, index) }

  @inline(__always)
  func set(_ index: Int, _ edge: Edge) {
    setWord(0, index, edge.end)
    setWord(1, index, edge.start)
    setGap(index, edge.gap)
  }

  @inline(__always) func setGap(_ index: Int, _ gap: UInt64) { setWord(2, index, gap) }

  /// Whether the child at `index` starts and ends where `edge` does.
  @inline(__always)
  func hasRange(_ index: Int, of edge: Edge) -> Bool {
    (end(index) ^ edge.end) | (start(index) ^ edge.start) == 0
  }

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
}
