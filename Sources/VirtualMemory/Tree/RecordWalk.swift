// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The writer's walk through the records of its tree, in order. Valid until the next change.
struct RecordWalk {
  /// The current leaf; `nil` past the last record.
  fileprivate var leaf: Leaf?
  fileprivate var index: Int
  /// The first start after the leaf, or a smaller number if it isn't known.
  fileprivate var startAfter: UInt64
}

extension Place {
  /// A walk from the first record that ends above the address.
  @inline(__always)
  var walk: RecordWalk { RecordWalk(leaf: leaf, index: first, startAfter: startAfter) }

  /// A walk from the record that ends at `start` or, if there is none, from the first that ends
  /// above it; `nil` if another leaf may have such a record.
  ///
  /// - Parameter start: the address to which the place belongs.
  @inline(__always)
  func walk(meeting start: UInt64) -> RecordWalk? {
    guard first > 0 || endBefore < start else { return nil }
    var walk = walk
    if first > 0 && leaf.end(first &- 1) == start { walk.index &-= 1 }
    return walk
  }
}

extension IntervalTree {
  /// A walk from the first record that ends above `address`.
  mutating func walk(endingAfter address: UInt64) -> RecordWalk {
    let found = find(endingAfter: address)
    return RecordWalk(leaf: found?.leaf, index: found?.index ?? 0, startAfter: 0)
  }

  /// The next record, if it starts below `limit`.
  ///
  /// - Complexity: O(1), and O(height) at the end of each leaf.
  @inline(__always)
  mutating func next(_ walk: inout RecordWalk, startingBelow limit: UInt64) -> Record? {
    while let leaf = walk.leaf {
      if walk.index < leaf.count {
        guard leaf.start(walk.index) < limit else { return nil }
        walk.index &+= 1
        return leaf.record(walk.index &- 1)
      }
      if walk.startAfter >= limit { return nil }
      walk = self.walk(endingAfter: leaf.end(leaf.count &- 1))
    }
    return nil
  }
}
