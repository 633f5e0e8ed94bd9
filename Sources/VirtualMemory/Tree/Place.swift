// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Where a record is in the tree, or would be. Valid until the next change.
struct Place {
  let leaf: Leaf
  /// The index in the leaf of the first record that ends above the address; the leaf's count if
  /// there is none.
  private(set) var first: Int
  /// The last end before the leaf, or 0.
  let endBefore: UInt64
  /// The first start after the leaf, or the largest number.
  let startAfter: UInt64
  #if DEBUG
    /// The value of ``IntervalTree/placeNumber`` when it was found.
    var number = 0
  #endif

  /// The first record that ends above the address; `nil` if none does.
  var record: Record? { first < leaf.count ? leaf.record(first) : nil }

  /// Whether no record intersects or touches `start..<end`, except for the first `count`.
  ///
  /// - Parameter start: the address to which the place belongs.
  func touchesNothing(_ start: UInt64, _ end: UInt64, butFor count: Int = 0) -> Bool {
    (first > 0 ? leaf.end(first &- 1) : endBefore) < start && self.start(first &+ count) > end
  }

  /// Whether the contents of `start..<end` are one whole record.
  ///
  /// - Parameter start: the address to which the place belongs.
  func isWholeRecord(_ start: UInt64, _ end: UInt64) -> Bool {
    first < leaf.count && leaf.start(first) >= start && leaf.end(first) <= end
      && self.start(first &+ 1) >= end
  }

  /// The place of `address`, which is the start of this record or of the previous one; `nil` if
  /// that is in another leaf.
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

/// The inner nodes on the path to a leaf, from the lowest one to the root.
@safe
struct Path: ~Copyable {
  struct Step {
    let node: WriterNode
    /// The index of the child on the path.
    let index: Int

    /// What the node knows about this child.
    @inline(__always) var gap: UInt64 { node.gap(index) }
    @inline(__always)
    func agrees(with summary: ChildSummary) -> Bool {
      node.bounds.hasRange(index, of: summary) && gap == summary.gap
    }
  }

  /// A tree of 17 inner levels has at least 2^36 records, even if its nodes are as empty as
  /// allowed. That is more than there are pages in 128 TiB.
  static var maximumHeight: Int { 16 }

  private let steps = UnsafeMutablePointer<Step>.allocate(capacity: maximumHeight)

  deinit { unsafe steps.deallocate() }

  @inline(__always)
  subscript(level: Int) -> Step {
    get { unsafe steps[level] }
    nonmutating set { unsafe (steps + level).initialize(to: newValue) }
  }
}
