// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The addresses and permissions of a text's lines, fast enough for stress tests; strict, so that
/// a torn line shows.
struct DumpParser {
  struct Line: Equatable, CustomStringConvertible {
    var start: UInt64
    var end: UInt64
    /// "rwxp" or the like, the first letter in the lowest byte.
    var permissions: UInt32

    var description: String {
      let letters = (0..<4).map { UInt8(truncatingIfNeeded: permissions >> (8 * $0)) }
      return "\(String(start, radix: 16))-\(String(end, radix: 16)) "
        + String(decoding: letters, as: UTF8.self)
    }

    static func permissions(_ letters: StaticString) -> UInt32 {
      unsafe UnsafeRawPointer(letters.utf8Start).loadUnaligned(as: UInt32.self)
    }
  }

  /// What every line of anonymous memory without a name has after its permissions.
  private static let tail = Array(" 00000000 00:00 0 \n".utf8)

  /// The lines, or `nil` if one is not as it should be: anonymous, without a name.
  static func parse(_ text: [UInt8]) -> [Line]? {
    var lines: [Line] = []
    lines.reserveCapacity(text.count / 42)
    let isWellFormed = unsafe text.withUnsafeBufferPointer { buffer -> Bool in
      var index = 0
      while index < buffer.count {
        guard let start = unsafe number(buffer, &index), unsafe take("-", buffer, &index),
          let end = unsafe number(buffer, &index), unsafe take(" ", buffer, &index),
          index + 4 + tail.count <= buffer.count
        else { return false }
        var permissions: UInt32 = 0
        for shift in 0..<4 as Range<UInt32> {
          unsafe permissions |= UInt32(buffer[index]) << (8 * shift)
          index += 1
        }
        for byte in tail {
          guard unsafe buffer[index] == byte else { return false }
          index += 1
        }
        lines.append(Line(start: start, end: end, permissions: permissions))
      }
      return true
    }
    return isWellFormed ? lines : nil
  }

  private static func number(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt64? {
    var value: UInt64 = 0
    let first = index
    while index < text.count {
      let byte = unsafe text[index]
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
      case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
      default: return index - first >= 8 ? value : nil
      }
      index += 1
    }
    return nil
  }

  private static func take(
    _ character: Unicode.Scalar, _ text: UnsafeBufferPointer<UInt8>, _ index: inout Int
  ) -> Bool {
    guard unsafe index < text.count && text[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }
}
