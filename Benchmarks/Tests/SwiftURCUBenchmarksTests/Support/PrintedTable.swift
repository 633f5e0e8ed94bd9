// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The table that the benchmarks print, with what they say of the machine above it.
struct PrintedTable: Sendable {
  struct Row: Sendable {
    var names: ListedRow
    var median: Double
    var unit: String
    var ratio: Double
    /// `nil` for a baseline.
    var ratios: ClosedRange<Double>?
    var meaning: String
  }

  /// The lines above the table.
  let heading: [String]
  /// The groups' titles, in order.
  let groups: [String]
  let rows: [Row]
  /// The lines of the table that are neither a group's title nor a row.
  let malformed: [String]

  init(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let head = lines.firstIndex { $0.split(separator: " ").prefix(2) == ["median", "unit"] }
    heading = Array(lines[..<(head ?? lines.count)])
    var groups: [String] = []
    var rows: [Row] = []
    var malformed = head == nil ? ["no line with the columns' names"] : []
    for line in lines[(head ?? lines.count)...].dropFirst() where !line.isEmpty {
      if line.hasPrefix("## ") {
        groups.append(String(line.dropFirst(3)))
      } else if let row = Row(line, group: groups.last) {
        rows.append(row)
      } else {
        malformed.append(line)
      }
    }
    (self.groups, self.rows, self.malformed) = (groups, rows, malformed)
  }
}

extension PrintedTable.Row {
  /// - Parameter line: name, median, unit, ratio, range of ratios unless it is a baseline, name of
  ///   the
  ///   baseline, meaning; two blanks or more between them.
  fileprivate init?(_ line: String, group: String?) {
    var cells = line.split(separator: /\ {2,}/, omittingEmptySubsequences: false).map(String.init)
    guard let group, cells.count > 3 else { return nil }
    let isBaseline = cells[4] == "(baseline)"
    // A baseline has no range.
    if isBaseline { cells.insert("", at: 4) }
    let limits = cells[4].split(separator: "–").compactMap { Self.number($0) }
    guard cells.count == 7, !cells[0].isEmpty, !cells[5].isEmpty, !cells[6].isEmpty,
      let median = Self.number(cells[1]), let ratio = Self.number(cells[3]),
      isBaseline || limits.count == 2 && limits[0] <= limits[1],
      ["ns", "bytes", "pages", "times", "MB/s", "1/s"].contains(cells[2])
    else { return nil }
    names = ListedRow(group: group, name: cells[0], baseline: isBaseline ? cells[0] : cells[5])
    (self.median, unit, self.ratio, meaning) = (median, cells[2], ratio, cells[6])
    ratios = isBaseline ? nil : limits[0]...limits[1]
  }

  /// With commas between thousands, and no exponent.
  private static func number(_ text: some StringProtocol) -> Double? {
    guard text.allSatisfy({ $0.isNumber || $0 == "." || $0 == "," }) else { return nil }
    return Double(String(text.filter { $0 != "," }))
  }
}
