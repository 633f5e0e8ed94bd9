// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// How a part of a line looks where colours may be used.
enum Style: Hashable, Sendable {
  case plain, strong, faint, warning, added, removed
  case kind(MappingKind)

  /// The sequence that turns the style on; `nil` for plain text. The colours are such that they can
  /// be read on light and on dark terminals.
  fileprivate var sequence: String? {
    switch self {
    case .plain: nil
    case .strong: "\u{1b}[1m"
    case .faint: "\u{1b}[2m"
    case .warning: "\u{1b}[1;97;41m"
    case .added: "\u{1b}[38;5;34m"
    case .removed: "\u{1b}[38;5;167m"
    case .kind(.writableExecutable): "\u{1b}[1;97;41m"
    case .kind(let kind): "\u{1b}[38;5;\(kind.terminalColor)m"
    }
  }
}

extension MappingKind {
  /// In the palette of 256 colours.
  fileprivate var terminalColor: Int {
    switch self {
    case .code: 34
    case .data: 33
    case .heap: 172
    case .stack: 133
    case .anonymous: 37
    case .file: 103
    case .shared: 168
    case .reserved: 244
    case .kernel: 101
    case .writableExecutable: 160
    }
  }
}

/// A line for a reader: pieces of text without control characters, each with its style.
struct Line: Hashable, Sendable {
  struct Piece: Hashable, Sendable {
    var text: String
    var style: Style
  }

  private(set) var pieces: [Piece] = []

  init() {}
  init(_ text: String, _ style: Style = .plain) { append(text, style) }

  mutating func append(_ text: String, _ style: Style = .plain) {
    guard !text.isEmpty else { return }
    if let last = pieces.last, last.style == style {
      pieces[pieces.count - 1].text += text
    } else {
      pieces.append(Piece(text: text, style: style))
    }
  }

  var columnCount: Int { pieces.reduce(0) { $0 + Harmless.columnCount($1.text) } }

  /// The text, cut to so many columns.
  func text(hasColors: Bool, columns: Int = .max) -> String {
    var left = columns
    var result = ""
    for piece in pieces where left > 0 {
      let text = Harmless.prefix(piece.text, columns: left)
      left -= Harmless.columnCount(text)
      if hasColors, let sequence = piece.style.sequence {
        result += sequence + text + "\u{1b}[0m"
      } else {
        result += text
      }
    }
    return result
  }
}
