// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// The results as text.
enum Table {
  static func render(_ results: [RaceResult]) -> String {
    let header = [
      "strategy", "ops", "mean µs", "p50", "p99", "p99.9", "max", ">0.5 ms", ">1 ms", "dumps/s",
      "queries/s", "retries", "fallbacks",
    ]
    var rows = [header]
    for result in results {
      let latencies = result.total.latencies
      rows.append([
        result.strategy.rawValue, String(latencies.count), microseconds(latencies.mean),
        microseconds(Double(latencies.percentile(50))),
        microseconds(Double(latencies.percentile(99))),
        microseconds(Double(latencies.percentile(99.9))), microseconds(Double(latencies.max)),
        percent(result.shareOfRuns(aboveMilliseconds: 0.5)),
        percent(result.shareOfRuns(aboveMilliseconds: 1)),
        rate(result.total.dumpCount, result.total.seconds),
        rate(result.total.queryCount, result.total.seconds), String(result.total.retryCount),
        String(result.total.fallbackCount),
      ])
    }
    let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 ? row[column] + padding : padding + row[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// Nanoseconds as microseconds, three digits or so.
  private static func microseconds(_ nanoseconds: Double) -> String {
    let value = nanoseconds / 1000
    return String(format: value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value)
  }

  private static func percent(_ share: Double) -> String { String(format: "%.0f %%", share * 100) }

  private static func rate(_ count: Int, _ seconds: Double) -> String {
    String(format: "%.0f", Double(count) / Swift.max(seconds, 1e-9))
  }
}
