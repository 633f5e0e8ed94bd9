// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

@testable import ProcessMaps

/// The scanner of ordinary lines makes no difference, but of time: the grammar alone finds the same
/// lines and the same errors.
@Suite struct ScannerTests {
  private static let sample = Array(ParserTests.ordinaryText.utf8)

  private static func result(_ text: [UInt8], scans: Bool) -> Result<[ProcMapsLine], ProcMapsError>
  {
    Result { () throws(ProcMapsError) in try ProcMapsParser.parse(text, scans: scans) }
  }

  private static func expectSame(_ text: [UInt8]) {
    let (scanned, parsed) = (result(text, scans: true), result(text, scans: false))
    #expect(scanned == parsed, "\(String(decoding: text, as: UTF8.self))")
  }

  /// Else the tests here would compare the grammar with itself.
  @Test func ordinaryLinesAreScanned() throws {
    let lines = try ProcMapsParser.parse(Self.sample, scans: false)
    unsafe Self.sample.withUnsafeBufferPointer { text in
      var scanner = unsafe LineScanner(text, from: 0)
      for (index, line) in lines.enumerated() {
        #expect(scanner.next(number: index + 1, floor: 0) == line)
      }
      #expect(scanner.index == text.count && scanner.next(number: 1, floor: 0) == nil)
    }
  }

  @Test func oneByteReplaced() {
    for index in Self.sample.indices {
      for byte in Array("0189afgFG-: /[rwxsp\n\u{0}\u{1}".utf8) + [0x7f, 0x80, 0xff] {
        var text = Self.sample
        text[index] = byte
        Self.expectSame(text)
      }
    }
  }

  @Test func oneByteMoreOrLess() {
    for index in Self.sample.indices {
      var text = Self.sample
      text.remove(at: index)
      Self.expectSame(text)
      for byte in Array("0f \n".utf8) {
        Self.expectSame(Self.sample[..<index] + [byte] + Self.sample[index...])
      }
    }
  }

  @Test func cutOff() {
    for index in Self.sample.indices {
      Self.expectSame(Array(Self.sample[..<index]))
      Self.expectSame(Array(Self.sample[index...]))
    }
  }

  /// Numbers of every length, and fields that push the name beyond its column.
  @Test func longFields() {
    for digits in 1...22 {
      for digit in ["1", "9", "f", "0"] {
        let number = String(repeating: digit, count: digits)
        for fields in [
          "\(number)-\(number) r-xp 00000000 08:01 1 ",
          "00001000-\(number)000 r-xp 00000000 08:01 1 ",
          "00001000-00002000 r-xp \(number) 08:01 1 ",
          "00001000-00002000 r-xp 00000000 \(number):01 1 ",
          "00001000-00002000 r-xp 00000000 08:\(number) 1 ",
          "00001000-00002000 r-xp \(number) \(number):\(number) \(number) ",
        ] {
          Self.expectSame(Array((fields + "\n").utf8))
          for column in [fields.utf8.count, 72, 73, 74] {
            let padding = String(repeating: " ", count: max(0, column - fields.utf8.count))
            Self.expectSame(Array((fields + padding + "/name\n").utf8))
          }
        }
      }
    }
  }

  /// In the names eight bytes are looked at together.
  @Test func namesOfEveryLength() {
    let header = "00400000-00401000 r-xp 00000000 08:01 42 "
    let padded = Array((header + String(repeating: " ", count: 73 - header.utf8.count)).utf8)
    for count in 0..<40 {
      for byte: UInt8 in [0, 9, 10, 11, 12, 0x8a, 0x8b, 0xff] {
        for position in 0...count {
          var name = [UInt8](repeating: 0x61, count: count)
          name.insert(byte, at: position)
          Self.expectSame(padded + name + [10])
          Self.expectSame(padded + name + [10] + padded + name + [10])
        }
      }
    }
  }
}
