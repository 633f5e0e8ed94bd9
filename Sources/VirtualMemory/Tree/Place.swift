// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Where a record is in the tree, or would be; until the next change.
struct Place {
  let leaf: Leaf
  /// The position of the first record of the leaf that ends above the address: its count if none
  /// does.
  private(set) var first: Int
  /// The last end before the leaf, or 0.
  let endBefore: UInt64
  /// The first start after the leaf, or the largest number.
  let startAfter: UInt64
  #if DEBUG
    /// ``IntervalTree/placeNumber`` when it was found.
    var number = 0
  #endif

  /// The first record that ends above the address; `nil` if none does.
  var record: Record? { first < leaf.count ? leaf.record(first) : nil }

  /// Whether there is no record in `start..<end`, but for the first `count`, nor one that meets its
  /// edges.
  ///
  /// - Parameter start: the address that the place is of.
  func touchesNothing(_ start: UInt64, _ end: UInt64, butFor count: Int = 0) -> Bool {
    (first > 0 ? leaf.end(first &- 1) : endBefore) < start && self.start(first &+ count) > end
  }

  /// Whether what is in `start..<end` is one whole record.
  ///
  /// - Parameter start: the address that the place is of.
  func isWholeRecord(_ start: UInt64, _ end: UInt64) -> Bool {
    first < leaf.count && leaf.start(first) >= start && leaf.end(first) <= end
      && self.start(first &+ 1) >= end
  }

  /// The place of `address`, the start of this record or of the one before it; `nil` if that is in
  /// another leaf.
  func moved(downTo address: UInt64) -> Place? {
    if endBefore > address { return nil }
    var place = self
    while place.first > 0 && leaf.end(place.first &- 1) > address { place.first &-= 1 }
    return place
  }

  private func start(_ index: Int) -> UInt64 {
    index < leaf.count ? leaf.start(index) : startAfter
  }
}

/// The inner nodes on the way to a leaf, from the lowest to the root.
@safe
struct Path: ~Copyable {
  struct Step {
    let node: WriterNode
    /// The child on the way.
    let index: Int

    /// What the node knows of the child.
    @inline(__always) var gap: UInt64 { node.gap(index) }
    @inline(__always)
    func agrees(with summary: ChildSummary) -> Bool {
      node.bounds.hasRange(index, of: summary) && gap == summary.gap
    }
  }

  /// A tree of 17 inner levels has 2^36 records, with nodes as empty as they may be: more than
  /// there are pages in 128 TiB.
  static var maximumHeight: Int { 16 }

  private let steps = UnsafeMutablePointer<Step>.allocate(capacity: maximumHeight)

  deinit { unsafe steps.deallocate() }

  @inline(__always)
  subscript(level: Int) -> Step {
    get { unsafe steps[level] }
    nonmutating set { unsafe (steps + level).initialize(to: newValue) }
  }
}
