// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A row of the benchmarks, by its names.
struct ListedRow: Hashable, Comparable, Sendable, CustomStringConvertible {
  var group: String
  var name: String
  /// The row that it is divided by; its own name for a baseline.
  var baseline: String

  /// Without the baseline, which depends on who takes part.
  var groupAndName: String { "\(group) | \(name)" }

  var isBaseline: Bool { name == baseline }

  var description: String { "\(group) | \(name) | \(baseline)" }

  static func < (left: ListedRow, right: ListedRow) -> Bool {
    left.description < right.description
  }
}

extension ListedRow {
  /// The rows that `--list` prints; `nil` if a line is neither one nor says what is left out.
  static func rows(ofList text: String) -> [ListedRow]? {
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("left out: ") }
    let rows = lines.map { line -> ListedRow? in
      let fields = line.split(separator: " | ", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3, !fields.contains("") else { return nil }
      return ListedRow(group: fields[0], name: fields[1], baseline: fields[2])
    }
    return rows.contains(nil) ? nil : rows.compactMap { $0 }
  }
}
