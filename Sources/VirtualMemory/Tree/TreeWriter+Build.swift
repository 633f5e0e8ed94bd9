// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension TreeWriter {
  /// Builds the tree of an empty draft from `records`, which are in order and don't overlap.
  ///
  /// - Complexity: O(n).
  mutating func build(_ records: [Record]) {
    isChanged = true
    var edges: [Edge] = []
    for range in Self.portions(of: records.count, each: NodeLayout.leafCountBuilt) {
      unsafe records.withUnsafeBufferPointer { records in
        edges.append(unsafe buildLeaf(RecordBuffer(rebasing: records[range])))
      }
    }
    draft.tree.height = 0
    while edges.count > 1 {
      var parents: [Edge] = []
      for range in Self.portions(of: edges.count, each: NodeLayout.innerCountBuilt) {
        parents.append(buildBranch(range.count) { edges[range.lowerBound + $0] })
      }
      edges = parents
      draft.tree.height += 1
    }
    root = edges.first?.child
    draft.tree.endMax = edges.first?.end ?? 0
  }

  /// Splits `0..<count` into ranges of at most `size`, evenly.
  private static func portions(of count: Int, each size: Int) -> [Range<Int>] {
    let portions = (count + size - 1) / size
    return (0..<portions).map { index in
      count * index / portions..<count * (index + 1) / portions
    }
  }
}
