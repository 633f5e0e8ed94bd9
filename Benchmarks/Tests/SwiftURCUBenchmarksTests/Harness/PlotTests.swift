// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The drawing has a curve for each side and each of its figures, a point for each number of VMAs.
struct PlotTests {
  @Test func everyFigureIsDrawn() throws {
    try withTemporaryDirectory { folder in
      let file = folder + "/growth.svg"
      let arguments = ["--filter", "Growth", "--plot", file]
      let list = try BenchmarkRun.list(arguments)
      let rows = try #require(ListedRow.rows(ofList: list))
      let run = try BenchmarkProgram.measure(arguments)
      #expect(run.status == 0, "\(run.standardError)")
      let drawing = Drawing()
      let parser = XMLParser(data: try Data(contentsOf: URL(filePath: file)))
      parser.delegate = drawing
      #expect(parser.parse(), "\(parser.parserError.debugDescription)")

      // A row of each group is a point of a curve.
      let pointCounts = Dictionary(grouping: rows, by: \.name).values.map(\.count)
      #expect(!pointCounts.isEmpty)
      #expect(drawing.curves.map(\.count).sorted() == pointCounts.sorted())
      #expect(drawing.curves.joined().allSatisfy { $0.isFinite })
      for row in rows {
        let side = row.name.split(separator: ", ").dropLast().joined(separator: ", ")
        #expect(drawing.texts.contains(side), "\(row)")
      }
    }
  }

  @Test func nothingToDrawIsRefused() throws {
    try withTemporaryDirectory { folder in
      let run = try BenchmarkProgram.measure(
        ["--filter", "Reading 8 bytes", "--plot", folder + "/none.svg"])
      #expect(run.status == 64)
    }
  }
}

private final class Drawing: NSObject, XMLParserDelegate {
  /// The vertical positions of the points of each curve; not a number where there is none.
  private(set) var curves: [[Double]] = []
  private(set) var texts: Set<String> = []
  private var text = ""

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    text = ""
    guard name == "polyline" else { return }
    let points = (attributes["points"] ?? "").split(separator: " ")
    curves.append(
      points.map { point in
        let numbers = point.split(separator: ",").compactMap { Double($0) }
        return numbers.count == 2 && numbers[0].isFinite ? numbers[1] : .nan
      })
  }

  func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    if name == "text" { texts.insert(text) }
  }
}
