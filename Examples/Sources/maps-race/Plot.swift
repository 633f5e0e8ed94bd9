// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// The latency distributions as a drawing: latency over percentile, both logarithmic, a curve per
/// strategy.
enum Plot {
  private static let width = 860.0
  private static let height = 520.0
  private static let left = 90.0
  private static let right = 700.0
  private static let top = 50.0
  private static let bottom = 450.0
  private static let colors = ["#1b6ca8", "#2e8b57", "#c1440e", "#6a4c93"]

  static func svg(of results: [RaceResult]) -> String {
    let drawn = results.filter { $0.total.latencies.count > 0 }
    let nines = percentileDecades(drawn)
    let range = latencyRange(drawn)
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" \
      font-family="sans-serif" font-size="13">
      <rect width="100%" height="100%" fill="white"/>
      <text x="\(left)" y="28" font-size="16">Latency of one map or unmap while the maps are read</text>
      """
    ]
    parts += percentileAxis(nines)
    parts += latencyAxis(range)
    for (index, result) in drawn.enumerated() {
      parts.append(curve(result, colors[index % colors.count], nines: nines, range: range))
      let y = top + 20 + Double(index) * 22
      parts.append(
        """
        <line x1="\(right + 20)" y1="\(y)" x2="\(right + 50)" y2="\(y)" \
        stroke="\(colors[index % colors.count])" stroke-width="3"/>
        <text x="\(right + 58)" y="\(y + 4)">\(result.strategy.rawValue)</text>
        """)
    }
    parts.append("</svg>\n")
    return parts.joined(separator: "\n")
  }

  /// How many nines the percentile axis has: as many as the smallest count of operations supports.
  private static func percentileDecades(_ results: [RaceResult]) -> Int {
    let count = results.map(\.total.latencies.count).min() ?? 1
    return min(max(Int(log10(Double(max(count, 10)))), 1), 7)
  }

  /// The powers of ten, in nanoseconds, that enclose all latencies.
  private static func latencyRange(_ results: [RaceResult]) -> ClosedRange<Int> {
    let low = results.map { Double($0.total.latencies.percentile(1)) }.min() ?? 100
    let high = results.map { Double($0.total.latencies.max) }.max() ?? 1000
    let first = Int(log10(max(low, 1)).rounded(.down))
    return first...max(Int(log10(max(high, 10)).rounded(.up)), first + 1)
  }

  /// Where the percentile is whose complement is 10^-decades.
  private static func x(_ decades: Double, nines: Int) -> Double {
    left + (right - left) * decades / Double(nines)
  }

  private static func y(_ nanoseconds: Double, range: ClosedRange<Int>) -> Double {
    let share =
      (log10(max(nanoseconds, 1)) - Double(range.lowerBound))
      / Double(range.upperBound - range.lowerBound)
    return bottom - (bottom - top) * min(max(share, 0), 1)
  }

  private static func percentileAxis(_ nines: Int) -> [String] {
    (0...nines).map { decade in
      let label =
        decade == 0
        ? "0 %"
        : decade == 1
          ? "90 %"
          : decade == 2
            ? "99 %"
            : "99.\(String(repeating: "9", count: decade - 2)) %"
      let x = x(Double(decade), nines: nines)
      return """
        <line x1="\(x)" y1="\(top)" x2="\(x)" y2="\(bottom)" stroke="#ddd"/>
        <text x="\(x)" y="\(bottom + 20)" text-anchor="middle">\(label)</text>
        """
    } + [
      """
      <text x="\((left + right) / 2)" y="\(bottom + 46)" text-anchor="middle">percentile of \
      operations</text>
      """
    ]
  }

  private static func latencyAxis(_ range: ClosedRange<Int>) -> [String] {
    let units = [
      "1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms",
      "1 s", "10 s", "100 s",
    ]
    return range.map { power in
      let y = y(pow(10, Double(power)), range: range)
      return """
        <line x1="\(left)" y1="\(y)" x2="\(right)" y2="\(y)" stroke="#ddd"/>
        <text x="\(left - 8)" y="\(y + 4)" text-anchor="end">\(units[min(power, 11)])</text>
        """
    }
  }

  private static func curve(
    _ result: RaceResult, _ color: String, nines: Int, range: ClosedRange<Int>
  ) -> String {
    let points = stride(from: 0.0, through: Double(nines), by: 0.02).map { decades in
      let percentile = 100 * (1 - pow(10, -decades))
      let latency = Double(result.total.latencies.percentile(percentile))
      return String(
        format: "%.1f,%.1f", x(decades, nines: nines), y(latency, range: range))
    }
    return """
      <polyline fill="none" stroke="\(color)" stroke-width="2" \
      points="\(points.joined(separator: " "))"/>
      """
  }
}
