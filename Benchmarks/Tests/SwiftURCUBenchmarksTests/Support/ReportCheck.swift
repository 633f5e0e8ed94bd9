// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// What is wrong with a report of the benchmarks. What a report must have follows from what the
/// program lists, not from a count.
struct ReportCheck {
  let list: String
  let table: String
  let json: Data
  var rounds = BenchmarkProgram.rounds

  init(_ run: BenchmarkRun) {
    (list, table, json) = (run.list, run.table, run.json)
  }

  init(list: String, table: String, json: Data) {
    (self.list, self.table, self.json) = (list, table, json)
  }

  /// A line for each problem.
  func problems() -> [String] {
    guard let listed = ListedRow.rows(ofList: list), !listed.isEmpty else {
      return ["--list: a line isn’t “group | row | row”, or there is none"]
    }
    let table = PrintedTable(table)
    let results: WrittenResults
    do {
      results = try JSONDecoder().decode(WrittenResults.self, from: json)
    } catch {
      return ["JSON: \(error)"]
    }
    return problems(ofList: listed)
      + table.malformed.map { "not a row of the table: \($0)" }
      + differences("table", table.rows.map(\.names), listed)
      + differences("JSON", results.results.map(\.names), listed)
      + (table.groups == unique(listed.map(\.group)) ? [] : ["the table has other groups"])
      + problems(of: results.machine, heading: table.heading)
      + (results.rounds == rounds && results.isQuick ? [] : ["JSON: not the rounds asked for"])
      + zip(table.rows, results.results).flatMap { problems(of: $1, printed: $0) }
  }

  private func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  /// Each group has a baseline, and each row's baseline is one of its group; no row is listed
  /// twice.
  private func problems(ofList listed: [ListedRow]) -> [String] {
    let groups = Dictionary(grouping: listed, by: \.group)
    var problems: [String] = []
    for (group, rows) in groups.sorted(by: { $0.key < $1.key }) {
      let baselines = Set(rows.filter(\.isBaseline).map(\.name))
      if baselines.isEmpty { problems.append("no baseline in “\(group)”") }
      for row in rows where !baselines.contains(row.baseline) {
        problems.append("not divided by a baseline of its group: \(row)")
      }
      let names = Dictionary(grouping: rows, by: \.name)
      problems += names.filter { $1.count > 1 }.keys.sorted().map { "twice: \(group) | \($0)" }
    }
    return problems
  }

  /// - Parameter place: where `rows` were found.
  private func differences(
    _ place: String, _ rows: [ListedRow], _ listed: [ListedRow]
  ) -> [String] {
    if rows == listed { return [] }
    let missing = Set(listed).subtracting(rows).sorted().map { "\(place): no row \($0)" }
    let added = Set(rows).subtracting(listed).sorted().map { "\(place): not listed: \($0)" }
    let problems = missing + added
    return problems.isEmpty ? ["\(place): rows in another order, or twice"] : problems
  }

  private func problems(of machine: WrittenResults.Machine, heading: [String]) -> [String] {
    let expected =
      [
        "kernel: Linux \(machine.kernel)", "cores: \(machine.cores)",
        "processor: \(machine.processor)", "liburcu: \(machine.liburcu)",
      ] + machine.peers
    let isKnown =
      machine.kernel.contains(/^[0-9]/) && machine.cores > 0 && !machine.processor.isEmpty
      && machine.liburcu.contains(/^[0-9(]/)
    return expected.filter { !heading.contains($0) }.map { "the table doesn't say “\($0)”" }
      + (isKnown ? [] : ["the machine isn't described: \(machine)"])
  }

  private func problems(of row: WrittenResults.Row, printed: PrintedTable.Row) -> [String] {
    // Only a number of calls may be 0: the other figures are times, rates and sizes.
    let isPositive = { (value: Double) in
      value.isFinite && (value > 0 || value == 0 && row.unit == "times")
    }
    let values = row.values.sorted()
    let claims = [
      "\(row.values.count) values": (1...rounds).contains(values.count),
      "a value that isn't a positive number": values.allSatisfy(isPositive),
      "the median isn't in the middle": row.median == median(values),
      "a ratio that isn't a positive number": [row.minimumRatio, row.ratio, row.maximumRatio]
        .allSatisfy(isPositive),
      "ratios out of order": row.minimumRatio <= row.ratio && row.ratio <= row.maximumRatio,
      "a baseline's ratio that isn't 1": !row.names.isBaseline
        || row.minimumRatio == 1 && row.maximumRatio == 1,
      "another unit or meaning in the table": row.unit == printed.unit
        && row.meaning == printed.meaning && !row.meaning.isEmpty,
      "another figure in the table": isNear(row.median, printed.median)
        && isNear(row.ratio, printed.ratio)
        && (printed.ratios.map {
          isNear(row.minimumRatio, $0.lowerBound) && isNear(row.maximumRatio, $0.upperBound)
        } ?? true),
    ]
    return claims.filter { !$0.value }.keys.sorted().map { "\(row.names): \($0)" }
  }

  private func median(_ sorted: [Double]) -> Double? {
    if sorted.isEmpty { return nil }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1
      ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// The table has three digits, and no more than four after the point.
  private func isNear(_ value: Double, _ printed: Double) -> Bool {
    abs(value - printed) <= max(abs(value) * 0.01, 0.0001)
  }
}
