// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A line of `/proc/PID/maps`, taken apart.
///
/// Strict: a line that isn't as the kernel writes it, or is torn, is none. It shares nothing with
/// the library's own parser, which it judges.
package struct MapsLine: Hashable, Sendable {
  package var start: UInt64
  package var end: UInt64
  package var permissions: Permissions
  package var offset: UInt64 = 0
  package var major: UInt32 = 0
  package var minor: UInt32 = 0
  package var inode: UInt64 = 0
  /// As in the text, with `\012` for a newline.
  package var name = ""

  /// The line of private memory without a name, or the start of another one.
  package init(start: UInt64, end: UInt64, permissions: Permissions) {
    self.start = start
    self.end = end
    self.permissions = permissions
  }

  /// Takes a line apart, with its newline or without.
  ///
  /// - Precondition: it is one.
  package init(_ line: some StringProtocol) {
    let text = line.hasSuffix("\n") ? String(line) : line + "\n"
    guard let lines = Self.parse(Array(text.utf8)), lines.count == 1 else {
      preconditionFailure("MapsLine: “\(line)” is no line of maps")
    }
    self = lines[0]
  }

  /// Whether it shows anonymous memory without a name, and nothing else.
  package var isPlain: Bool {
    self == MapsLine(start: start, end: end, permissions: permissions)
  }
}

extension MapsLine: CustomStringConvertible {
  package var description: String {
    "\(String(start, radix: 16))-\(String(end, radix: 16)) \(permissions) "
      + "\(String(offset, radix: 16)) \(inode) \(name)"
  }
}

extension MapsLine {
  /// What may be done with memory, and whether it is shared: `rw-p`.
  package struct Permissions: Hashable, Sendable {
    /// The first letter in the lowest byte.
    fileprivate var letters: UInt32

    fileprivate init(letters: UInt32) { self.letters = letters }

    package init(
      isReadable: Bool, isWritable: Bool, isExecutable: Bool, isShared: Bool
    ) {
      let bytes = [
        UInt8(ascii: isReadable ? "r" : "-"), UInt8(ascii: isWritable ? "w" : "-"),
        UInt8(ascii: isExecutable ? "x" : "-"), UInt8(ascii: isShared ? "s" : "p"),
      ]
      letters = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    package var isReadable: Bool { letter(0) == UInt8(ascii: "r") }
    package var isWritable: Bool { letter(1) == UInt8(ascii: "w") }
    package var isExecutable: Bool { letter(2) == UInt8(ascii: "x") }
    package var isShared: Bool { letter(3) == UInt8(ascii: "s") }

    fileprivate var isWellFormed: Bool {
      let dash = UInt8(ascii: "-")
      return (isReadable || letter(0) == dash) && (isWritable || letter(1) == dash)
        && (isExecutable || letter(2) == dash) && (isShared || letter(3) == UInt8(ascii: "p"))
    }

    fileprivate func letter(_ index: UInt32) -> UInt8 {
      UInt8(truncatingIfNeeded: letters >> (8 * index))
    }
  }
}

extension MapsLine.Permissions: ExpressibleByStringLiteral, CustomStringConvertible {
  package init(stringLiteral text: String) {
    precondition(text.utf8.count == 4, "MapsLine.Permissions: there are four letters")
    letters = text.utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  package var description: String {
    String(decoding: (0..<4).map { letter($0) }, as: UTF8.self)
  }
}

// MARK: - Parsing

extension MapsLine {
  /// The lines of a text.
  ///
  /// - Precondition: it is one.
  package static func parse(_ text: String) -> [MapsLine] {
    guard let lines = parse(Array(text.utf8)) else {
      preconditionFailure("MapsLine: no text of maps:\n\(text)")
    }
    return lines
  }

  /// The lines of a text; `nil` if one is not as the kernel writes it. Fast enough for stress
  /// tests.
  package static func parse(_ text: [UInt8]) -> [MapsLine]? {
    var lines: [MapsLine] = []
    lines.reserveCapacity(text.count / 42)
    let bytes = text.span
    var index = 0
    while index < bytes.count {
      guard let line = MapsLine(bytes, &index) else { return nil }
      lines.append(line)
    }
    return lines
  }

  /// Where names start, counted from 0, unless what is before them is longer.
  private static let nameColumn = 73

  private init?(_ text: borrowing Span<UInt8>, _ index: inout Int) {
    let lineStart = index
    guard let start = Self.number(text, &index, radix: 16, digitsMin: 8, then: "-"),
      let end = Self.number(text, &index, radix: 16, digitsMin: 8, then: " "),
      let permissions = Self.permissions(text, &index),
      let offset = Self.number(text, &index, radix: 16, digitsMin: 8, then: " "),
      let major = Self.number(text, &index, radix: 16, digitsMin: 2, then: ":"),
      let minor = Self.number(text, &index, radix: 16, digitsMin: 2, then: " "),
      let inode = Self.number(text, &index, radix: 10, digitsMin: 1, then: " "),
      let name = Self.name(text, &index, lineStart: lineStart)
    else { return nil }
    self.init(start: start, end: end, permissions: permissions)
    self.offset = offset
    self.major = UInt32(truncatingIfNeeded: major)
    self.minor = UInt32(truncatingIfNeeded: minor)
    self.inode = inode
    self.name = name
  }

  /// A number with zeros before it only where it would have fewer than `digitsMin` digits, and the
  /// character after it.
  private static func number(
    _ text: borrowing Span<UInt8>, _ index: inout Int, radix: UInt64, digitsMin: Int,
    then end: Unicode.Scalar
  ) -> UInt64? {
    let first = index
    var value: UInt64 = 0
    while index < text.count {
      let digit: UInt64
      switch text[index] {
      case let byte where byte >= 0x30 && byte <= 0x39: digit = UInt64(byte - 0x30)
      case let byte where byte >= 0x61 && byte <= 0x66 && radix == 16: digit = UInt64(byte - 0x57)
      case let byte:
        let count = index - first
        index += 1
        let isWhole = count == digitsMin || count > digitsMin && text[first] != 0x30
        return isWhole && byte == UInt8(ascii: end) ? value : nil
      }
      let (product, overflows) = value.multipliedReportingOverflow(by: radix)
      if overflows { return nil }
      value = product + digit
      index += 1
    }
    return nil
  }

  private static func permissions(
    _ text: borrowing Span<UInt8>, _ index: inout Int
  ) -> Permissions? {
    guard index + 5 <= text.count, text[index + 4] == UInt8(ascii: " ") else { return nil }
    var letters: UInt32 = 0
    for place in 0..<4 { letters |= UInt32(text[index + place]) << (8 * UInt32(place)) }
    index += 5
    let result = Permissions(letters: letters)
    return result.isWellFormed ? result : nil
  }

  /// What follows the blank after the inode: the newline, or blanks, a name, and the newline.
  private static func name(
    _ text: borrowing Span<UInt8>, _ index: inout Int, lineStart: Int
  ) -> String? {
    let column = max(lineStart + nameColumn, index + 1)
    var nameEnd = index
    while nameEnd < text.count && text[nameEnd] != UInt8(ascii: "\n") { nameEnd += 1 }
    guard nameEnd < text.count else { return nil }
    defer { index = nameEnd + 1 }
    if nameEnd == index { return "" }
    guard nameEnd > column else { return nil }
    for place in index..<column where text[place] != UInt8(ascii: " ") { return nil }
    var bytes: [UInt8] = []
    for place in column..<nameEnd { bytes.append(text[place]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
