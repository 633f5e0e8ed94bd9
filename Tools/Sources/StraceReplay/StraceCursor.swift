// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A position in a line of a trace.
struct StraceCursor {
  let line: [UInt8]
  /// From 1, for errors.
  let lineNumber: Int
  var index = 0

  init(_ line: [UInt8], lineNumber: Int) {
    self.line = line
    self.lineNumber = lineNumber
  }

  var isAtEnd: Bool { index == line.count }
  var rest: ArraySlice<UInt8> { line[index...] }
  var restText: String { String(decoding: rest, as: UTF8.self) }

  func error(_ rule: StraceError.Rule) -> StraceError {
    StraceError(line: lineNumber, value: String(restText.prefix(80)), rule: rule)
  }

  mutating func skipBlanks() {
    while index < line.count, line[index] == UInt8(ascii: " ") { index += 1 }
  }

  /// Passes `text` if it is what comes next.
  mutating func skip(_ text: StaticString) -> Bool {
    let bytes = text.description.utf8
    guard rest.starts(with: bytes) else { return false }
    index += bytes.count
    return true
  }

  /// The bytes up to the next that doesn't fulfil `condition`.
  mutating func take(while condition: (UInt8) -> Bool) -> String {
    let taken = rest.prefix(while: condition)
    index = taken.endIndex
    return String(decoding: taken, as: UTF8.self)
  }

  /// The number of the process at the start of a line; `nil` if there is none.
  mutating func threadID() throws(StraceError) -> Int32? {
    var ahead = self
    ahead.skipBlanks()
    if ahead.skip("[pid ") { throw error(.processNumbers) }
    let digits = ahead.take { Self.isDigit($0) }
    guard !digits.isEmpty, ahead.skip(" ") else { return nil }
    guard let number = Int32(digits) else { throw error(.numberSize) }
    self = ahead
    return number
  }

  /// Passes the time of day, or the seconds, that the options -t, -tt, -ttt and -r put in front.
  ///
  /// - Returns: nanoseconds since 1970, if it is the time of -ttt.
  mutating func takeTime() -> UInt64? {
    skipBlanks()
    var ahead = self
    let text = ahead.take { Self.isDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
    guard !text.isEmpty, ahead.skip(" ") else { return nil }
    self = ahead
    skipBlanks()
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    // Since the last call, with -r, it isn't that long.
    guard parts.count == 2, parts[1].utf8.count == 6, let seconds = UInt64(parts[0]),
      let microseconds = UInt64(parts[1]), (1_000_000_000..<10_000_000_000).contains(seconds)
    else { return nil }
    return (seconds * 1_000_000 + microseconds) * StraceCall.timeUnit
  }

  /// The name of a call.
  mutating func name() -> String {
    take { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || Self.isDigit($0) || $0 == 0x5f }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  // MARK: Arguments

  /// What stands between the commas up to the closing parenthesis, which is passed. Comments are
  /// left out.
  mutating func arguments() throws(StraceError) -> [String] {
    var arguments: [String] = []
    var argument: [UInt8] = []
    var depth = 0
    while index < line.count {
      let byte = line[index]
      switch byte {
      case UInt8(ascii: "\""):
        try argument.append(contentsOf: quoted())
        continue
      case UInt8(ascii: "<") where startsPath(after: argument):
        try argument.append(contentsOf: path())
        continue
      case UInt8(ascii: "/") where skip("/*"):
        try skipComment()
        continue
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
      case UInt8(ascii: ")") where depth == 0:
        index += 1
        Self.finish(&argument, &arguments)
        return arguments
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
      case UInt8(ascii: ",") where depth == 0:
        index += 1
        Self.finish(&argument, &arguments)
        continue
      default:
        break
      }
      guard depth >= 0 else { throw error(.arguments) }
      argument.append(byte)
      index += 1
    }
    throw error(.arguments)
  }

  private static func finish(_ argument: inout [UInt8], _ arguments: inout [String]) {
    let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") }
    let text = argument.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    arguments.append(String(decoding: text, as: UTF8.self))
    argument.removeAll()
  }

  /// Whether a `<` is that of a descriptor's path, not of a shift.
  private func startsPath(after argument: [UInt8]) -> Bool {
    guard let last = argument.last, last != UInt8(ascii: "<"), last != UInt8(ascii: " ") else {
      return false
    }
    return index + 1 < line.count && line[index + 1] != UInt8(ascii: "<")
  }

  /// A text in quotes, with them. What strace writes has quotes and backslashes escaped.
  private mutating func quoted() throws(StraceError) -> ArraySlice<UInt8> {
    let start = index
    index += 1
    while index < line.count, line[index] != UInt8(ascii: "\"") {
      index += line[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard index < line.count else { throw error(.arguments) }
    index += 1
    return line[start..<index]
  }

  /// A path in angle brackets, with them, and with what -yy adds in brackets of its own. Brackets
  /// of the path itself are escaped.
  private mutating func path() throws(StraceError) -> ArraySlice<UInt8> {
    let start = index
    var depth = 0
    while index < line.count {
      if line[index] == UInt8(ascii: "<") { depth += 1 }
      // The arrow of a connection, "->", is no bracket.
      if line[index] == UInt8(ascii: ">"), line[index - 1] != UInt8(ascii: "-") { depth -= 1 }
      index += 1
      if depth == 0 { return line[start..<index] }
    }
    index = start
    throw error(.arguments)
  }

  private mutating func skipComment() throws(StraceError) {
    while index < line.count {
      if skip("*/") { return }
      index += 1
    }
    throw error(.arguments)
  }

  // MARK: The result

  /// What stands behind the arguments.
  mutating func result() throws(StraceError) -> StraceResult {
    skipBlanks()
    guard skip("=") else { throw error(.result) }
    skipBlanks()
    if skip("?") { return .none }
    if skip("-1 ") {
      let name = take { byte in
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || Self.isDigit(byte)
      }
      guard name.hasPrefix("E") else { throw error(.result) }
      return .error(name)
    }
    var ahead = self
    let text = ahead.take { byte in
      Self.isDigit(byte) || byte == UInt8(ascii: "x")
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
    guard let value = StraceWords.number(text) else { throw error(.result) }
    self = ahead
    return .value(value)
  }
}
