// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension StraceTrace {
  /// Parses what `strace` wrote.
  ///
  /// - Throws: ``StraceError`` for the first line that breaks a rule, of those that a replay
  ///   depends on.
  /// - Complexity: O(bytes).
  public init(parsing text: some Sequence<UInt8>) throws(StraceError) {
    var parser = StraceParser()
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
    self = parser.finish()
  }

  public init(parsing text: String) throws(StraceError) { try self.init(parsing: text.utf8) }
}

/// Takes lines, one after the other, and puts together what belongs to one call.
private struct StraceParser {
  private var lineNumber = 0
  /// Of the line.
  private var time: UInt64?
  private var trace = StraceTrace()
  private var unfinished: [Int32: UnfinishedCall] = [:]

  private struct UnfinishedCall {
    let name: String
    let startLine: Int
    let time: UInt64?
    /// Its place in the trace; `nil` for a call that isn't replayed.
    let index: Int?
    /// The name and the arguments up to where the line was left.
    let text: ArraySlice<UInt8>
  }

  init() {}

  /// Calls that never ended stay without a result.
  mutating func finish() -> StraceTrace { trace }

  mutating func parse(_ line: [UInt8]) throws(StraceError) {
    lineNumber += 1
    var cursor = StraceCursor(line, lineNumber: lineNumber)
    let threadID = try cursor.threadID() ?? 0
    time = cursor.takeTime()
    if cursor.isAtEnd || cursor.skip("---") || cursor.skip("strace:") { return }
    if cursor.skip("+++") {
      cursor.skipBlanks()
      try end(threadID, &cursor)
    } else if cursor.skip("<... ") {
      try resume(threadID, &cursor)
    } else if cursor.skip("[ Process PID=") {
      throw StraceError(
        line: lineNumber, value: String(decoding: line, as: UTF8.self), rule: .nativeMode)
    } else {
      try start(threadID, &cursor)
    }
  }

  /// The end of a thread; or that another one has taken over its number, by `execve`.
  private mutating func end(
    _ threadID: Int32, _ cursor: inout StraceCursor
  ) throws(StraceError) {
    if cursor.skip("superseded by execve in pid ") {
      guard let other = Int32(cursor.restText.prefix { $0.isNumber }),
        let call = unfinished.removeValue(forKey: other)
      else { throw cursor.error(.unfinished) }
      unfinished[threadID] = call
      if let index = call.index { trace.calls[index].threadID = threadID }
      trace.events.append(.threadEnded(other))
    } else {
      unfinished[threadID] = nil
      trace.events.append(.threadEnded(threadID))
    }
  }

  private mutating func start(
    _ threadID: Int32, _ cursor: inout StraceCursor
  ) throws(StraceError) {
    let text = cursor.rest
    let name = cursor.name()
    guard !name.isEmpty, cursor.skip("(") else { throw cursor.error(.call) }
    guard unfinished[threadID] == nil else { throw cursor.error(.oneCall) }
    let isReplayed =
      StraceWords.replayedCalls.contains(name) || StraceWords.unsupportedCalls.contains(name)
    let mark = " <unfinished ...>".utf8
    guard text.suffix(mark.count).elementsEqual(mark) else {
      if isReplayed, let call = try call(text, threadID, startLine: lineNumber) {
        trace.calls.append(call)
        trace.events.append(.ended(trace.calls.count - 1))
      }
      return
    }
    let partial = text.dropLast(mark.count)
    var index: Int?
    // Of a call that never returns, or whose thread ends in it, there is no more than this.
    if isReplayed {
      let whole = partial + Array(") = ?".utf8)
      let call = name == "exit_group" ? try call(whole, threadID, startLine: lineNumber) : nil
      index = trace.calls.count
      trace.calls.append(
        call
          ?? StraceCall(
            threadID: threadID, startLine: lineNumber, endLine: lineNumber, time: time,
            text: String(decoding: partial, as: UTF8.self), operation: .unsupported, result: .none))
      trace.events.append(.began(trace.calls.count - 1))
    }
    unfinished[threadID] = UnfinishedCall(
      name: name, startLine: lineNumber, time: time, index: index, text: partial)
  }

  private mutating func resume(
    _ threadID: Int32, _ cursor: inout StraceCursor
  ) throws(StraceError) {
    let name = cursor.name()
    guard cursor.skip(" resumed>"), let begun = unfinished.removeValue(forKey: threadID),
      begun.name == name
    else { throw cursor.error(.unfinished) }
    guard let index = begun.index else { return }
    let text = begun.text + cursor.rest
    if var call = try call(text, threadID, startLine: begun.startLine) {
      call.time = begun.time
      trace.calls[index] = call
      trace.events.append(.ended(index))
    }
  }

  /// The call whose text is whole; `nil` for one that turns out to be of no interest.
  private func call(
    _ text: ArraySlice<UInt8>, _ threadID: Int32, startLine: Int
  ) throws(StraceError) -> StraceCall? {
    var cursor = StraceCursor(Array(text), lineNumber: lineNumber)
    let name = cursor.name()
    guard cursor.skip("(") else { throw cursor.error(.call) }
    let arguments = StraceArguments(try cursor.arguments(), lineNumber: lineNumber)
    let result = try cursor.result()
    guard let operation = try arguments.operation(of: name) else { return nil }
    return StraceCall(
      threadID: threadID, startLine: startLine, endLine: lineNumber, time: time,
      text: String(decoding: text, as: UTF8.self), operation: operation, result: result)
  }
}
