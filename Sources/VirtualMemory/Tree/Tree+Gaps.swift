// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A free range that is asked for: `length` bytes between `addressMin` and `limit`.
struct GapRequest {
  var length: UInt64
  var addressMin: UInt64
  var limit: UInt64

  /// The highest start in the free range `low..<high`.
  func highest(in low: UInt64, _ high: UInt64) -> UInt64? {
    let (low, high) = (max(low, addressMin), min(high, limit))
    return high >= low && high - low >= length ? high - length : nil
  }

  /// The lowest start in the free range `low..<high`.
  func lowest(in low: UInt64, _ high: UInt64) -> UInt64? {
    let (low, high) = (max(low, addressMin), min(high, limit))
    return high >= low && high - low >= length ? low : nil
  }
}

extension Tree {
  /// The highest free range, by its start.
  ///
  /// - Complexity: O(height × fan-out): a subtree whose largest gap is too small is not entered,
  ///   and a limit cuts through one subtree per level.
  /// - Source: `vm_unmapped_area` with `VM_UNMAPPED_AREA_TOPDOWN`.
  func highestGap(_ request: GapRequest) -> UInt64? {
    guard let root = unsafe root, let first = record(endingAbove: 0) else {
      return request.highest(in: 0, .max)
    }
    return unsafe request.highest(in: endMax, .max)
      ?? Self.highestGap(request, below: root, level: height)
      ?? request.highest(in: 0, first.start)
  }

  private static func highestGap(
    _ request: GapRequest, below node: UnsafeMutableRawPointer, level: Int
  ) -> UInt64? {
    if level == 0 {
      let leaf = unsafe Leaf(node)
      for index in stride(from: leaf.count - 1, to: 0, by: -1) {
        if let found = request.highest(in: leaf.end(index - 1), leaf.start(index)) { return found }
      }
      return nil
    }
    let inner = unsafe Inner(node)
    for index in stride(from: inner.count - 1, through: 0, by: -1) {
      if inner.gap(index) >= request.length && inner.start(index) < request.limit,
        let found = unsafe highestGap(request, below: inner.child(index), level: level - 1)
      {
        return found
      }
      if index > 0, let found = request.highest(in: inner.end(index - 1), inner.start(index)) {
        return found
      }
    }
    return nil
  }

  /// The lowest free range, by its start.
  ///
  /// - Complexity: as ``highestGap(_:)``.
  func lowestGap(_ request: GapRequest) -> UInt64? {
    guard let root = unsafe root, let first = record(endingAbove: 0) else {
      return request.lowest(in: 0, .max)
    }
    return unsafe request.lowest(in: 0, first.start)
      ?? Self.lowestGap(request, below: root, level: height)
      ?? request.lowest(in: endMax, .max)
  }

  private static func lowestGap(
    _ request: GapRequest, below node: UnsafeMutableRawPointer, level: Int
  ) -> UInt64? {
    if level == 0 {
      let leaf = unsafe Leaf(node)
      for index in 1..<max(leaf.count, 1) {
        if let found = request.lowest(in: leaf.end(index - 1), leaf.start(index)) { return found }
      }
      return nil
    }
    let inner = unsafe Inner(node)
    for index in 0..<inner.count {
      if index > 0, let found = request.lowest(in: inner.end(index - 1), inner.start(index)) {
        return found
      }
      if inner.gap(index) >= request.length && inner.end(index) > request.addressMin,
        let found = unsafe lowestGap(request, below: inner.child(index), level: level - 1)
      {
        return found
      }
    }
    return nil
  }
}
