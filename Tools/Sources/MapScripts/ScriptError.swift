// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What is wrong with the text of a ``MapScript``.
public struct ScriptError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// What stands there: a field or a word of it, with what isn't UTF-8 replaced.
  public var value: String
  /// The rule that it breaks.
  public var rule: Rule

  public init(line: Int, value: String, rule: Rule) {
    self.line = line
    self.value = value
    self.rule = rule
  }

  /// The rules of the format.
  public enum Rule: Sendable, Hashable {
    /// The first line that isn't blank or a comment is the window.
    case windowFirst
    /// There is one window.
    case oneWindow
    /// A window has at least one byte.
    case windowNotEmpty
    /// A window's end is a 64-bit number.
    case windowEnd
    /// `machine`, `confine`, `heap` and `limit` come before the first operation.
    case headerFirst
    /// `machine`, `confine`, `heap` and each of the limits are given at most once.
    case onceOnly
    /// The heap starts in the window.
    case heapInWindow
    /// `brk` stands in a script with a heap.
    case heapGiven
    /// A line starts with a word that the format knows.
    case knownOperation
    /// So many fields follow the first word, no fewer and no more.
    case fieldCount(ClosedRange<Int>)
    /// A number has decimal digits, or `0x` and hexadecimal digits.
    case number
    /// A number has at most 64 bits.
    case numberSize
    /// A field of flags has words that the format knows, or numbers, joined by `|`; or `-`.
    case flags(meaning: String, words: [String])
    /// An advice is a word that the format knows, or a number from 1000 on.
    case advice
    /// A source is `-` or one of the files.
    case source
    /// A limit is one of those that the format knows.
    case limit
    /// What is said of the machine is something that the format knows.
    case machine
  }

  public var description: String { "line \(line): “\(value)”: \(rule)" }
}

extension ScriptError.Rule: CustomStringConvertible {
  public var description: String {
    switch self {
    case .windowFirst: "the first line must be “window BASE LEN”"
    case .oneWindow: "there must be only one window"
    case .windowNotEmpty: "a window must have at least one byte"
    case .windowEnd: "a window's end must be less than 2^64"
    case .headerFirst: "must come before the first operation"
    case .onceOnly: "must be given at most once"
    case .heapInWindow: "the heap must start in the window"
    case .heapGiven: "needs a line “heap START” before the first operation"
    case .knownOperation:
      "a line must start with one of "
        + (["machine", "confine", "heap", "limit"] + ScriptOperationKind.allCases.map(\.rawValue))
        .joined(separator: ", ")
    case .fieldCount(let counts):
      counts.count == 1
        ? "must have \(counts.lowerBound) fields after the first word"
        : "must have \(counts.lowerBound) to \(counts.upperBound) fields after the first word"
    case .number: "a number must have decimal digits, or 0x and hexadecimal digits"
    case .numberSize: "a number must be less than 2^64"
    case .flags(let meaning, let words):
      "\(meaning) must be a number or one of \(words.joined(separator: ", ")), "
        + "several joined by |, or - for none"
    case .advice:
      "an advice must be a number from \(ScriptWords.minimumUnknownAdvice) on or one of "
        + ScriptWords.advice.words.map(\.word).joined(separator: ", ")
    case .source:
      "a source must be one of " + ScriptSource.allCases.map(\.word).joined(separator: ", ")
    case .limit:
      "a limit must be one of " + ScriptLimit.allCases.map(\.rawValue).joined(separator: ", ")
    case .machine: "what is said of the machine must be \(MapScript.executeOnlyKeysWord)"
    }
  }
}
