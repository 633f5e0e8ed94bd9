// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import VirtualMemory

/// The picture as an SVG drawing: a bar per region, a rectangle with a title per mapping and per
/// hole.
enum SVGPicture {
  private static let width = 1040.0
  private static let margin = 20.0
  private static var barWidth: Double { width - 2 * margin }
  private static let barHeight = 34.0
  /// From the top of a region to its bar, and from its bar to the next region.
  private static let headingHeight = 34.0
  private static let regionGap = 22.0
  /// No mapping and no hole is narrower, while there is room.
  private static let minimumWidth = 2.0
  /// What fits at the top.
  private static let titleColumns = 110

  static func svg(of mappings: [VMA], title: String) -> String {
    let picture = Picture(mappings)
    let tally = Tally(mappings)
    var top = 78.0
    var body: [String] = []
    body += legend(tally, top: &top)
    for region in picture.regions { body += drawing(of: region, in: picture, top: &top) }
    let height = Int(top + margin)
    let subtitle = """
      \(Numbers.mappings(mappings.count)), \(Numbers.bytes(tally.total.bytes)) mapped. Each bar \
      has a scale of its own; nothing is narrower than it takes to be seen.
      """
    let cut = Harmless.prefix(title, columns: titleColumns)
    let head = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(height)" \
      font-family="sans-serif" font-size="13">
      \(style)
      <rect class="page" width="100%" height="100%"/>
      <text x="\(Int(margin))" y="32" font-size="17">\(escaped(cut))</text>
      <text class="faint" x="\(Int(margin))" y="54">\(escaped(subtitle))</text>
      """
    return ([head] + body + ["</svg>\n"]).joined(separator: "\n")
  }

  /// Colours for a light page, and for a dark one where the viewer says that it is.
  private static var style: String {
    func rules(_ color: (MappingKind) -> String) -> String {
      MappingKind.allCases.map { ".\($0.rawValue) { fill: \(color($0)) }" }.joined(separator: " ")
    }
    return """
      <style>
      .page { fill: #ffffff } text { fill: #1c1e21 } .faint { fill: #5f6670 }
      .hole { fill: #eceef1 } .piece { stroke: #ffffff; stroke-width: 0.4 }
      \(rules(\.lightColor))
      @media (prefers-color-scheme: dark) {
      .page { fill: #16181c } text { fill: #e6e8eb } .faint { fill: #a0a7b1 }
      .hole { fill: #2a2e35 } .piece { stroke: #16181c }
      \(rules(\.darkColor))
      }
      </style>
      """
  }

  // MARK: Parts

  private static func legend(_ tally: Tally, top: inout Double) -> [String] {
    var parts: [String] = []
    var x = margin
    let items =
      MappingKind.allCases.compactMap { kind in
        tally.byKind[kind].map { (kind.rawValue, "\(kind.title) \(Numbers.bytes($0.bytes))") }
      } + [("hole", "hole")]
    for (name, text) in items {
      let itemWidth = 22 + Double(text.count) * 7.8
      if x + itemWidth > width - margin {
        x = margin
        top += 22
      }
      parts.append(
        """
        <rect class="\(name)" x="\(number(x))" y="\(number(top - 11))" width="13" height="13"/>\
        <text x="\(number(x + 18))" y="\(number(top))">\(escaped(text))</text>
        """)
      x += itemWidth + 10
    }
    top += 18
    return parts
  }

  private static func drawing(
    of region: Picture.Region, in picture: Picture, top: inout Double
  ) -> [String] {
    let length = region.range.upperBound - region.range.lowerBound
    let heading = """
      \(Numbers.bytes(length)) with \(Numbers.mappings(region.mappings.count)), after a hole of \
      \(Numbers.bytes(region.holeBefore))
      """
    let (lower, upper) = (region.range.lowerBound, region.range.upperBound)
    let baseline = number(top + headingHeight - 8)
    var parts = [
      """
      <text x="\(number(margin))" y="\(baseline)">\(Numbers.hex(lower))</text>\
      <text class="faint" x="\(number(width / 2))" y="\(baseline)" text-anchor="middle">\
      ⋮ \(heading)</text>\
      <text x="\(number(width - margin))" y="\(baseline)" text-anchor="end">\
      \(Numbers.hex(upper))</text>
      """
    ]
    top += headingHeight
    let pieces = picture.pieces(of: region, joinsNeighbors: false)
    let edges = Layout.edges(
      of: pieces.map(\.byteCount), width: barWidth, minimum: minimumWidth)
    for (index, piece) in pieces.enumerated() {
      let x = number(margin + edges[index])
      let pieceWidth = number(edges[index + 1] - edges[index])
      parts.append(
        """
        <rect class="piece \(piece.kind?.rawValue ?? "hole")" x="\(x)" y="\(number(top))" \
        width="\(pieceWidth)" height="\(number(barHeight))">\
        <title>\(escaped(title(of: piece, in: picture)))</title></rect>
        """)
    }
    top += barHeight + regionGap
    return parts
  }

  private static func title(of piece: Picture.Piece, in picture: Picture) -> String {
    guard let kind = piece.kind, let index = piece.mappings.first else {
      let (lower, upper) = (piece.range.lowerBound, piece.range.upperBound)
      return "hole of \(Numbers.bytes(piece.byteCount)), "
        + "\(Numbers.hex(lower))-\(Numbers.hex(upper))"
    }
    var vma = picture.mappings[index]
    let name = Harmless.text(vma.name)
    vma.name = []
    return "\(vma)\(name)\n\(kind.title), \(Numbers.bytes(piece.byteCount))"
  }

  // MARK: Text

  private static func number(_ value: Double) -> String {
    // Four digits: of 65,530 mappings in one bar, each is still a rectangle.
    let text = String(format: "%.4f", value)
    return text.hasSuffix(".0000") ? String(text.dropLast(5)) : text
  }

  /// Text for XML, which has no way to write most control characters: they must have been made
  /// harmless before.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

extension MappingKind {
  fileprivate var lightColor: String {
    switch self {
    case .code: "#2e8b57"
    case .data: "#1b6ca8"
    case .heap: "#d98200"
    case .stack: "#7b4fa3"
    case .anonymous: "#1f9aa8"
    case .file: "#7d8bb5"
    case .shared: "#c2528b"
    case .reserved: "#b4bac2"
    case .kernel: "#8a7f4a"
    case .writableExecutable: "#d11a1a"
    }
  }

  fileprivate var darkColor: String {
    switch self {
    case .code: "#4fb87e"
    case .data: "#4c9fe0"
    case .heap: "#f0a63c"
    case .stack: "#a983d1"
    case .anonymous: "#45c0cc"
    case .file: "#97a4cf"
    case .shared: "#e07fae"
    case .reserved: "#5c636d"
    case .kernel: "#b3a76b"
    case .writableExecutable: "#ff4b4b"
    }
  }
}
