// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory

@testable import maps_watch

/// Where things are in the picture.
@Suite struct LayoutTests {
  @Test(arguments: 0..<100)
  func edgesAscendWithinTheWidth(seed: UInt64) {
    var maps = RandomMaps(seed: seed)
    let lengths = maps.next().map(\.byteCount)
    for width in [1.0, 10, 100, 1000] {
      let minimum = min(1, width / Double(2 * lengths.count))
      let widths = Layout.widths(of: lengths, width: width, minimum: 1)
      let edges = Layout.edges(of: lengths, width: width, minimum: 1)
      #expect(edges.count == lengths.count + 1)
      #expect(edges.first == 0 && edges.last == width)
      for (left, right) in zip(edges, edges.dropFirst()) { #expect(left < right) }
      #expect(abs(widths.reduce(0, +) - width) < width * 1e-9)
      #expect(widths.allSatisfy { $0 >= minimum * (1 - 1e-9) })
      // What is longer is not narrower.
      let order = lengths.indices.sorted { lengths[$0] < lengths[$1] }
      for (shorter, longer) in zip(order, order.dropFirst()) {
        #expect(widths[shorter] <= widths[longer] * (1 + 1e-9))
      }
    }
  }

  @Test func wideEnoughPiecesAreToScale() {
    let widths = Layout.widths(of: [30, 10, 20, 40], width: 200, minimum: 1)
    for (width, expected) in zip(widths, [60.0, 20, 40, 80]) {
      #expect(abs(width - expected) < 1e-9)
    }
    let narrow = Layout.widths(of: [1, 999_999, 1_000_000], width: 101, minimum: 1)
    #expect(narrow[0] == 1)
    #expect(abs(narrow[1] - 50) < 0.001 && abs(narrow[2] - 50) < 0.001)
  }

  // MARK: Regions

  @Test(arguments: 0..<100)
  func regionsAndPiecesCoverEachMappingOnce(seed: UInt64) {
    var maps = RandomMaps(seed: seed)
    let mappings = maps.next()
    for limit in [1, 3, 16] {
      let picture = Picture(mappings, maximumRegionCount: limit)
      #expect((1...limit).contains(picture.regions.count))
      #expect(picture.regions.flatMap(\.mappings) == Array(mappings.indices))
      for region in picture.regions {
        for joins in [false, true] {
          let pieces = picture.pieces(of: region, joinsNeighbors: joins)
          #expect(pieces.first?.range.lowerBound == region.range.lowerBound)
          #expect(pieces.last?.range.upperBound == region.range.upperBound)
          for (left, right) in zip(pieces, pieces.dropFirst()) {
            #expect(left.range.upperBound == right.range.lowerBound)
          }
          #expect(pieces.flatMap(\.mappings) == Array(region.mappings))
          let mapped = pieces.filter { $0.kind != nil }.reduce(0) { $0 + $1.byteCount }
          #expect(mapped == region.mappedBytes)
          if !joins { #expect(pieces.count { $0.kind != nil } == region.mappings.count) }
          if picture.regions.count < limit {
            let holes = pieces.filter { $0.kind == nil }.map(\.byteCount)
            #expect((holes.max() ?? 0) <= region.mappedBytes)
          }
        }
      }
    }
  }

  @Test func longHolesAreCutOut() {
    let picture = Picture([.pages(16, 2), .pages(20, 2), .pages(1 << 30, 4)])
    #expect(picture.regions.map(\.mappings) == [0..<2, 2..<3])
    #expect(picture.regions[0].holeBefore == 16 << 12)
    #expect(picture.regions[1].holeBefore == ((1 << 30) - 22) << 12)
    #expect(Picture([]).regions.isEmpty)
  }

  // MARK: Cells

  @Test(arguments: 0..<100)
  func cells(seed: UInt64) {
    var maps = RandomMaps(seed: seed)
    let picture = Picture(maps.next())
    for region in picture.regions {
      let pieces = picture.pieces(of: region, joinsNeighbors: true)
      for cellCount in [8, 63, 400] {
        let cells = Bar(pieces, cellCount: cellCount).cells
        #expect(cells.count == cellCount)
        #expect(cells.first?.address == region.range.lowerBound)
        for (left, right) in zip(cells, cells.dropFirst()) {
          #expect(left.address <= right.address)
        }
        #expect(cells.allSatisfy { region.range.contains($0.address) })
        #expect(cells.allSatisfy { ($0.kind == nil) == ($0.mappedShare == 0) })
        let hasWarning = pieces.contains { $0.kind == .writableExecutable }
        #expect(cells.contains { $0.kind == .writableExecutable } == hasWarning)
        // Each hole is seen: as cells of its own if there is room, else by cells that aren't full.
        let holeCount = pieces.count { $0.kind == nil }
        if 2 * pieces.count <= cellCount {
          #expect(cells.count { $0.kind == nil } >= holeCount)
          #expect(Set(cells.compactMap(\.kind)) == Set(pieces.compactMap(\.kind)))
        } else if holeCount > 0 {
          #expect(cells.contains { $0.mappedShare < 1 - 1e-6 })
        }
      }
    }
  }

  @Test func letters() {
    let pieces = Picture([
      .pages(16, 4, name: "[heap]"), .pages(24, 4, [.read, .execute], inode: 7, name: "/a"),
    ])
    let whole = pieces.pieces(of: pieces.regions[0], joinsNeighbors: true)
    #expect(
      Bar(whole, cellCount: 12).line(0..<12, hasColors: false).text(hasColors: false)
        == "HHHH····CCCC")
    let few = Bar(whole, cellCount: 1).line(0..<1, hasColors: false)
    #expect(few.text(hasColors: false) == "h" || few.text(hasColors: false) == "c")
  }

  @Test func rows() {
    #expect(Sections.rowCounts(pieceCounts: [1, 1], cellsPerRow: 60, maximum: 10) == [1, 1])
    #expect(Sections.rowCounts(pieceCounts: [1, 60], cellsPerRow: 60, maximum: 10) == [1, 2])
    #expect(Sections.rowCounts(pieceCounts: [90, 900], cellsPerRow: 60, maximum: 10) == [1, 9])
    #expect(Sections.rowCounts(pieceCounts: [90, 900], cellsPerRow: 60, maximum: 0) == [1, 1])
  }
}
