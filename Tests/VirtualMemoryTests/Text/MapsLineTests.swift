// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

/// What the tests' own parser takes for a line.
@Suite struct MapsLineTests {
  private static func padded(_ header: String, _ name: String) -> String {
    header + String(repeating: " ", count: max(1, 73 - header.utf8.count)) + name + "\n"
  }

  @Test func takesALineApart() {
    let text = Self.padded("7f0000000000-7f0000001000 r-xs 00012000 fd:01 42 ", "/a file")
    let line = MapsLine(text)
    #expect(line.start == 0x7f00_0000_0000 && line.end == 0x7f00_0000_1000)
    #expect(line.permissions == "r-xs" && line.permissions.description == "r-xs")
    #expect(line.offset == 0x12000 && line.major == 0xfd && line.minor == 1 && line.inode == 42)
    #expect(line.name == "/a file" && !line.isPlain)
    #expect(MapsLine.parse([]) == [])
    let plain = MapsLine("00400000-00401000 ---p 00000000 00:00 0 ")
    #expect(plain == MapsLine(start: 0x400000, end: 0x401000, permissions: "---p"))
    #expect(plain.isPlain)
    // Where there is no room for the padding.
    let long = Self.padded(
      "ffffffffff600000-ffffffffff601000 --xp 7fffffffffffe000 103:1f \(UInt64.max) ", "[x]")
    #expect(MapsLine.parse(long).map(\.name) == ["[x]"])
  }

  @Test func takesNothingElse() {
    let line = Self.padded("00400000-00401000 rw-p 00000000 08:01 42 ", "/a")
    #expect(MapsLine.parse(Array((line + line).utf8))?.count == 2)
    // Each of its prefixes is torn, and so is the line without any one character before the name.
    for count in 1..<line.utf8.count {
      #expect(MapsLine.parse(Array((line + line.prefix(count)).utf8)) == nil, "\(count)")
    }
    for index in line.indices where !"/a".contains(line[index]) {
      var torn = line
      torn.remove(at: index)
      #expect(MapsLine.parse(Array(torn.utf8)) == nil, "\(torn)")
    }
    for (old, new) in [
      ("rw-p", "rwrp"), ("rw-p", "rw--"), ("00400000", "000400000"), ("00401000", "0040100A"),
      (" 42 ", " 042 "), (" 42 ", " -2 "), (" 42 ", "  42 "), ("08:01", "008:01"),
      ("00400000", "10000000000000000"),
    ] {
      let torn = line.replacing(old, with: new, maxReplacements: 1)
      #expect(MapsLine.parse(Array(torn.utf8)) == nil, "\(torn)")
    }
  }
}
