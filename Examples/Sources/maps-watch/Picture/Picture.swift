// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

/// An address space as a picture shows it: regions, each drawn to a scale of its own, with the long
/// holes between them cut out.
///
/// An address space of 128 TiB in which 30 MiB are mapped can't be drawn to one scale. So a hole is
/// cut out that would take more than half of its region's bar, as it is longer than all that is
/// mapped in the region together; shorter ones are drawn.
struct Picture: Sendable {
  let mappings: [VMA]
  private(set) var regions: [Region] = []

  /// A part of an address space that is drawn as one bar.
  struct Region: Sendable, Hashable {
    /// Which mappings lie in it.
    var mappings: Range<Int>
    /// From the start of the first mapping to the end of the last.
    var range: Range<UInt64>
    var mappedBytes: UInt64
    /// The length of the hole before it.
    var holeBefore: UInt64
    /// The longest hole: its length, and the mapping after it.
    fileprivate var longestHole: UInt64 = 0
    fileprivate var mappingAfterHole = 0
  }

  /// What a bar is made of: mappings, or a hole.
  struct Piece: Sendable, Hashable {
    var range: Range<UInt64>
    /// `nil` for a hole.
    var kind: MappingKind?
    /// Which mappings it shows; empty for a hole.
    var mappings: Range<Int>

    var byteCount: UInt64 { range.upperBound - range.lowerBound }
  }

  /// - Parameters:
  ///   - mappings: ascending, without overlaps.
  ///   - maximumRegionCount: at least 1. If there are more regions, the longest holes are cut out.
  /// - Complexity: O(mappings × regions).
  init(_ mappings: [VMA], maximumRegionCount: Int = 16) {
    self.mappings = mappings
    guard !mappings.isEmpty else { return }
    regions = [region(of: 0..<mappings.count)]
    while regions.count < maximumRegionCount {
      let wide = regions.indices.filter { regions[$0].longestHole > regions[$0].mappedBytes }
      guard let index = wide.max(by: { regions[$0].longestHole < regions[$1].longestHole }) else {
        break
      }
      let (whole, cut) = (regions[index].mappings, regions[index].mappingAfterHole)
      regions.replaceSubrange(
        index...index,
        with: [region(of: whole.lowerBound..<cut), region(of: cut..<whole.upperBound)])
    }
  }

  private func region(of indices: Range<Int>) -> Region {
    let (first, last) = (mappings[indices.lowerBound], mappings[indices.upperBound - 1])
    let holeStart = indices.lowerBound == 0 ? 0 : mappings[indices.lowerBound - 1].end
    var region = Region(
      mappings: indices, range: first.start..<last.end, mappedBytes: first.byteCount,
      holeBefore: first.start - holeStart)
    for index in indices.dropFirst() {
      region.mappedBytes += mappings[index].byteCount
      let hole = mappings[index].start - mappings[index - 1].end
      if hole > region.longestHole {
        region.longestHole = hole
        region.mappingAfterHole = index
      }
    }
    return region
  }

  /// The pieces of a region's bar, in order and without gaps.
  ///
  /// - Parameter joinsNeighbors: whether mappings of one kind that touch are one piece.
  func pieces(of region: Region, joinsNeighbors: Bool) -> [Piece] {
    var pieces: [Piece] = []
    for index in region.mappings {
      let vma = mappings[index]
      let kind = MappingKind(vma)
      if let last = pieces.last, last.range.upperBound < vma.start {
        pieces.append(
          Piece(range: last.range.upperBound..<vma.start, kind: nil, mappings: index..<index))
      }
      if joinsNeighbors, let last = pieces.last, last.kind == kind {
        pieces[pieces.count - 1].range = last.range.lowerBound..<vma.end
        pieces[pieces.count - 1].mappings = last.mappings.lowerBound..<index + 1
      } else {
        pieces.append(Piece(range: vma.range, kind: kind, mappings: index..<index + 1))
      }
    }
    return pieces
  }
}
