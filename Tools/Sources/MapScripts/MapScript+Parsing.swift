// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension MapScript {
  /// Parses a script.
  ///
  /// Arguments that the kernel would refuse, as an address that is no multiple of the page, are no
  /// errors of the script. Fields are separated by blanks or tabs; a number may be written with
  /// leading zeros, and is decimal then too.
  ///
  /// - Throws: ``ScriptError`` for the first line that breaks a rule.
  /// - Complexity: O(bytes).
  public init(parsing text: some Sequence<UInt8>) throws(ScriptError) {
    var parser = ScriptParser()
    var line: [UInt8] = []
    for byte in text {
      if byte == UInt8(ascii: "\n") {
        try parser.parse(line)
        line.removeAll(keepingCapacity: true)
      } else {
        line.append(byte)
      }
    }
    if !line.isEmpty { try parser.parse(line) }
    self = try parser.finish()
  }

  public init(parsing text: String) throws(ScriptError) { try self.init(parsing: text.utf8) }
}

/// Takes lines, one after the other.
private struct ScriptParser {
  private var lineNumber = 0
  private var script: MapScript?
  private var lineNumbers: [Int] = []

  init() {}

  func finish() throws(ScriptError) -> MapScript {
    guard var script else { throw error("", .windowFirst) }
    script.parsedLineNumbers = lineNumbers
    return script
  }

  private func error(_ value: String, _ rule: ScriptError.Rule) -> ScriptError {
    // An empty text ends on its first line.
    ScriptError(line: max(lineNumber, 1), value: value, rule: rule)
  }

  mutating func parse(_ line: [UInt8]) throws(ScriptError) {
    lineNumber += 1
    let code = line.prefix { $0 != UInt8(ascii: "#") }
    let words = code.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map {
      String(decoding: $0, as: UTF8.self)
    }
    guard let first = words.first else { return }
    let fields = Array(words.dropFirst())
    guard script != nil || first == "window" else { throw error(first, .windowFirst) }
    switch first {
    case "window": try parseWindow(fields)
    case "machine": try parseMachine(fields)
    case "confine": try parseConfine(fields)
    case "heap": try parseHeap(fields)
    case "limit": try parseLimit(fields)
    default:
      guard let kind = ScriptOperationKind(rawValue: first) else {
        throw error(first, .knownOperation)
      }
      try checkCount(of: fields, after: first, kind.fieldCounts)
      let operation = try operation(kind, fields)
      script?.operations.append(operation)
      lineNumbers.append(lineNumber)
    }
  }

  private func checkCount(
    of fields: [String], after word: String, _ counts: ClosedRange<Int>
  ) throws(ScriptError) {
    guard counts.contains(fields.count) else {
      // The first superfluous field, or else the line's word.
      let value = fields.count > counts.upperBound ? fields[counts.upperBound] : word
      throw error(value, .fieldCount(counts))
    }
  }

  // MARK: The header

  private mutating func parseWindow(_ fields: [String]) throws(ScriptError) {
    guard script == nil else { throw error("window", .oneWindow) }
    try checkCount(of: fields, after: "window", 2...2)
    let base = try number(fields[0])
    let length = try number(fields[1])
    guard length > 0 else { throw error(fields[1], .windowNotEmpty) }
    guard length <= .max - base else { throw error(fields[1], .windowEnd) }
    script = MapScript(window: MapScript.Window(base: base, length: length))
  }

  private mutating func parseMachine(_ fields: [String]) throws(ScriptError) {
    try checkHeader("machine")
    try checkCount(of: fields, after: "machine", 1...1)
    guard fields[0] == MapScript.executeOnlyKeysWord else { throw error(fields[0], .machine) }
    guard script?.hasExecuteOnlyKeys == false else { throw error(fields[0], .onceOnly) }
    script?.hasExecuteOnlyKeys = true
  }

  private mutating func parseConfine(_ fields: [String]) throws(ScriptError) {
    try checkHeader("confine")
    try checkCount(of: fields, after: "confine", 0...0)
    guard script?.isConfined == false else { throw error("confine", .onceOnly) }
    script?.isConfined = true
  }

  private mutating func parseHeap(_ fields: [String]) throws(ScriptError) {
    try checkHeader("heap")
    try checkCount(of: fields, after: "heap", 1...1)
    guard let window = script?.window, script?.heapStart == nil else {
      throw error("heap", .onceOnly)
    }
    let start = try number(fields[0])
    guard (window.base..<window.end).contains(start) else { throw error(fields[0], .heapInWindow) }
    script?.heapStart = start
  }

  private mutating func parseLimit(_ fields: [String]) throws(ScriptError) {
    try checkHeader("limit")
    try checkCount(of: fields, after: "limit", 2...2)
    guard let limit = ScriptLimit(rawValue: fields[0]) else { throw error(fields[0], .limit) }
    guard script?.limits[keyPath: limit.path] == nil else { throw error(fields[0], .onceOnly) }
    let value = try number(fields[1])
    script?.limits[keyPath: limit.path] = value
  }

  private func checkHeader(_ word: String) throws(ScriptError) {
    guard script?.operations.isEmpty == true else { throw error(word, .headerFirst) }
  }

  // MARK: Operations

  private func operation(
    _ kind: ScriptOperationKind, _ fields: [String]
  ) throws(ScriptError) -> ScriptOperation {
    switch kind {
    case .map:
      return .map(
        address: try number(fields[0]), length: try number(fields[1]),
        protection: try flags(fields[2], .protection), flags: try flags(fields[3], .mapFlags),
        source: try source(fields[4]), offset: try number(fields[5]))
    case .protect:
      return .protect(
        address: try number(fields[0]), length: try number(fields[1]),
        protection: try flags(fields[2], .protection))
    case .remap:
      return .remap(
        address: try number(fields[0]), length: try number(fields[1]),
        newLength: try number(fields[2]), flags: try flags(fields[3], .remapFlags),
        newAddress: fields.count > 4 ? try number(fields[4]) : 0)
    case .advise:
      return .advise(
        address: try number(fields[0]), length: try number(fields[1]),
        advice: try advice(fields[2]))
    case .lock:
      return .lock(
        address: try number(fields[0]), length: try number(fields[1]),
        flags: fields.count > 2 ? try flags(fields[2], .lockFlags) : 0)
    case .query:
      return .query(address: try number(fields[0]), flags: try flags(fields[1], .queryFlags))
    case .setBreak:
      guard script?.heapStart != nil else { throw error(kind.rawValue, .heapGiven) }
      return .setBreak(address: try number(fields[0]))
    case .unmap, .unlock, .fork, .touch, .dump:
      var numbers: [UInt64] = []
      for field in fields { numbers.append(try number(field)) }
      return ScriptOperation(kind, numbers: numbers)
    }
  }

  private func number(_ field: String) throws(ScriptError) -> UInt64 {
    let isHexadecimal = field.hasPrefix("0x")
    let digits = isHexadecimal ? field.utf8.dropFirst(2) : field.utf8[...]
    guard !digits.isEmpty else { throw error(field, .number) }
    let radix: UInt64 = isHexadecimal ? 16 : 10
    var value: UInt64 = 0
    var isTooLarge = false
    for byte in digits {
      guard let digit = Self.digit(byte), digit < radix else { throw error(field, .number) }
      let (product, overflows) = value.multipliedReportingOverflow(by: radix)
      let (sum, carries) = product.addingReportingOverflow(digit)
      isTooLarge = isTooLarge || overflows || carries
      value = sum
    }
    guard !isTooLarge else { throw error(field, .numberSize) }
    return value
  }

  private static func startsWithDigit(_ word: String) -> Bool {
    word.utf8.first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }

  /// Words and numbers joined by `|`, or `-`.
  private func flags(_ field: String, _ words: ScriptWords) throws(ScriptError) -> UInt64 {
    if field == "-" { return 0 }
    var result: UInt64 = 0
    for part in field.split(separator: "|", omittingEmptySubsequences: false) {
      let word = String(part)
      if let value = words.value(of: word) {
        result |= value
      } else if Self.startsWithDigit(word) {
        result |= try number(word)
      } else {
        throw error(word, .flags(meaning: words.meaning, words: words.words.map(\.word)))
      }
    }
    return result
  }

  private func advice(_ field: String) throws(ScriptError) -> UInt64 {
    if let value = ScriptWords.advice.value(of: field) { return value }
    guard Self.startsWithDigit(field) else { throw error(field, .advice) }
    let value = try number(field)
    guard value >= ScriptWords.minimumUnknownAdvice else { throw error(field, .advice) }
    return value
  }

  private func source(_ field: String) throws(ScriptError) -> ScriptSource {
    guard let source = ScriptSource.allCases.first(where: { $0.word == field }) else {
      throw error(field, .source)
    }
    return source
  }
}
