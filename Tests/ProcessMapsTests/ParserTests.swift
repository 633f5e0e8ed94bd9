// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import Testing
import VirtualMemory

/// What the parser accepts, and what it says to the rest.
@Suite struct ParserTests {
  static func line(
    _ range: String = "00400000-00401000", _ rest: String = "r-xp 00000000 08:01 42 "
  ) -> String { "\(range) \(rest)\n" }

  @Test func fields() throws {
    let name = "/a b\\c"
    let header = "7f00000000-7f00002000 rw-s 0000f000 fd:100 18446744073709551615 "
    let text = Array((header + String(repeating: " ", count: 73 - header.count) + name + "\n").utf8)
    let lines = try ProcMapsParser.parse(text)
    let line = try #require(lines.first)
    #expect(lines.count == 1 && line.number == 1)
    #expect(line.start == 0x7f_0000_0000 && line.end == 0x7f_0000_2000)
    #expect(line.protection == [.read, .write] && line.isShared)
    #expect(line.offset == 0xf000 && line.inode == .max)
    #expect(line.device == DeviceNumber(major: 0xfd, minor: 0x100))
    #expect(String(decoding: text[line.nameRange], as: UTF8.self) == name)
  }

  @Test func nothing() throws {
    #expect(try ProcMapsParser.parse([]).isEmpty)
    #expect(try AddressSpace(procMaps: []).mapsText().count == 0)
  }

  /// Text, line, column, and what the message must name.
  static let malformed: [(String, Int, Int, String, String)] = [
    ("x", 1, 1, "start address", "'x'"),
    ("0040000-00401000 ", 1, 8, "at least 8 digits", "'-'"),
    ("000400000-00401000 ", 1, 1, "superfluous", "superfluous zero"),
    ("00400000 ", 1, 9, "'-' between", "' '"),
    ("00400000-", 1, 10, "end address", "end of the text"),
    ("00400A00-", 1, 6, "at least 8", "'A'"),
    ("00400001-00401000 ", 1, 1, "multiple of the page", "0x400001"),
    ("00400000-00401800 ", 1, 10, "multiple of the page", "0x401800"),
    ("00400000-00400000 ", 1, 10, "above the start", "0x400000"),
    ("11111111111111111-", 1, 1, "64 bits", "longer"),
    (line("00400000-00401000", "rwzp 00000000 08:01 42 "), 1, 21, "executable", "'z'"),
    (line("00400000-00401000", "rwxq 00000000 08:01 42 "), 1, 22, "shared or private", "'q'"),
    (line("00400000-00401000", "rwxp 0000000 08:01 42 "), 1, 31, "offset", "' '"),
    (line("00400000-00401000", "rwxp 00000000 8:01 42 "), 1, 34, "major", "':'"),
    (line("00400000-00401000", "rwxp 00000000 08-01 42 "), 1, 35, "':'", "'-'"),
    (line("00400000-00401000", "rwxp 00000000 08:01 042 "), 1, 39, "leading zeros", "zero"),
    (line("00400000-00401000", "rwxp 00000000 08:01 x "), 1, 39, "inode", "'x'"),
    (
      line("00400000-00401000", "rwxp 00000000 08:01 99999999999999999999 "), 1, 39, "64 bits",
      "longer"
    ),
    (line("00400000-00401000", "rwxp 00000000 08:01 42"), 1, 41, "blank after the inode", "line"),
    (line("00400000-00401000", "rwxp 00000000 08:01 42 /x"), 1, 42, "column 74", "'/'"),
    ("00400000-00401000 r-xp 00000000 08:01 42 ", 1, 42, "name", "end of the text"),
    (line() + line("00400000-00402000"), 2, 1, "where line 1 ends", "0x400000"),
    (line() + "\n", 2, 1, "start address", "end of the line"),
    (line() + line("00402000-00403000", "r\u{0}"), 2, 20, "writable", "byte 0x0"),
  ]

  @Test(arguments: malformed)
  func malformedText(_ text: String, line: Int, column: Int, expected: String, found: String) {
    let error = #expect(throws: ProcMapsError.self) {
      try ProcMapsParser.parse(Array(text.utf8))
    }
    #expect(error?.line == line, "\(error?.description ?? "")")
    #expect(error?.column == column, "\(error?.description ?? "")")
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.found.contains(found) == true, "\(error?.description ?? "")")
    #expect(error?.isOverlap == expected.hasPrefix("where line"))
  }

  /// Lines that are well-formed, but that no one address space prints together.
  static let impossible: [(String, Int, String)] = [
    (
      padded("00400000-00401000 rw-p 00000000 00:00 0 ", "[heap]")
        + "00401000-00402000 rw-p 00000000 00:00 0 \n"
        + padded("00402000-00403000 rw-p 00000000 00:00 0 ", "[heap]"), 2, "[heap]"
    ),
    (
      padded("00400000-00401000 rw-p 00000000 00:00 0 ", "[stack]")
        + padded("00402000-00403000 rw-p 00000000 00:00 0 ", "[stack]"), 2, "[stack]"
    ),
    (padded("00400000-00401000 --xp 00000000 00:00 0 ", "[vsyscall]"), 1, "[vsyscall] last"),
    ("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 \n", 1, "task's end"),
    (line("00400000-00401000", "r-xp 00000800 08:01 42 "), 1, "multiple of the page"),
  ]

  static func padded(_ header: String, _ name: String) -> String {
    header + String(repeating: " ", count: 73 - header.count) + name + "\n"
  }

  @Test(arguments: impossible)
  func impossibleText(_ text: String, line: Int, expected: String) {
    let error = #expect(throws: ProcMapsError.self) {
      try AddressSpace(procMaps: Array(text.utf8))
    }
    #expect(error?.line == line, "\(error?.description ?? "")")
    #expect(error?.expected.contains(expected) == true, "\(error?.description ?? "")")
  }

  /// A text as a kernel prints it: one line at least of every form.
  static let ordinaryText =
    padded("55d5b8a00000-55d5b8a02000 r--p 00000000 fd:00 1310812 ", "/usr/bin/a program")
    + padded("55d5b8a02000-55d5b8a06000 r-xp 00002000 fd:00 1310812 ", "/usr/bin/a program")
    + padded("55d5ba3c1000-55d5ba3e2000 rw-p 00000000 00:00 0 ", "[heap]")
    + "7f12e4000000-7f12e4021000 rw-p 00000000 00:00 0 \n"
    + padded("7f12e4021000-7f12e4023000 rw-p 00000000 00:00 0 ", "[anon:arena]")
    + padded("7f12e8000000-7f12e8001000 rw-s 00001000 00:01 2057 ", "/memfd:ring (deleted)")
    + padded("7f12e8001000-7f12e8002000 rw-s 00000000 00:01 33 ", "/dev/zero (deleted)")
    + "7f12e9000000-7f12e9001000 ---p 00000000 00:00 0 \n"
    + padded("7ffc1a5d8000-7ffc1a5f9000 rw-p 00000000 00:00 0 ", "[stack]")
    + padded("7ffc1a5fb000-7ffc1a5ff000 r--p 00000000 00:00 0 ", "[vvar]")
    + padded("7ffc1a5ff000-7ffc1a601000 r-xp 00000000 00:00 0 ", "[vdso]")
    + padded("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ", "[vsyscall]")

  /// Every mutation of one byte of an ordinary text is refused with a position in it, or accepted
  /// and printed again as it is.
  @Test func mutations() throws {
    let sample = Array(Self.ordinaryText.utf8)
    #expect(try AddressSpace(procMaps: sample).mapsText().array == sample)
    var accepted = 0
    for index in sample.indices {
      for byte in [UInt8(ascii: "0"), UInt8(ascii: "f"), 0, UInt8(ascii: "\n"), UInt8(ascii: " ")] {
        var mutated = sample
        mutated[index] = byte
        do {
          let space = try AddressSpace(procMaps: mutated)
          #expect(space.mapsText().array == mutated, "byte \(index) = \(byte)")
          accepted += 1
        } catch {
          #expect(error.line >= 1 && error.column >= 1)
        }
      }
    }
    #expect(accepted > 0)
  }
}

/// The other ways to the same parser.
@Suite struct ParserFormTests {
  private static let text = """
    00400000-00401000 r-xp 00000000 08:01 42                                 /bin/a
    00600000-00602000 rw-p 00000000 00:00 0 

    """

  @Test func stringsSpansAndArraysAreOne() throws {
    let lines = try ProcMapsParser.parse(Array(Self.text.utf8))
    #expect(lines.count == 2 && lines[1].range == 0x60_0000..<0x60_2000)
    #expect(try ProcMapsParser.parse(Self.text) == lines)
    let bytes = Array(Self.text.utf8)
    #expect(try ProcMapsParser.parse(bytes.span) == lines)
    var parser = ProcMapsParser(Self.text)
    var oneByOne: [ProcMapsLine] = []
    while let line = try parser.next() { oneByOne.append(line) }
    #expect(oneByOne == lines)
    #expect(try parser.next() == nil)
  }

  /// The lines before the one that is wrong have been given; after it comes nothing.
  @Test func oneByOneUpToTheError() throws {
    var parser = ProcMapsParser(Self.text + "00500000-00501000 rw-p 00000000 00:00 0 \n")
    #expect(try parser.next()?.number == 1)
    #expect(try parser.next()?.number == 2)
    let error = #expect(throws: ProcMapsError.self) { try parser.next() }
    #expect(error?.line == 3)
    #expect(try parser.next() == nil)
  }

  @Test func spacesAreMadeOfStrings() throws {
    let space = try AddressSpace(procMaps: Self.text)
    #expect(space.mapsText().string == Self.text)
  }
}
