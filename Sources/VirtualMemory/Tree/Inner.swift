// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An inner node: up to 16 children in ascending order.
///
/// - Safety: as ``Leaf``.
@safe
struct Inner: Node {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  static var arrayBytes: Int { NodeLayout.innerArrayBytes }
  static var headerOffset: Int { NodeLayout.innerHeader }

  @inline(__always) func end(_ index: Int) -> UInt64 { word(0, index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { word(1, index) }
  @inline(__always) func gap(_ index: Int) -> UInt64 { word(2, index) }

  @inline(__always)
  func child(_ index: Int) -> UnsafeMutableRawPointer {
    // Safety: a child of a reachable node is reachable.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word(3, index))).unsafelyUnwrapped
  }

  func edge(_ index: Int) -> Edge {
    unsafe Edge(node: child(index), start: start(index), end: end(index), gap: gap(index))
  }

  @inline(__always)
  func setEdge(_ index: Int, _ edge: Edge) {
    setWord(0, index, edge.end)
    setWord(1, index, edge.start)
    setWord(2, index, edge.gap)
    setWord(3, index, unsafe UInt64(UInt(bitPattern: edge.node)))
  }

  /// The number of children that end at or before `address`.
  ///
  /// First which four keys have it, by the last keys of three fours, then all of the four: keys that
  /// don't depend on one another are loaded side by side.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let base = (isAtMost(address, 3) &+ isAtMost(address, 7) &+ isAtMost(address, 11)) &* 4
    return base &+ rankInFour(address, from: base)
  }

  /// The node as a child.
  var edge: Edge {
    let last = count - 1
    var gap = self.gap(0)
    for index in 0..<last {
      gap = max(gap, max(self.gap(index + 1), start(index + 1) - end(index)))
    }
    return unsafe Edge(node: base, start: start(0), end: end(last), gap: gap)
  }
}
