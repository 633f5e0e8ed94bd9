// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The Swift code of an article: one program, or part of one, in pieces.
///
/// A piece is a block of code whose language is `swift`, or a comment of HTML whose first line is
/// `<!-- swift` and whose last is `-->`: code that the program needs and a reader of the article
/// doesn't. Blocks of no language or another one are not compiled.
public struct ArticleCode: Sendable {
  /// Lines of code that follow one another in the article.
  public struct Piece: Sendable, Hashable {
    /// The line of the article where the code begins, from 1.
    public var line: Int
    public var lines: [Substring]

    public init(line: Int, lines: [Substring]) {
      self.line = line
      self.lines = lines
    }
  }

  /// The article's file, as compilers shall name it.
  public let file: String
  public let pieces: [Piece]

  /// - Throws: ``ArticleError`` if a block or a comment isn't closed.
  public init(_ text: String, file: String) throws(ArticleError) {
    self.file = file
    pieces = try Self.pieces(of: text, file: file)
  }

  /// Whether the code has an entry point of its own; else its statements are the program.
  public var hasEntryPoint: Bool {
    lines.contains { $0.starts(with: "@main") }
  }

  /// Whether the code says whose lifetime a function's result has, for which a target needs the
  /// compiler's feature `Lifetimes`.
  public var namesLifetimes: Bool {
    lines.contains { $0.contains("@_lifetime") }
  }

  private var lines: some Sequence<Substring> { pieces.lazy.flatMap(\.lines) }

  /// The code as one file, in which the compiler gives the article's lines in its messages.
  public var source: String {
    var source = ""
    for piece in pieces {
      source += "#sourceLocation(file: \(String(reflecting: file)), line: \(piece.line))\n"
      for line in piece.lines { source += line + "\n" }
      source += "#sourceLocation()\n"
    }
    return source
  }
}

extension ArticleCode {
  /// A block of code or a comment that a later line closes.
  private struct Opened {
    /// Backticks, of which the closing line has as many or more; `nil` for a comment.
    var fence: Substring?
    /// The line where it begins, from 1.
    var line: Int
    var indentation = 0
    var isSwift = true
    var code: [Substring] = []

    func isClosed(by line: Substring) -> Bool {
      let content = line.trimmed
      guard let fence else { return content == "-->" }
      return content.count >= fence.count && content.allSatisfy { $0 == "`" }
    }
  }

  private static func pieces(of text: String, file: String) throws(ArticleError) -> [Piece] {
    var pieces: [Piece] = []
    var current: Opened?
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (line, number) in zip(lines, 1...) {
      guard var opened = current else {
        current = opening(line, number)
        continue
      }
      if opened.isClosed(by: line) {
        if opened.isSwift { pieces.append(Piece(line: opened.line + 1, lines: opened.code)) }
        current = nil
      } else {
        opened.code.append(line.dropFirst(min(opened.indentation, line.indentation)))
        current = opened
      }
    }
    if let current {
      throw ArticleError(file: file, line: current.line, isComment: current.fence == nil)
    }
    return pieces
  }

  /// What begins at `line`, if anything does.
  private static func opening(_ line: Substring, _ number: Int) -> Opened? {
    let content = line.trimmed
    if content == "<!-- swift" { return Opened(line: number) }
    let fence = content.prefix { $0 == "`" }
    let language = content.dropFirst(fence.count)
    guard fence.count >= 3, !language.contains("`") else { return nil }
    return Opened(
      fence: fence, line: number, indentation: line.indentation,
      isSwift: language.lowercased() == "swift")
  }
}

extension Substring {
  fileprivate var indentation: Int { prefix { $0 == " " }.count }

  /// Without blanks at either end.
  fileprivate var trimmed: Substring {
    var rest = drop(while: \.isWhitespace)
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}

/// A block of code or a comment of an article that isn't closed.
public struct ArticleError: Error, Sendable, Hashable, CustomStringConvertible {
  public var file: String
  /// The line where it begins, from 1.
  public var line: Int
  public var isComment: Bool

  public init(file: String, line: Int, isComment: Bool) {
    self.file = file
    self.line = line
    self.isComment = isComment
  }

  public var description: String {
    let rule =
      isComment ? "a comment of Swift must end with a line “-->”" : "a block of code must be closed"
    return "\(file):\(line): \(rule)"
  }
}
