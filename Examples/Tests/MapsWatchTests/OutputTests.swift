// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Testing
import VirtualMemory

@testable import maps_watch

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// JSON and SVG.
@Suite struct OutputTests {
  /// This process, as the program would see it.
  static func watch() throws -> Watch {
    Watch(try WatchedProcess(pid: ProcessInfo.processInfo.processIdentifier))
  }

  @Test func jsonRoundTrip() throws {
    let watch = try Self.watch()
    var old = VMA.pages(16, 1, inode: 7, name: "/tmp/\u{1b}[31m\n\"quoted\"")
    old.name.append(0xff)
    let new = VMA.pages(16, 1, [.read], inode: 7, name: "/tmp/ü")
    let reports = [
      JSONReport(watch, .state),
      JSONReport(
        watch, changes: [.changed(from: old, to: new), .removed(old), .added(new)]),
      JSONReport(watch, end: .exited),
    ]
    for report in reports {
      let line = try report.line()
      #expect(line.last == "\n" && line.dropLast().allSatisfy { $0 != "\n" })
      #expect(!line.unicodeScalars.contains("\u{1b}"))
      #expect(try JSONDecoder().decode(JSONReport.self, from: Data(line.utf8)) == report)
    }
    #expect(reports[0].mappings?.count == reports[0].mappingCount)
    #expect(reports[0].bytesByKind.values.reduce(0, +) == reports[0].mappedBytes)
    #expect(reports[1].changes?[1].added == nil && reports[1].changes?[2].removed == nil)
    #expect(reports[2].reason == "exited")
    var growth = Growth(
      owner: Owner(old), bytes: 1, addedBytes: 1, mappingCount: 1, addedMappings: 1)
    #expect(JSONReport.OwnerGrowth(growth).nameBytes == old.name)
    growth.owner.name = new.name
    #expect(JSONReport.OwnerGrowth(growth).name == "/tmp/ü")
  }

  @Test func reportsOfThisProcess() throws {
    let watch = try Self.watch()
    for columns in [20, 80, 300] {
      for line in watch.report(columns: columns) {
        #expect(TextTests.isHarmless(line.text(hasColors: false)))
      }
      for rows in [1, 5, 24, 200] {
        let size = Terminal.Size(columns: columns, rows: rows)
        #expect(LiveView(watch: watch, size: size).lines().count <= rows)
      }
    }
  }

  // MARK: SVG

  /// Notes elements and their attributes.
  final class Elements: NSObject, XMLParserDelegate {
    var rectangles: [[String: String]] = []
    var titles: [String] = []
    private var text: String?

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      if name == "rect" { rectangles.append(attributes) }
      if name == "title" { text = "" }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text? += string }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?,
      qualifiedName: String?
    ) {
      if name == "title", let text { titles.append(text) }
      if name == "title" { text = nil }
    }
  }

  static func parse(_ svg: String) throws -> Elements {
    let parser = XMLParser(data: Data(svg.utf8))
    let elements = Elements()
    parser.delegate = elements
    try #require(parser.parse(), "\(String(describing: parser.parserError))")
    return elements
  }

  @Test(arguments: TextTests.hostile.map(\.name) + [Array("/<a href=\"x\">&amp;]]>'".utf8)])
  func svgIsWellFormed(name: [UInt8]) throws {
    var vma = VMA.pages(16, 1, [.read], inode: 7)
    vma.name = name
    let elements = try Self.parse(
      SVGPicture.svg(of: [vma, .pages(18, 1)], title: Harmless.text(name)))
    #expect(elements.titles.count == 3)
    #expect(elements.titles[0].contains(Harmless.text(name)))
    #expect(elements.titles[1].hasPrefix("hole of 4 KiB, 11000-12000"))
  }

  @Test(arguments: 0..<20)
  func svgShowsEachMappingAndHoleOnce(seed: UInt64) throws {
    var maps = RandomMaps(seed: seed)
    let mappings = maps.next(maximumCount: 400)
    let picture = Picture(mappings)
    let pieces = picture.regions.map { picture.pieces(of: $0, joinsNeighbors: false) }
    let elements = try Self.parse(SVGPicture.svg(of: mappings, title: "random"))
    let drawn = elements.rectangles.filter { $0["class"]?.hasPrefix("piece ") == true }
    #expect(drawn.count == pieces.joined().count)
    #expect(elements.titles.count == drawn.count)
    // Within the page, and none over its neighbour.
    var right = (row: "", edge: 0.0)
    for rectangle in drawn {
      let row = try #require(rectangle["y"])
      let x = try #require(rectangle["x"].flatMap(Double.init))
      let width = try #require(rectangle["width"].flatMap(Double.init))
      #expect(width > 0 && x >= 0 && x + width <= 1040)
      if row == right.row { #expect(abs(x - right.edge) < 0.001) }
      right = (row, x + width)
    }
    #expect(elements.rectangles.allSatisfy { $0["class"] != nil })
  }

  @Test func svgOfNothing() throws {
    #expect(try Self.parse(SVGPicture.svg(of: [], title: "")).titles.isEmpty)
  }
}
