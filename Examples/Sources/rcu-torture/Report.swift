// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// The results as text.
enum Report {
  static func render(_ outcomes: [Outcome]) -> String {
    let header = [
      "flavor", "seconds", "reads", "updates", "grace periods", "callbacks", "pending max",
      "waits", "helps", "stalls", "floods", "threads", "at ends", "forks", "threadless", "signals",
      "errors",
    ]
    let rows = outcomes.map { outcome in
      let statistics = outcome.statistics
      return [
        outcome.flavor, String(format: "%.1f", outcome.seconds), outcome.text(.reads),
        outcome.text(.updates), String(statistics.gracePeriodCount),
        String(statistics.executedCount), String(statistics.pendingCountPeak),
        String(statistics.waitCount), String(statistics.helpCount), outcome.text(.stalls),
        outcome.text(.floods), outcome.text(.endedThreads), outcome.text(.readsAtEnds),
        outcome.text(.forks), outcome.text(.threadless), outcome.text(.signals),
        String(outcome.failureCount),
      ]
    }
    let ages = ["ages seen", ""] + (0...Age.end).map { String($0) }
    let ageRows = outcomes.flatMap { outcome in
      [
        [outcome.flavor, "found"] + outcome.agesFound.map { String($0) },
        [outcome.flavor, "staying"] + outcome.agesStaying.map { String($0) },
      ]
    }
    return table([header] + rows) + "\n\n" + table([ages] + ageRows)
  }

  /// Columns as wide as their widest cell; all but the first to the right.
  private static func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 ? row[column] + padding : padding + row[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Outcome {
  func text(_ done: Done) -> String { String(self.done[done.rawValue]) }
}
