// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// The results as text and as JSON.
enum Report {
  /// The rows of a group as thresholds name them: `group | row | row that it is divided by`.
  static func list(_ group: Group) -> String {
    group.subjects.flatMap(\.metrics).map { "\(group.title) | \($0.name) | \($0.baseline)" }
      .joined(separator: "\n")
  }

  static func table(_ results: [GroupResult]) -> String {
    let header = ["", "median", "unit", "ratio", "lowest–highest", "to", "one unit is"]
    let rows = results.map { result in result.rows.map(cells) }
    let widths = header.indices.map { column in
      ([header] + rows.flatMap { $0 }).map { $0[column].count }.max() ?? 0
    }
    var lines = [line(header, widths)]
    for (result, rows) in zip(results, rows) {
      lines += ["", "## " + result.title]
      lines += rows.map { line($0, widths) }
    }
    return lines.joined(separator: "\n")
  }

  private static func cells(_ row: Row) -> [String] {
    let isBaseline = row.metric.baseline == row.metric.name
    let range = "\(number(row.ratios.min() ?? 0))–\(number(row.ratios.max() ?? 0))"
    return [
      row.metric.name, number(row.values.median), row.metric.unit,
      isBaseline ? "1" : number(row.ratios.median), isBaseline ? "" : range,
      isBaseline ? "(baseline)" : row.metric.baseline, row.metric.meaning,
    ]
  }

  private static func line(_ cells: [String], _ widths: [Int]) -> String {
    let columns = cells.indices.map { column in
      let padding = String(repeating: " ", count: widths[column] - cells[column].count)
      // Numbers to the right.
      return [1, 3, 4].contains(column) ? padding + cells[column] : cells[column] + padding
    }
    let line = columns.joined(separator: "  ")
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  /// Three digits or so.
  static func number(_ value: Double) -> String {
    if value == 0 { return "0" }
    if value >= 10_000 { return grouped(Int(value.rounded())) }
    // %g would write large and small numbers with an exponent.
    let digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4
    return String(format: "%.\(digits)f", value)
  }

  private struct Document: Encodable {
    var machine: Machine
    var rounds: Int
    var isQuick: Bool
    var results: [Entry]
  }

  private struct Entry: Encodable {
    var group: String
    var name: String
    var meaning: String
    var unit: String
    var median: Double
    var baseline: String
    var ratio: Double
    var minimumRatio: Double
    var maximumRatio: Double
    var values: [Double]
  }

  static func json(_ results: [GroupResult], _ machine: Machine, _ effort: Effort) throws -> Data {
    let entries = results.flatMap { result in
      result.rows.map { row in
        Entry(
          group: result.title, name: row.metric.name, meaning: row.metric.meaning,
          unit: row.metric.unit, median: row.values.median, baseline: row.metric.baseline,
          ratio: row.ratios.median, minimumRatio: row.ratios.min() ?? 0,
          maximumRatio: row.ratios.max() ?? 0, values: row.values)
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(
      Document(
        machine: machine, rounds: effort.rounds, isQuick: effort.isQuick, results: entries))
  }
}

/// With commas between thousands.
func grouped(_ number: Int) -> String {
  String(number).reversed().enumerated().reduce(into: "") { text, digit in
    if digit.offset > 0 && digit.offset % 3 == 0 { text.insert(",", at: text.startIndex) }
    text.insert(digit.element, at: text.startIndex)
  }
}
