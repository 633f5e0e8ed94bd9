// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An inner node as readers see it: up to 31 children in ascending order, with what is known of
/// them in a block of its own, the ``Bounds``.
///
/// Most changes exchange one child for another with the same bounds, all the way up to the root:
/// only the children are written then, and the bounds stay for many versions. Every fourth key, a
/// pivot, is with the children too: a search needs no more than four of the keys then.
///
/// Once it is published, the writer doesn't read it any more: see ``WriterNode``.
///
/// - Safety: as ``Leaf``.
@safe
struct InnerNode {
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
  var transaction: UInt64 {
    get { unsafe base.load(fromByteOffset: 8, as: UInt64.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 8, as: UInt64.self) }
  }

  /// The last key of four, of the seven fours before the last one: the bounds' keys 3, 7 and so on.
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

  /// The number of children that end at or before `address`.
  ///
  /// The pivots are read while the address of the bounds is on its way.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { pivot($0) }
    return first &+ bounds.rankInFour(address, from: first)
  }
}

/// What an inner node knows of its children: where they start and end.
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

  /// Whether the child at `index` starts and ends where `summary` does.
  @inline(__always)
  func hasRange(_ index: Int, of summary: ChildSummary) -> Bool {
    (end(index) ^ summary.end) | (start(index) ^ summary.start) == 0
  }

  /// Copies all of `other` but its transaction.
  @inline(__always)
  func copyContents(of other: Self) {
    unsafe base.copyMemory(from: other.base, byteCount: NodeLayout.boundsHeader + 8)
  }
}
