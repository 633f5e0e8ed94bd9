// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An inner node as readers see it: up to 31 children in ascending order. What it knows about them
/// is in a separate block, the ``Bounds``.
///
/// Most changes replace one child by another with the same bounds, all the way up to the root. Then
/// only the children are written, and the same bounds serve many versions. Every fourth key, a
/// pivot, is also stored with the children, so that a search needs at most four of the keys.
///
/// Once the node is published, the writer no longer reads it: see ``WriterNode``.
///
/// - Safety: as ``Leaf``.
@safe
struct InnerNode {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  /// The bounds, which only this node uses, and nodes that it has replaced.
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
  var transaction: UInt64 {
    get { unsafe base.load(fromByteOffset: 8, as: UInt64.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 8, as: UInt64.self) }
  }

  /// The last key of a four, for the seven fours before the last one: the bounds' keys 3, 7 and so
  /// on.
  @inline(__always)
  func pivot(_ four: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: NodeLayout.innerPivots &+ four &* 8, as: UInt64.self)
  }

  @inline(__always)
  func setPivot(_ four: Int, _ key: UInt64) {
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
  func setChild(_ index: Int, _ child: UnsafeMutableRawPointer) {
    unsafe base.storeBytes(
      of: child, toByteOffset: NodeLayout.innerChildren &+ index &* 8,
      as: UnsafeMutableRawPointer.self)
  }

  @inline(__always) var count: Int { bounds.count }
  @inline(__always) func end(_ index: Int) -> UInt64 { bounds.end(index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { bounds.start(index) }

  /// The number of children that end at or below `address`.
  ///
  /// The pivots are read while the address of the bounds is being loaded.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { pivot($0) }
    return first &+ bounds.rankInFour(address, from: first)
  }
}

/// What an inner node knows about its children: where they start and end.
///
/// - Safety: as ``Leaf``.
@safe
struct Bounds: Node {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  static var arrayBytes: Int { NodeLayout.boundsArrayBytes }
  static var headerOffset: Int { NodeLayout.boundsHeader }

  @inline(__always) func end(_ index: Int) -> UInt64 { word(0, index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { word(1, index) }

  @inline(__always)
  func set(_ index: Int, _ summary: ChildSummary) {
    setWord(0, index, summary.end)
    setWord(1, index, summary.start)
  }

  /// Whether the child at `index` has the start and the end of `summary`.
  @inline(__always)
  func hasRange(_ index: Int, of summary: ChildSummary) -> Bool {
    (end(index) ^ summary.end) | (start(index) ^ summary.start) == 0
  }

  /// Copies everything from `other` except its transaction.
  @inline(__always)
  func copyContents(of other: Self) {
    unsafe base.copyMemory(from: other.base, byteCount: NodeLayout.boundsHeader + 8)
  }
}
