// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The ranges in which a copy may differ from its process, according to its source of changes.
struct DirtyRanges {
  /// The most ranges. If there are more, the whole text is read.
  static let maximumCount = 32

  /// Whether any part of the map may have changed.
  private(set) var isWhole = false
  /// The ranges, in no particular order; they may overlap.
  private(set) var ranges: [Range<UInt64>] = []
  /// Whether records have been lost since this was last cleared.
  var isIncomplete = false
  /// The processes that the process has forked.
  var forkedProcesses: [Int32] = []

  /// There may be nobody who takes them. Past that they are left to be discovered.
  private static let maximumForkedCount = 1024

  /// - Complexity: O(processes).
  mutating func insertForked(_ pid: Int32) {
    guard forkedProcesses.count < Self.maximumForkedCount, !forkedProcesses.contains(pid) else {
      return
    }
    forkedProcesses.append(pid)
  }

  var isEmpty: Bool { !isWhole && ranges.isEmpty }

  /// Notes that any part of the map may have changed.
  mutating func insertAll() {
    isWhole = true
    ranges = []
  }

  /// Adds a range, merged with one that it touches.
  ///
  /// - Complexity: O(ranges).
  mutating func insert(_ range: Range<UInt64>) {
    guard !isWhole && !range.isEmpty else { return }
    for index in ranges.indices {
      let known = ranges[index]
      if known.lowerBound <= range.upperBound && range.lowerBound <= known.upperBound {
        ranges[index] =
          min(known.lowerBound, range.lowerBound)..<max(known.upperBound, range.upperBound)
        return
      }
    }
    if ranges.count == Self.maximumCount { insertAll() } else { ranges.append(range) }
  }

  /// Adds the range of `length` bytes from `address` on, extended to whole pages; if that isn't a
  /// valid range, the whole map.
  mutating func insert(_ address: UInt64, length: UInt64) {
    let (end, isOver) = address.addingReportingOverflow(length)
    guard !isOver && end <= 1 << 63 else { return insertAll() }
    insert(address & ~4095..<(end + 4095) & ~4095)
  }

  /// Empties the set. The forked processes stay.
  mutating func removeAll() {
    isWhole = false
    ranges.removeAll(keepingCapacity: true)
  }
}
