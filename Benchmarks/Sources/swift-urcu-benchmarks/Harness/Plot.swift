// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// One diagram: some curves over a number, the vertical axis logarithmic.
struct Panel {
  let title: String
  let unit: String
  /// Below the horizontal axis.
  let abscissa: String
  /// Whether the horizontal axis is that.
  let isLinear: Bool
  let curves: [Curve]

  struct Curve {
    let name: String
    var points: [(x: Double, y: Double)]
  }

  /// - Parameter fill: calls its argument with the name, x and y of each point, in the order of x.
  init(
    title: String, unit: String, abscissa: String, isLinear: Bool,
    _ fill: ((String, Double, Double) -> Void) -> Void
  ) {
    var curves: [Curve] = []
    fill { name, x, y in
      if let index = curves.firstIndex(where: { $0.name == name }) {
        curves[index].points.append((x, y))
      } else {
        curves.append(Curve(name: name, points: [(x, y)]))
      }
    }
    (self.title, self.unit, self.abscissa) = (title, unit, abscissa)
    (self.isLinear, self.curves) = (isLinear, curves)
  }
}

/// Panels as a drawing, two in a row.
enum Plot {
  private static let panelWidth = 460.0
  private static let panelHeight = 340.0
  private static let left = 64.0
  private static let right = 440.0
  private static let top = 40.0
  private static let bottom = 280.0
  private static let legendLine = 24.0
  private static let colors = [
    "#1b6ca8", "#c1440e", "#2e8b57", "#6a4c93", "#b8860b", "#708090", "#c71585",
    "#20b2aa",
  ]

  static func svg(_ panels: [Panel]) -> String {
    // In the order of appearance, so that a curve has one color in all panels.
    var names: [String] = []
    for curve in panels.flatMap(\.curves) where !names.contains(curve.name) {
      names.append(curve.name)
    }
    let legendTop = Double((panels.count + 1) / 2) * panelHeight + 10
    let height = legendTop + Double((names.count + 3) / 4) * legendLine
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" \
      viewBox="0 0 \(Int(panelWidth * 2)) \(Int(height))" font-family="sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="white"/>
      """
    ]
    for (index, panel) in panels.enumerated() {
      let x = Double(index % 2) * panelWidth
      let y = Double(index / 2) * panelHeight
      parts.append("<g transform=\"translate(\(x) \(y))\">")
      parts += draw(panel, names)
      parts.append("</g>")
    }
    parts += legend(names, top: legendTop)
    parts.append("</svg>\n")
    return parts.joined(separator: "\n")
  }

  private static func color(of name: String, in names: [String]) -> String {
    colors[(names.firstIndex(of: name) ?? 0) % colors.count]
  }

  /// Four names in a line.
  private static func legend(_ names: [String], top: Double) -> [String] {
    names.enumerated().map { index, name in
      let x = left + Double(index % 4) * (panelWidth * 2 - left) / 4
      let y = top + Double(index / 4) * legendLine
      return """
        <line x1="\(x)" y1="\(y)" x2="\(x + 24)" y2="\(y)" stroke="\(color(of: name, in: names))" \
        stroke-width="3"/>
        <text x="\(x + 30)" y="\(y + 4)">\(escaped(name))</text>
        """
    }
  }

  private static func draw(_ panel: Panel, _ names: [String]) -> [String] {
    let points = panel.curves.flatMap(\.points)
    let horizontal = Scale(points.map(\.x), from: left, to: right, isLinear: panel.isLinear)
    let vertical = Scale(points.map(\.y), from: bottom, to: top, isLinear: false)
    var parts = [
      "<text x=\"\(left)\" y=\"22\" font-size=\"14\">\(escaped(panel.title))</text>",
      """
      <text x="\((left + right) / 2)" y="\(bottom + 38)" text-anchor="middle">\
      \(escaped(panel.abscissa))</text>
      """,
    ]
    for (x, label) in horizontal.ticks {
      parts.append(line(x, top, x, bottom))
      parts.append(
        "<text x=\"\(x)\" y=\"\(bottom + 18)\" text-anchor=\"middle\">\(label)</text>")
    }
    for (index, (y, label)) in vertical.ticks.enumerated() {
      let unit = index == vertical.ticks.count - 1 ? " " + panel.unit : ""
      parts.append(line(left, y, right, y))
      parts.append(
        "<text x=\"\(left - 6)\" y=\"\(y + 4)\" text-anchor=\"end\">\(label)\(unit)</text>")
    }
    for curve in panel.curves {
      let positions = curve.points.map { point in
        String(
          format: "%.1f,%.1f", horizontal.position(point.x), vertical.position(point.y))
      }
      parts.append(
        """
        <polyline fill="none" stroke="\(color(of: curve.name, in: names))" stroke-width="2" \
        points="\(positions.joined(separator: " "))"/>
        """)
    }
    return parts
  }

  private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"#ddd\"/>"
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}

/// Where numbers lie between two positions: by their logarithms, with whole powers of ten at both
/// ends, or by themselves, with whole numbers.
private struct Scale {
  private let isLinear: Bool
  private let range: ClosedRange<Int>
  private let start: Double
  private let end: Double

  init(_ values: [Double], from start: Double, to end: Double, isLinear: Bool) {
    let numbers = isLinear ? values : values.map { log10($0) }
    let first = Int((numbers.min() ?? 0).rounded(.down))
    range = first...max(Int((numbers.max() ?? 1).rounded(.up)), first + 1)
    (self.start, self.end, self.isLinear) = (start, end, isLinear)
  }

  func position(_ value: Double) -> Double {
    let number = isLinear ? value : log10(value)
    let share = (number - Double(range.lowerBound)) / Double(range.upperBound - range.lowerBound)
    return start + (end - start) * share
  }

  /// Positions and what to write there.
  var ticks: [(Double, String)] {
    range.map { number in
      isLinear
        ? (position(Double(number)), String(number))
        : (position(pow(10, Double(number))), Self.label(number))
    }
  }

  /// A power of ten with a letter for thousands.
  private static func label(_ power: Int) -> String {
    guard power >= 0 else { return "0." + String(repeating: "0", count: -power - 1) + "1" }
    let letters = ["", "k", "M", "G"]
    let letter = min(power / 3, letters.count - 1)
    return "1" + String(repeating: "0", count: power - letter * 3) + letters[letter]
  }
}
