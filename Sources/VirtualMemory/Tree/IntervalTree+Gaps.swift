// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A request for a free range of `length` bytes between `minimumAddress` and `limit`.
struct GapRequest {
  var length: UInt64
  var minimumAddress: UInt64
  var limit: UInt64

  /// The highest start in the free range `low..<high`.
  func highest(in low: UInt64, _ high: UInt64) -> UInt64? {
    let (low, high) = (max(low, minimumAddress), min(high, limit))
    return high >= low && high - low >= length ? high - length : nil
  }

  /// The lowest start in the free range `low..<high`.
  func lowest(in low: UInt64, _ high: UInt64) -> UInt64? {
    let (low, high) = (max(low, minimumAddress), min(high, limit))
    return high >= low && high - low >= length ? low : nil
  }
}

extension IntervalTree {
  /// The start of the highest free range in the tree.
  ///
  /// - Complexity: O(height × fan-out): subtrees whose largest gap is too small aren't entered, and
  ///   a limit cuts through one subtree per level.
  /// - Source: `vm_unmapped_area` with `VM_UNMAPPED_AREA_TOPDOWN`.
  mutating func highestGap(_ request: GapRequest) -> UInt64? {
    request.highest(in: maximumEnd, .max)
      ?? top?.highestGap(request)
      ?? request.highest(in: 0, minimumStart)
  }

  /// The start of the lowest free range in the tree.
  ///
  /// - Complexity: as ``highestGap(_:)``.
  mutating func lowestGap(_ request: GapRequest) -> UInt64? {
    request.lowest(in: 0, minimumStart)
      ?? top?.lowestGap(request)
      ?? request.lowest(in: maximumEnd, .max)
  }
}

extension Child {
  /// The same between two records of this subtree.
  fileprivate func highestGap(_ request: GapRequest) -> UInt64? {
    guard let node = asWriterNode else {
      let leaf = asLeaf
      for index in stride(from: leaf.count - 1, to: 0, by: -1) {
        if let found = request.highest(in: leaf.end(index - 1), leaf.start(index)) { return found }
      }
      return nil
    }
    let bounds = node.bounds
    for index in stride(from: bounds.count - 1, through: 0, by: -1) {
      if node.gap(index) >= request.length && bounds.start(index) < request.limit,
        let found = node.child(index).highestGap(request)
      {
        return found
      }
      if index > 0, let found = request.highest(in: bounds.end(index - 1), bounds.start(index)) {
        return found
      }
    }
    return nil
  }

  /// The same between two records of this subtree.
  fileprivate func lowestGap(_ request: GapRequest) -> UInt64? {
    guard let node = asWriterNode else {
      let leaf = asLeaf
      for index in 1..<max(leaf.count, 1) {
        if let found = request.lowest(in: leaf.end(index - 1), leaf.start(index)) { return found }
      }
      return nil
    }
    let bounds = node.bounds
    for index in 0..<bounds.count {
      if index > 0, let found = request.lowest(in: bounds.end(index - 1), bounds.start(index)) {
        return found
      }
      if node.gap(index) >= request.length && bounds.end(index) > request.minimumAddress,
        let found = node.child(index).lowestGap(request)
      {
        return found
      }
    }
    return nil
  }
}
