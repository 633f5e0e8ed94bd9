// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Testing

@testable import maps_race

/// The checker sees what no dump may show, and names the two lines.
@Suite struct DumpCheckerTests {
  static func line(_ start: UInt64, _ end: UInt64, _ rest: String = "rw-p 00000000 00:00 0 ")
    -> String
  {
    let digits = [start, end].map { value in
      let hex = String(value, radix: 16)
      return String(repeating: "0", count: max(0, 8 - hex.count)) + hex
    }
    return "\(digits[0])-\(digits[1]) \(rest)\n"
  }

  /// Checks `text` in chunks of `chunkCount` bytes.
  static func check(
    _ text: String, always: [Range<UInt64>] = [], chunkCount: Int = .max
  ) throws(DumpViolation) {
    var checker = DumpChecker(always: always)
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let end = start + min(chunkCount, bytes.count - start)
      try checker.check(bytes.span.extracting(start..<end))
      start = end
    }
    try checker.finish()
  }

  static let good = line(0x1000, 0x2000) + line(0x2000, 0x5000) + line(0x8000, 0x9000)

  @Test(arguments: [1, 7, 50, 4095])
  func goodDump(chunkCount: Int) throws {
    try Self.check(
      Self.good, always: [0x1000..<0x2000, 0x3000..<0x5000, 0x8000..<0x9000],
      chunkCount: chunkCount)
  }

  @Test func joinedPiecesCover() throws {
    // A range that is always mapped may be shown in pieces, and one of them twice.
    try Self.check(
      Self.line(0x1000, 0x3000) + Self.line(0x2000, 0x4000), always: [0x1000..<0x4000])
  }

  static let bad: [(text: String, rule: String, before: String, after: String)] = [
    (line(0x1000, 0x3000) + line(0x1000, 0x3000), "ends don't increase", "1000-", "1000-"),
    (line(0x5000, 0x6000) + line(0x1000, 0x2000), "ends don't increase", "5000-", "1000-"),
    (line(0x2000, 0x2000), "ends don't increase", "(start)", "2000-"),
    (line(0x1000, 0x8000), "8000-9000 is missing", "1000-", "(end)"),
    (line(0x1000, 0x2000) + line(0x9000, 0xa000), "8000-9000 is missing", "1000-", "9000-"),
    (line(0x8000, 0x8800) + line(0x8900, 0xa000), "8000-9000 is missing", "8000-", "8900-"),
    ("garbage\n", "malformed", "(start)", "garbage"),
    (line(0x1000, 0x2000) + "00002000-00003000 rw?p 0\n", "malformed", "1000-", "rw?p"),
    ("00001000-00002000 rw-p 00000000 00:00 0", "no newline", "(start)", "00001000-"),
  ]

  @Test(arguments: bad.indices)
  func badDump(index: Int) {
    let bad = Self.bad[index]
    let violation = #expect(throws: DumpViolation.self) {
      try Self.check(bad.text, always: [0x8000..<0x9000])
    }
    #expect(violation?.rule.contains(bad.rule) == true, "\(violation?.description ?? "none")")
    #expect(violation?.before.contains(bad.before) == true, "\(violation?.description ?? "none")")
    #expect(violation?.after.contains(bad.after) == true, "\(violation?.description ?? "none")")
  }

  @Test func histogramSurvivesItsEncoding() throws {
    var histogram = LatencyHistogram()
    for value in [1, 250, 251, 90_000, 3_000_000_000] as [UInt64] { histogram.record(value) }
    let data = try JSONEncoder().encode(histogram)
    let decoded = try JSONDecoder().decode(LatencyHistogram.self, from: data)
    #expect(decoded.count == 5 && decoded.max == histogram.max)
    #expect(decoded.percentile(50) == histogram.percentile(50))
  }
}
