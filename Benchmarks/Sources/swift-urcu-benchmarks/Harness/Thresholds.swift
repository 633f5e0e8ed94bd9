// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// A bound of one row: of its ratio to another row of its group, or of its value.
struct Threshold {
  let group: String
  let row: String
  /// Whether less is better.
  let isMost: Bool
  let limit: Double
  /// What the row is divided by; `nil`: nothing.
  let baseline: String?

  /// The figure that is bounded: a median, as all of the table.
  ///
  /// - Returns: `nil` if the group hasn't got the rows.
  func value(in result: GroupResult) -> Double? {
    guard let values = result.values(of: row) else { return nil }
    guard let baseline else { return values.median }
    guard let divisors = result.values(of: baseline) else { return nil }
    return zip(values, divisors).map { $0 / $1 }.median
  }

  func admits(_ value: Double) -> Bool { isMost ? value <= limit : value >= limit }

  var text: String {
    "\(row): \(isMost ? "at most" : "at least") \(Report.number(limit))"
      + (baseline.map { " × \($0)" } ?? "")
  }
}

/// The bounds of a file, a line each:
///
///     group | row | at most 0.25 | row that it is divided by
///
/// `at least` where more is better; without the last field the row's own value is bounded. Empty
/// lines and what follows a `#` don't count.
struct Thresholds {
  let all: [Threshold]

  var groups: Set<String> { Set(all.map(\.group)) }

  /// - Parameter slack: how many times worse is admitted.
  init(path: String, slack: Double) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      fail("cannot read \(path)", code: 66)
    }
    all = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
      index, line in
      let line = line.prefix { $0 != "#" }
      if line.allSatisfy({ $0 == " " }) { return nil }
      guard let threshold = Self.parse(line, slack) else {
        fail(
          "\(path), line \(index + 1): expected “group | row | at most NUMBER | row”", code: 65)
      }
      return threshold
    }
  }

  private static func parse(_ line: Substring, _ slack: Double) -> Threshold? {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard fields.count == 3 || fields.count == 4, !fields.contains("") else { return nil }
    let bound = fields[2].split(separator: " ")
    guard bound.count == 3, bound[0] == "at", ["most", "least"].contains(bound[1]),
      let limit = Double(bound[2]), limit >= 0
    else { return nil }
    let isMost = bound[1] == "most"
    return Threshold(
      group: fields[0], row: fields[1], isMost: isMost,
      limit: isMost ? limit * slack : limit / slack, baseline: fields.count == 4 ? fields[3] : nil)
  }
}

/// What came out.
struct Verdict {
  enum Outcome {
    case kept(Double)
    /// In each measurement; the last one's.
    case broken(Double)
    /// Names who isn't there.
    case skipped(String)
  }

  let threshold: Threshold
  var outcome: Outcome

  /// - Parameter missing: the beginnings of names whose rows may be missing.
  init(_ threshold: Threshold, in result: GroupResult, missing: [String]) {
    self.threshold = threshold
    if let value = threshold.value(in: result) {
      outcome = threshold.admits(value) ? .kept(value) : .broken(value)
    } else {
      let names = [threshold.row, threshold.baseline].compactMap { $0 }
      let absent = missing.first { name in names.contains { $0.hasPrefix(name) } }
      guard let absent else {
        fail("thresholds: “\(threshold.group)” has no row for “\(threshold.text)”", code: 65)
      }
      outcome = .skipped(absent)
    }
  }

  var isBroken: Bool {
    if case .broken = outcome { return true }
    return false
  }

  var text: String {
    let what = "\(threshold.group) | \(threshold.text)"
    return switch outcome {
    case .kept(let value): "kept     \(what): \(Report.number(value))"
    case .broken(let value): "BROKEN   \(what): \(Report.number(value))"
    case .skipped(let name): "skipped  \(what): \(name) is left out"
    }
  }
}

extension Thresholds {
  /// How often a group is measured before a threshold counts as broken: noise seldom strikes twice,
  /// a regression always does.
  private static let maximumAttempts = 3

  /// Compares the results with the bounds, and measures again what breaks one.
  ///
  /// - Parameter measure: the group with the given title, anew.
  func check(
    _ results: [GroupResult], missing: [String], _ measure: (String) throws -> GroupResult
  ) rethrows -> [Verdict] {
    var verdicts: [Verdict] = []
    for result in results {
      var own = all.filter { $0.group == result.title }.map {
        Verdict($0, in: result, missing: missing)
      }
      for _ in 1..<Self.maximumAttempts where own.contains(where: \.isBroken) {
        let again = try measure(result.title)
        for index in own.indices where own[index].isBroken {
          own[index] = Verdict(own[index].threshold, in: again, missing: missing)
        }
      }
      verdicts += own
    }
    return verdicts
  }
}
