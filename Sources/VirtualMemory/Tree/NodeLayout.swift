// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Where the fields of nodes lie: a persistent B+tree in raw memory.
///
/// Nodes are structures of arrays, so that a search reads nothing but keys. The key of a record is
/// its end, the key of a subtree its largest end; unused keys are the largest number. The rank of
/// an address, the number of keys that are at most the address, is then the position of the first
/// record that ends above it: covering-or-next at once, with no step to a neighbour.
///
/// | offset | leaf, 32 records | bounds of 31 children |
/// |---|---|---|
/// | 0 | ends | ends |
/// | 8n | starts | smallest starts |
/// | 16n | slots, count, used slots, transaction, payload, its transaction | count, transaction |
///
/// What else there is of a leaf's records is in a second block, the payload: in each slot flags and
/// anonymous area, page offset, object. An inner node's children are in a second block too: the
/// address of its bounds, transaction, every fourth key of the bounds, and the children, in five
/// cache lines. The writer has a third block for it, the ``WriterNode``: largest gaps, pivots,
/// children, their mirrors, bounds, inner node, transaction.
///
/// Fan-outs: leaves of 16 and of 64 were slower for queries and dumps of 30,000 records. Of inner
/// nodes there are two levels at 10,000 records, where nodes of 14 children made three: what a
/// larger node costs in a search and in a copy is less than a level.
enum NodeLayout {
  @inline(__always) static var leafCapacity: Int { 32 }
  @inline(__always) static var innerCapacity: Int { 31 }
  /// A node with fewer entries is joined with a neighbour, where it has one. Well below half, so
  /// that mapping and unmapping around a boundary doesn't split and join without end; but leaves of
  /// random changes are 62 % full, and would be 56 % full with a quarter.
  static var minimumLeafCount: Int { 12 }
  static var minimumInnerCount: Int { 10 }
  /// Entries per node of a tree that is built at once: room for a few changes before a split.
  static var leafCountBuilt: Int { 28 }
  static var innerCountBuilt: Int { 27 }

  @inline(__always) static var leafArrayBytes: Int { leafCapacity * 8 }
  /// A byte for each record, in the header's cache line: five bits for the slot, three for its
  /// plain access.
  @inline(__always) static var leafSlots: Int { leafArrayBytes * 2 }
  @inline(__always) static var leafHeader: Int { leafSlots + leafCapacity }
  @inline(__always) static var slotBytes: Int { 24 }
  /// The pivots of an inner node, as many as there are fours of keys but the last one.
  @inline(__always) static var innerPivots: Int { 16 }
  @inline(__always) static var pivotCount: Int { 7 }
  @inline(__always) static var innerChildren: Int { innerPivots + pivotCount * 8 }
  /// With one key that is always padding: keys are looked at by fours.
  @inline(__always) static var boundsArrayBytes: Int { 32 * 8 }
  @inline(__always) static var boundsHeader: Int { boundsArrayBytes * 2 }
  /// Pivots and children lie as in the inner node.
  @inline(__always) static var writerPivots: Int { innerCapacity * 8 }
  @inline(__always) static var writerChildren: Int { writerPivots + pivotCount * 8 }
  @inline(__always) static var writerWriterNodes: Int { writerChildren + innerCapacity * 8 }
  @inline(__always) static var writerBounds: Int { writerWriterNodes + innerCapacity * 8 }
  @inline(__always) static var writerInner: Int { writerBounds + 8 }

  /// Size classes of the pool.
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

/// A child of an inner node, with what the inner node holds about it.
struct ChildSummary: BitwiseCopyable {
  var child: Child
  /// The smallest start in the subtree.
  var start: UInt64
  /// The largest end in the subtree.
  var end: UInt64
  /// The largest gap between two records of the subtree.
  var gap: UInt64
}
