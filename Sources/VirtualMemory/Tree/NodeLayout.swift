// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The layout of nodes: a persistent B+tree in raw memory.
///
/// Nodes are structures of arrays, so that a search reads only keys. The key of a record is its
/// end; the key of a subtree is its largest end; unused keys are the largest number. The rank of an
/// address is the number of keys that are at most the address. This is the index of the first
/// record that ends above the address, the covering one or the next, so no step to a neighbour is
/// needed.
///
/// | offset | leaf, 32 records | bounds of 31 children |
/// |---|---|---|
/// | 0 | ends | ends |
/// | 8n | starts | smallest starts |
/// | 16n | slots, count, used slots, transaction, payload, its transaction | count, transaction |
///
/// The other contents of a leaf's records are in a second block, the payload; each slot has flags
/// and anonymous area, page offset, and object. An inner node's children are in a second block,
/// too. It has the address of the bounds, the transaction, every fourth key of the bounds, and the
/// children, in five cache lines. The writer has a third block for the node, the ``WriterNode``:
/// largest gaps, pivots, children, their mirrors, bounds, inner node, transaction.
///
/// Fan-outs: leaves of 16 and of 64 records were slower for queries and dumps of 30,000 records.
/// With 31 children, 10,000 records need two levels of inner nodes, where nodes of 14 children
/// needed three: the cost of a larger node in a search and in a copy is less than that of a level.
enum NodeLayout {
  @inline(__always) static var leafCapacity: Int { 32 }
  @inline(__always) static var innerCapacity: Int { 31 }
  /// A node with fewer entries is joined with a neighbour, if it has one. This is well below half,
  /// so that mapping and unmapping around a boundary doesn't split and join for ever. Under random
  /// changes, leaves are 62 % full; with a quarter as the minimum, they would be 56 % full.
  static var minimumLeafCount: Int { 12 }
  static var minimumInnerCount: Int { 10 }
  /// The number of entries per node in a tree that is built at once. It leaves room for a few
  /// changes before a split.
  static var leafCountBuilt: Int { 28 }
  static var innerCountBuilt: Int { 27 }

  @inline(__always) static var leafArrayBytes: Int { leafCapacity * 8 }
  /// A byte for each record, in the header's cache line: five bits for the slot, and three for the
  /// plain access.
  @inline(__always) static var leafSlots: Int { leafArrayBytes * 2 }
  @inline(__always) static var leafHeader: Int { leafSlots + leafCapacity }
  @inline(__always) static var slotBytes: Int { 24 }
  /// The pivots of an inner node, one for each four keys except the last four.
  @inline(__always) static var innerPivots: Int { 16 }
  @inline(__always) static var pivotCount: Int { 7 }
  @inline(__always) static var innerChildren: Int { innerPivots + pivotCount * 8 }
  /// Includes one key that is always padding, since keys are read by fours.
  @inline(__always) static var boundsArrayBytes: Int { 32 * 8 }
  @inline(__always) static var boundsHeader: Int { boundsArrayBytes * 2 }
  /// Pivots and children have the same layout as in the inner node.
  @inline(__always) static var writerPivots: Int { innerCapacity * 8 }
  @inline(__always) static var writerChildren: Int { writerPivots + pivotCount * 8 }
  @inline(__always) static var writerWriterNodes: Int { writerChildren + innerCapacity * 8 }
  @inline(__always) static var writerBounds: Int { writerWriterNodes + innerCapacity * 8 }
  @inline(__always) static var writerInner: Int { writerBounds + 8 }

  /// The pool's size classes.
  static var leafClass: Int { 0 }
  static var innerClass: Int { 1 }
  static var versionClass: Int { 2 }
  static var boundsClass: Int { 3 }
  static var payloadClass: Int { 4 }
  static var writerNodeClass: Int { 5 }
  /// Bytes of what the tree's owner publishes the root with.
  static var versionBytes: Int { 128 }
  /// Bytes of a block per size class, in whole cache lines.
  static var blockBytes: [Int] { (0...writerNodeClass).map(blockBytes) }

  static func blockBytes(_ sizeClass: Int) -> Int {
    let used =
      switch sizeClass {
      case leafClass: leafHeader + 32
      case innerClass: innerChildren + innerCapacity * 8
      case versionClass: versionBytes
      case payloadClass: leafCapacity * slotBytes
      case writerNodeClass: writerInner + 16
      default: boundsHeader + 16
      }
    return (used + 63) & -64
  }
}

/// A child of an inner node, with what the inner node stores about it.
struct ChildSummary: BitwiseCopyable {
  var child: Child
  /// The smallest start in the subtree.
  var start: UInt64
  /// The largest end in the subtree.
  var end: UInt64
  /// The largest gap between two records of the subtree.
  var gap: UInt64
}
