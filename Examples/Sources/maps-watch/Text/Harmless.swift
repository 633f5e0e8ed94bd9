// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Text of another process, such as a path, made fit for a terminal.
///
/// A path may have any byte but NUL in it: escape sequences that change a terminal, marks that turn
/// the direction of writing, bytes that are no UTF-8. The kernel escapes newlines only.
enum Harmless {
  /// The text with everything escaped that isn't plainly visible: bytes as the kernel escapes a
  /// newline (`\033`), other characters by their number (`\u{202e}`).
  static func text(_ bytes: [UInt8]) -> String {
    var text = ""
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let (scalar, count) = scalar(rest) else {
        text += octal(rest.removeFirst())
        continue
      }
      if isVisible(scalar) {
        text.unicodeScalars.append(scalar)
      } else if scalar.value < 0x80 {
        text += octal(UInt8(scalar.value))
      } else {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      }
      rest.removeFirst(count)
    }
    return text
  }

  static func text(_ string: String) -> String { text(Array(string.utf8)) }

  /// The first character of UTF-8 and its length; `nil` if the bytes are none.
  private static func scalar(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
    return (scalar, UTF8.width(scalar))
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator:
      scalar == " "
    default:
      true
    }
  }

  private static func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
  }

  // MARK: Columns

  /// The columns that a terminal needs for a text without control characters.
  static func columnCount(_ text: some StringProtocol) -> Int {
    text.unicodeScalars.reduce(0) { $0 + columnCount($1) }
  }

  private static func columnCount(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    // The ranges of wide characters, roughly: a character that is taken for too wide does no harm.
    let isWide =
      switch scalar.value {
      case 0x1100...0x115f, 0x2e80...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7ff, 0xf900...0xfaff,
        0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1_f000...0x1_faff,
        0x2_0000...0x3_ffff:
        true
      default: scalar.properties.isEmojiPresentation
      }
    return isWide ? 2 : 1
  }

  /// The first `columns` columns of a text, the last one `…` if there are more.
  static func prefix(_ text: String, columns: Int) -> String {
    guard columnCount(text) > columns else { return text }
    return String(String.UnicodeScalarView(fitting(text.unicodeScalars, columns - 1))) + "…"
  }

  /// The last `columns` columns of a text, the first one `…` if there are more: what tells paths
  /// apart is their end.
  static func suffix(_ text: String, columns: Int) -> String {
    guard columnCount(text) > columns else { return text }
    let kept = fitting(text.unicodeScalars.reversed(), columns - 1)
    return "…" + String(String.UnicodeScalarView(kept.reversed()))
  }

  private static func fitting(
    _ scalars: some Sequence<Unicode.Scalar>, _ columns: Int
  ) -> [Unicode.Scalar] {
    var used = 0
    return Array(
      scalars.prefix { scalar in
        used += columnCount(scalar)
        return used <= columns
      })
  }
}
