// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// Reads the text of `/proc/PID/maps`: every line that a 64-bit kernel prints, and nothing else.
///
/// It is strict, so that a line that it accepts can be printed again byte for byte: lower-case
/// hexadecimal digits without superfluous zeros, the kernel's padding, ascending ranges, and a
/// newline at the end of every line.
///
/// ```swift
/// let text = "00400000-00401000 r-xp 00000000 08:01 42 \n"
/// let lines = try ProcMapsParser.parse(text)
///
/// var parser = ProcMapsParser(text)                // or line by line
/// while let line = try parser.next() { print(line.range) }
/// ```
///
/// - Threads: one at a time; the static methods from any.
public struct ProcMapsParser: Sendable {
  private var cursor: ProcMapsCursor
  private var last: ProcMapsLine?

  /// Creates a parser at the first line of `text`.
  public init(_ text: [UInt8]) { cursor = ProcMapsCursor(text: text) }

  /// Creates a parser at the first line of a text in a string.
  ///
  /// - Complexity: O(bytes), since the text is copied.
  public init(_ text: String) { self.init(Array(text.utf8)) }

  /// The next line; `nil` after the last one.
  ///
  /// - Throws: ``ProcMapsError`` for the first thing in the line that a kernel wouldn't have
  ///   printed, with its line and column and what was expected there. All later calls return `nil`.
  /// - Complexity: O(bytes of the line).
  public mutating func next() throws(ProcMapsError) -> ProcMapsLine? {
    guard !cursor.isAtEnd else { return nil }
    do throws(ProcMapsError) {
      let line = try cursor.parseLine(after: last)
      last = line
      return line
    } catch {
      cursor.index = cursor.text.count
      throw error
    }
  }

  /// The lines of `text`.
  ///
  /// - Throws: ``ProcMapsError`` for the first thing that a kernel wouldn't have printed, with its
  ///   line and column and what was expected there.
  /// - Complexity: O(bytes).
  public static func parse(_ text: [UInt8]) throws(ProcMapsError) -> [ProcMapsLine] {
    try parse(text, scans: true)
  }

  /// The lines of a text in a string.
  ///
  /// - Throws: as for ``parse(_:)-([UInt8])``.
  /// - Complexity: O(bytes).
  public static func parse(_ text: String) throws(ProcMapsError) -> [ProcMapsLine] {
    try parse(Array(text.utf8))
  }

  /// The lines of a text in a span, which is copied.
  ///
  /// - Throws: as for ``parse(_:)-([UInt8])``.
  /// - Complexity: O(bytes).
  public static func parse(_ text: Span<UInt8>) throws(ProcMapsError) -> [ProcMapsLine] {
    try parse(unsafe text.withUnsafeBufferPointer { unsafe Array($0) })
  }

  /// - Parameter scans: whether to use `LineScanner`, which changes nothing but the time it takes.
  static func parse(_ text: [UInt8], scans: Bool) throws(ProcMapsError) -> [ProcMapsLine] {
    var lines: [ProcMapsLine] = []
    // Most lines are at least this long.
    lines.reserveCapacity(text.count / 64)
    var cursor = ProcMapsCursor(text: text)
    while !cursor.isAtEnd {
      if scans { cursor.scanLines(into: &lines) }
      if !cursor.isAtEnd { lines.append(try cursor.parseLine(after: lines.last)) }
    }
    return lines
  }
}

/// A position in a text, and the grammar of the line at that position.
struct ProcMapsCursor: Sendable {
  let text: [UInt8]
  var index = 0
  var lineStart = 0
  var lineNumber = 0

  init(text: [UInt8]) { self.text = text }

  var isAtEnd: Bool { index == text.count }
  private var column: Int { index - lineStart }

  /// Scans all lines up to the first that needs the grammar.
  mutating func scanLines(into lines: inout [ProcMapsLine]) {
    guard text.last == UInt8(ascii: "\n") else { return }
    unsafe text.withUnsafeBufferPointer { text in
      var scanner = unsafe LineScanner(text, from: index)
      var floor = lines.last?.end ?? 0
      while let line = scanner.next(number: lineNumber + 1, floor: floor) {
        lineNumber += 1
        floor = line.end
        lines.append(line)
      }
      index = scanner.index
    }
  }

  /// The next line, which must start at or above the end of `previous`.
  mutating func parseLine(after previous: ProcMapsLine?) throws(ProcMapsError) -> ProcMapsLine {
    lineStart = index
    lineNumber += 1
    let start = try hex(minimumDigits: 8, "the start address in hexadecimal")
    try byte("-", "'-' between the addresses")
    let endIndex = index
    let end = try hex(minimumDigits: 8, "the end address in hexadecimal")
    try check(start, end, endIndex: endIndex, after: previous)
    try byte(" ", "a blank after the addresses")
    let (protection, isShared) = try permissions()
    try byte(" ", "a blank after the permissions")
    let offset = try hex(minimumDigits: 8, "the offset in hexadecimal")
    try byte(" ", "a blank after the offset")
    let major = try number32("the device's major number in hexadecimal")
    try byte(":", "':' between the device's numbers")
    let minor = try number32("the device's minor number in hexadecimal")
    try byte(" ", "a blank after the device")
    let inode = try decimal()
    try byte(" ", "a blank after the inode")
    let name = try name()
    try byte("\n", "a newline at the end of the line")
    return ProcMapsLine(
      number: lineNumber, start: start, end: end, protection: protection, isShared: isShared,
      offset: offset, device: DeviceNumber(major: major, minor: minor), inode: inode,
      nameRange: name)
  }

  // MARK: Rules beyond the grammar

  private func check(
    _ start: UInt64, _ end: UInt64, endIndex: Int, after previous: ProcMapsLine?
  ) throws(ProcMapsError) {
    guard start % AddressSpace.pageSize == 0 else {
      throw error(at: lineStart, "a start address that is a multiple of the page", show(start))
    }
    guard end % AddressSpace.pageSize == 0 else {
      throw error(at: endIndex, "an end address that is a multiple of the page", show(end))
    }
    guard end > start else {
      throw error(at: endIndex, "an end address above the start \(show(start))", show(end))
    }
    if let previous, start < previous.end {
      throw error(
        at: lineStart,
        "a start address at or above \(show(previous.end)), where line \(previous.number) ends",
        show(start), isOverlap: true)
    }
  }

  private func show(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  // MARK: Fields

  private mutating func permissions() throws(ProcMapsError) -> (Protection, Bool) {
    var protection: Protection = []
    if try oneOf("r", "-", "'r' or '-' for readable") { protection.insert(.read) }
    if try oneOf("w", "-", "'w' or '-' for writable") { protection.insert(.write) }
    if try oneOf("x", "-", "'x' or '-' for executable") { protection.insert(.execute) }
    return (protection, try oneOf("s", "p", "'s' or 'p' for shared or private"))
  }

  /// The range of the name: from column 73 at the earliest, after the padding, to the newline.
  private mutating func name() throws(ProcMapsError) -> Range<Int> {
    if index < text.count && text[index] == UInt8(ascii: "\n") { return index..<index }
    let nameColumn = max(column, 72) + 1
    while column < nameColumn {
      try byte(" ", "the name at column \(nameColumn + 1), or a newline")
    }
    let start = index
    while index < text.count && text[index] != UInt8(ascii: "\n") {
      guard text[index] != 0 else { throw error(at: index, "a name without NUL", found(at: index)) }
      index += 1
    }
    guard index > start else {
      throw error(at: index, "a name after the padding", found(at: index))
    }
    return start..<index
  }

  private mutating func number32(_ what: String) throws(ProcMapsError) -> UInt32 {
    let start = index
    let value = try hex(minimumDigits: 2, what)
    guard let number = UInt32(exactly: value) else {
      throw error(at: start, "\(what), of at most 32 bits", show(value))
    }
    return number
  }

  private mutating func hex(minimumDigits: Int, _ what: String) throws(ProcMapsError) -> UInt64 {
    let start = index
    var value: UInt64 = 0
    while index < text.count, let digit = Self.hexDigit(text[index]) {
      guard value >> 60 == 0 else {
        throw error(at: start, "\(what), of at most 64 bits", "a longer number")
      }
      value = value << 4 | digit
      index += 1
    }
    let count = index - start
    guard count > 0 else { throw error(at: index, what, found(at: index)) }
    guard count >= minimumDigits else {
      throw error(at: index, "\(what), with at least \(minimumDigits) digits", found(at: index))
    }
    guard count == minimumDigits || text[start] != UInt8(ascii: "0") else {
      throw error(
        at: start, "\(what), zeros only up to \(minimumDigits) digits", "a superfluous zero")
    }
    return value
  }

  private static func hexDigit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    default: nil
    }
  }

  private mutating func decimal() throws(ProcMapsError) -> UInt64 {
    let what = "the inode in decimal"
    let start = index
    var value: UInt64 = 0
    while index < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) {
      let (product, wraps) = value.multipliedReportingOverflow(by: 10)
      let (sum, carries) = product.addingReportingOverflow(
        UInt64(text[index] - UInt8(ascii: "0")))
      guard !wraps && !carries else {
        throw error(at: start, "\(what), of at most 64 bits", "a longer number")
      }
      value = sum
      index += 1
    }
    guard index > start else { throw error(at: index, what, found(at: index)) }
    guard index - start == 1 || text[start] != UInt8(ascii: "0") else {
      throw error(at: start, "\(what) without leading zeros", "a superfluous zero")
    }
    return value
  }

  // MARK: Bytes

  private mutating func byte(_ wanted: Unicode.Scalar, _ what: String) throws(ProcMapsError) {
    guard index < text.count, text[index] == UInt8(ascii: wanted) else {
      throw error(at: index, what, found(at: index))
    }
    index += 1
  }

  /// True for `yes`, false for `no`; throws for anything else.
  private mutating func oneOf(
    _ yes: Unicode.Scalar, _ no: Unicode.Scalar, _ what: String
  ) throws(ProcMapsError) -> Bool {
    guard index < text.count, text[index] == UInt8(ascii: yes) || text[index] == UInt8(ascii: no)
    else { throw error(at: index, what, found(at: index)) }
    defer { index += 1 }
    return text[index] == UInt8(ascii: yes)
  }

  private func found(at index: Int) -> String {
    guard index < text.count else { return "the end of the text" }
    let byte = text[index]
    switch byte {
    case UInt8(ascii: "\n"): return "the end of the line"
    case 0x20...0x7e: return "'\(Character(Unicode.Scalar(byte)))'"
    default: return "the byte 0x" + String(byte, radix: 16)
    }
  }

  private func error(
    at index: Int, _ expected: String, _ found: String, isOverlap: Bool = false
  ) -> ProcMapsError {
    ProcMapsError(
      line: lineNumber, column: index - lineStart + 1, expected: expected, found: found,
      isOverlap: isOverlap)
  }
}
