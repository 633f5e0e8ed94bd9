// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// One state of an address space: immutable once published, and reached through one pointer.
///
/// A reader that loads the pointer has everything: the tree and the numbers of the whole space.
@safe
struct Version: BitwiseCopyable {
  /// The root node, or `nil` if nothing is mapped.
  var root: UnsafeMutableRawPointer?
  /// Inner levels above the leaves.
  var height = 0
  /// The end of the last VMA, or 0.
  var endMax: UInt64 = 0
  /// The sequence counter's value after the write section that published the version: even.
  var generation: UInt64 = 0
  /// The number of that write section: the version's nodes carry this number or a smaller one.
  var edit: UInt64 = 0
  /// The number of VMAs.
  var mapCount = 0
  /// The sum of the VMAs' pages.
  var pageCount: UInt64 = 0
  /// The pages of private writable VMAs, which `RLIMIT_DATA` bounds.
  var dataPages: UInt64 = 0
  /// The pages of locked VMAs, and those that ``AddressSpace/remap(_:length:to:flags:at:)`` unlocked
  /// by not unmapping them, which the kernel goes on counting: `locked_vm`.
  var lockedPages: UInt64 = 0
  /// The heap: a VMA is `[heap]` if it starts below `breakEnd` and ends above `breakStart`.
  var breakStart: UInt64 = 0
  var breakEnd: UInt64 = 0
  /// A VMA is `[stack]` if this address lies in it or at its end; the largest number for none.
  var stackStart: UInt64 = .max
  /// The flags of `[vsyscall]`, which is printed last and never found; 0 if there is none.
  var gateFlags = VMAFlags()

  /// Where x86-64 has its gate page.
  static var gateStart: UInt64 { 0xffff_ffff_ff60_0000 }
  static var gateEnd: UInt64 { gateStart + .page }

  init() { unsafe root = nil }
}

// MARK: - Finding

extension Version {
  /// The leaf and the position of the first VMA that ends above `address`.
  @inline(__always)
  func find(endingAbove address: UInt64) -> (leaf: Leaf, index: Int)? {
    // Past this no rank below can be a node's count: a child's key is its largest end.
    guard address < endMax, var node = unsafe root else { return nil }
    for _ in 0..<height {
      let inner = unsafe Inner(node)
      unsafe node = inner.child(inner.rank(address))
    }
    let leaf = unsafe Leaf(node)
    return (leaf, leaf.rank(address))
  }

  /// The first VMA that ends above `address`: the one that covers it, or the next.
  @inline(__always)
  func record(endingAbove address: UInt64) -> Record? {
    guard let (leaf, index) = find(endingAbove: address) else { return nil }
    return leaf.record(index)
  }

  /// The last VMA that ends at or below `address`.
  ///
  /// - Complexity: O(height).
  func record(endingAtOrBelow address: UInt64) -> Record? {
    guard var node = unsafe root else { return nil }
    // The subtree left of the way down that is nearest to it, and its level.
    var left: (node: UnsafeMutableRawPointer, level: Int)?
    for level in stride(from: height, to: 0, by: -1) {
      let inner = unsafe Inner(node)
      let rank = min(inner.rank(address), inner.count - 1)
      if rank > 0 { unsafe left = (inner.child(rank - 1), level - 1) }
      unsafe node = inner.child(rank)
    }
    let leaf = unsafe Leaf(node)
    let rank = min(leaf.rank(address), leaf.count)
    if rank > 0 { return leaf.record(rank - 1) }
    guard let left = unsafe left else { return nil }
    unsafe node = left.node
    for _ in 0..<(unsafe left.level) {
      let inner = unsafe Inner(node)
      unsafe node = inner.child(inner.count - 1)
    }
    let last = unsafe Leaf(node)
    return last.record(last.count - 1)
  }

  /// Calls `body` with each VMA that intersects `start..<end`, in order.
  func forEach(in start: UInt64, _ end: UInt64, _ body: (Record) -> Void) {
    var position = start
    while let (leaf, first) = find(endingAbove: position) {
      for index in first..<leaf.count {
        let record = leaf.record(index)
        if record.start >= end { return }
        body(record)
        position = record.end
      }
    }
  }
}
