// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension IntervalTree {
  /// Fills an empty tree with `records`, which are in order and don't overlap.
  ///
  /// - Complexity: O(n).
  mutating func build(_ records: [Record]) {
    var summaries: [ChildSummary] = []
    for range in Self.portions(of: records.count, each: NodeLayout.leafCountBuilt) {
      unsafe records.withUnsafeBufferPointer { records in
        summaries.append(unsafe buildLeaf(RecordBuffer(rebasing: records[range])))
      }
    }
    var height = 0
    while summaries.count > 1 {
      var parents: [ChildSummary] = []
      for range in Self.portions(of: summaries.count, each: NodeLayout.innerCountBuilt) {
        parents.append(buildNode(range.count) { summaries[range.lowerBound + $0] })
      }
      summaries = parents
      height += 1
    }
    setTop(summaries.first, height: height)
  }

  /// Splits `0..<count` into ranges of at most `size` that have about the same length.
  private static func portions(of count: Int, each size: Int) -> [Range<Int>] {
    let portions = (count + size - 1) / size
    return (0..<portions).map { index in
      count * index / portions..<count * (index + 1) / portions
    }
  }
}
