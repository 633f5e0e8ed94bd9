// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Something that no dump may show.
struct DumpViolation: Error, CustomStringConvertible, Sendable {
  var rule: String
  /// The two lines between which it shows.
  var before: String
  var after: String

  var description: String { "\(rule)\n  \(before)\n  \(after)" }
}

/// Checks a dump while it is read, chunk by chunk: every line is well-formed, ends increase, and
/// what is always mapped is never missing.
struct DumpChecker {
  /// Ranges that are mapped all the time, in order.
  private let always: [Range<UInt64>]
  private var alwaysIndex = 0
  private var covered: UInt64
  private var lastEnd: UInt64 = 0
  private var lastLine: [UInt8] = []
  /// The beginning of a line whose end is in the next chunk.
  private var partial: [UInt8] = []

  init(always: [Range<UInt64>]) {
    self.always = always
    covered = always.first?.lowerBound ?? 0
  }

  /// Checks the lines that end in `chunk`.
  mutating func check(_ chunk: Span<UInt8>) throws(DumpViolation) {
    var lineStart = 0
    for index in 0..<chunk.count where chunk[index] == UInt8(ascii: "\n") {
      if partial.isEmpty {
        try checkLine(chunk.extracting(lineStart..<index))
      } else {
        for byte in lineStart..<index { partial.append(chunk[byte]) }
        let line = partial
        partial.removeAll(keepingCapacity: true)
        try checkLine(line.span)
      }
      lineStart = index + 1
    }
    for index in lineStart..<chunk.count { partial.append(chunk[index]) }
  }

  /// The dump is over: nothing may be missing at its end.
  mutating func finish() throws(DumpViolation) {
    guard partial.isEmpty else {
      throw violation("the last line has no newline", String(decoding: partial, as: UTF8.self))
    }
    guard alwaysIndex == always.count else {
      throw violation("\(show(always[alwaysIndex])) is missing", "(end)")
    }
    self = DumpChecker(always: always)
  }

  private mutating func checkLine(_ line: Span<UInt8>) throws(DumpViolation) {
    guard let (start, end) = Self.parse(line) else {
      throw violation("a line is malformed", Self.text(line))
    }
    guard end > start, end > lastEnd else {
      throw violation("ends don't increase", Self.text(line))
    }
    while alwaysIndex < always.count, always[alwaysIndex].lowerBound < end {
      guard start <= covered else {
        throw violation("\(show(always[alwaysIndex])) is missing", Self.text(line))
      }
      covered = max(covered, end)
      guard covered >= always[alwaysIndex].upperBound else { break }
      alwaysIndex += 1
      if alwaysIndex < always.count { covered = always[alwaysIndex].lowerBound }
    }
    lastEnd = end
    lastLine.removeAll(keepingCapacity: true)
    for index in 0..<line.count { lastLine.append(line[index]) }
  }

  /// The range of a line, if it has the form of one.
  private static func parse(_ line: Span<UInt8>) -> (UInt64, UInt64)? {
    var index = 0
    guard let start = hex(line, &index), line.count > index, line[index] == UInt8(ascii: "-") else {
      return nil
    }
    index += 1
    guard let end = hex(line, &index), line.count > index + 6, line[index] == UInt8(ascii: " "),
      line[index + 5] == UInt8(ascii: " ")
    else { return nil }
    guard isOne(line[index + 1], "r", "-"), isOne(line[index + 2], "w", "-"),
      isOne(line[index + 3], "x", "-"), isOne(line[index + 4], "s", "p")
    else { return nil }
    return (start, end)
  }

  private static func isOne(
    _ byte: UInt8, _ one: Unicode.Scalar, _ other: Unicode.Scalar
  ) -> Bool {
    byte == UInt8(ascii: one) || byte == UInt8(ascii: other)
  }

  /// At least eight lower-case hexadecimal digits.
  private static func hex(_ line: Span<UInt8>, _ index: inout Int) -> UInt64? {
    let first = index
    var value: UInt64 = 0
    while index < line.count {
      let byte = line[index]
      let digit: UInt8
      if byte >= 0x30 && byte <= 0x39 {
        digit = byte - 0x30
      } else if byte >= 0x61 && byte <= 0x66 {
        digit = byte - 0x61 + 10
      } else {
        break
      }
      value = value << 4 | UInt64(digit)
      index += 1
    }
    return index - first >= 8 ? value : nil
  }

  private static func text(_ line: Span<UInt8>) -> String {
    var bytes: [UInt8] = []
    for index in 0..<line.count { bytes.append(line[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func violation(_ rule: String, _ after: String) -> DumpViolation {
    let before = lastLine.isEmpty ? "(start)" : String(decoding: lastLine, as: UTF8.self)
    return DumpViolation(rule: rule, before: before, after: after)
  }

  private func show(_ range: Range<UInt64>) -> String {
    String(range.lowerBound, radix: 16) + "-" + String(range.upperBound, radix: 16)
  }
}
