// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory

@testable import maps_watch

/// What is written on a terminal does nothing to it.
@Suite struct TextTests {
  static let hostile: [(name: [UInt8], text: String)] = [
    (Array("/tmp/\u{1b}[2J\u{1b}]0;owned\u{7}".utf8), "/tmp/\\033[2J\\033]0;owned\\007"),
    (Array("/tmp/a\nb\r\tc\u{7f}".utf8), "/tmp/a\\012b\\015\\011c\\177"),
    // CSI as one character of C1, and as a bare byte.
    (Array("/tmp/\u{9b}31m".utf8), "/tmp/\\u{9b}31m"),
    ([0x2f, 0x9b, 0x33, 0x31, 0x6d, 0xff, 0xc3], "/\\23331m\\377\\303"),
    // Marks that turn the direction, separators, what has no width, what has no meaning yet.
    (Array("/tmp/gpj\u{202e}exe".utf8), "/tmp/gpj\\u{202e}exe"),
    (Array("/a\u{2028}b\u{200b}c\u{feff}".utf8), "/a\\u{2028}b\\u{200b}c\\u{feff}"),
    (Array("/a\u{a0}b\u{e000}".utf8), "/a\\u{a0}b\\u{e000}"),
    // Overlong forms and surrogates aren't UTF-8.
    ([0xc0, 0x9b, 0xed, 0xa0, 0x80], "\\300\\233\\355\\240\\200"),
    (Array("/home/müller/日本/é🙂 b".utf8), "/home/müller/日本/é🙂 b"),
  ]

  @Test(arguments: hostile)
  func names(_ name: [UInt8], _ text: String) {
    #expect(Harmless.text(name) == text)
  }

  @Test(arguments: 0..<50)
  func anyBytes(seed: UInt64) {
    var generator = SplitMix64(state: seed)
    let name = (0..<64).map { _ in UInt8.random(in: 1...255, using: &generator) }
    let text = Harmless.text(name)
    #expect(Self.isHarmless(text))
    // What is harmless stays as it is.
    #expect(Harmless.text(text) == text)
  }

  static func isHarmless(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value)
        && ![.format, .control, .lineSeparator].contains(scalar.properties.generalCategory)
    }
  }

  /// Lines of changes and growth, and titles, are made of names.
  @Test(arguments: hostile.map(\.name))
  func linesOfChanges(name: [UInt8]) {
    var vma = VMA.pages(16, 1, inode: 7)
    vma.name = name
    for change: MapsDifference.Change in [.removed(vma), .added(vma), .changed(from: vma, to: vma)]
    {
      for columns in [40, 80, 1000] {
        for line in Sections.lines(of: .init(time: .now, change: change), columns: columns) {
          #expect(Self.isHarmless(line.text(hasColors: false)))
        }
      }
    }
    #expect(Self.isHarmless(Owner(vma).title))
  }

  @Test func changesAreLinesOfTheText() {
    let old = VMA.pages(0x10, 1, [.read], inode: 7, name: "/a")
    let new = VMA.pages(0x10, 1, [.read, .write], inode: 7, name: "/a")
    let lines = Sections.lines(
      of: .init(time: .now, change: .changed(from: old, to: new)), columns: 80
    )
    .map { String($0.text(hasColors: false).dropFirst("00:00:00 ".count)) }
    #expect(
      lines == [
        "- 00010000-00011000 r--p 00000000 08:00 7 /a",
        "+ 00010000-00011000 rw-p 00000000 08:00 7 /a",
      ])
    let short = Sections.lines(of: .init(time: .now, change: .added(new)), columns: 50)
    #expect(short[0].text(hasColors: false).hasSuffix(" + 00010000-00011000 rw-p /a"))
  }

  @Test func columns() {
    #expect(Harmless.columnCount("abc") == 3)
    #expect(Harmless.columnCount("日本") == 4)
    #expect(Harmless.columnCount("e\u{301}") == 1)
    #expect(Harmless.prefix("abcdef", columns: 4) == "abc…")
    #expect(Harmless.suffix("abcdef", columns: 4) == "…def")
    #expect(Harmless.prefix("abcd", columns: 4) == "abcd")
    #expect(Harmless.suffix("日本日本", columns: 4) == "…本")
    var line = Line("abc", .strong)
    line.append("defghi", .faint)
    #expect(line.text(hasColors: false, columns: 5) == "abcd…")
    #expect(line.text(hasColors: true, columns: 5) == "\u{1b}[1mabc\u{1b}[0m\u{1b}[2md…\u{1b}[0m")
    #expect(line.columnCount == 9)
  }

  @Test func numbers() {
    #expect(Numbers.bytes(0) == "0 bytes")
    #expect(Numbers.bytes(4096) == "4 KiB")
    #expect(Numbers.bytes(1536 << 10) == "1.5 MiB")
    #expect(Numbers.bytes((1 << 20) - 1) == "1 MiB")
    #expect(Numbers.bytes(.max) == "16 EiB")
    #expect(Numbers.added(Int64(-8192)) == "-8 KiB")
    #expect(Numbers.added(Int64.min) == "-8 EiB")
    #expect(Numbers.grouped(65_530) == "65,530")
    #expect(Numbers.grouped(-1_000_000) == "-1,000,000")
    #expect(Numbers.mappings(1) == "1 mapping")
  }

  @Test func statusOfProcesses() throws {
    func status(_ text: String) -> WatchedProcess.Status? { .init(Array(text.utf8)) }
    let zombie = try #require(status("7 (a) b) Z 1 7 7 0 -1 4227084 0 0"))
    #expect(zombie.isZombie && !zombie.isKernelThread)
    let kernelThread = try #require(status("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0"))
    #expect(kernelThread.isKernelThread && !kernelThread.isZombie)
    #expect(WatchedProcess.explanation(of: kernelThread, pid: 2).contains("kernel"))
    #expect(status("") == nil)
    #expect(WatchedProcess.explanation(of: .permissionDenied, pid: 7).contains("CAP_SYS_PTRACE"))
  }
}
