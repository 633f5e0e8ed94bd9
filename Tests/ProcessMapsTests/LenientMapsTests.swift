// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import TestSupport
import Testing
import VirtualMemory

/// Texts as people have them: what is read of each, and what is said about the rest.
@Suite struct LenientMapsTests {
  /// A line as a test expects it.
  private struct Expected: Equatable, CustomStringConvertible {
    var (start, end, access, offset): (UInt64, UInt64, String, UInt64)
    var (device, inode, name): (String, UInt64, String)

    init(
      _ start: UInt64, _ end: UInt64, _ access: String, _ offset: UInt64 = 0,
      _ device: String = "0:0", _ inode: UInt64 = 0, _ name: String = ""
    ) {
      (self.start, self.end, self.access, self.offset) = (start, end, access, offset)
      (self.device, self.inode, self.name) = (device, inode, name)
    }

    init(_ line: ProcMapsLine, _ maps: LenientMaps) {
      let access =
        (line.protection.contains(.read) ? "r" : "-")
        + (line.protection.contains(.write) ? "w" : "-")
        + (line.protection.contains(.execute) ? "x" : "-") + (line.isShared ? "s" : "p")
      let device =
        String(line.device.major, radix: 16) + ":" + String(line.device.minor, radix: 16)
      self.init(
        line.start, line.end, access, line.offset, device, line.inode, maps.name(of: line))
    }

    var description: String {
      "\(String(start, radix: 16))-\(String(end, radix: 16)) \(access) "
        + "\(String(offset, radix: 16)) \(device) \(inode) \(name)"
    }
  }

  private func read(_ text: String) -> (lines: [Expected], remarks: [String], others: Int) {
    let maps = LenientMaps(text)
    return (
      maps.lines.map { Expected($0, maps) }, maps.remarks.map(\.description), maps.otherLineCount
    )
  }

  /// What a kernel prints is read as the strict parser reads it, with nothing to remark.
  @Test func aKernelsTextIsReadAsByTheStrictParser() throws {
    let child = try StoppedProcess()
    let text = try KernelMaps(pid: child.processID).text()
    #expect(!text.isEmpty)
    let maps = LenientMaps(text)
    #expect(maps.lines == (try ProcMapsParser.parse(text)))
    #expect(maps.remarks == [] && maps.otherLineCount == 0)
  }

  @Test func emptyTexts() {
    for text in ["", "\n", "\n\r\n  \n", "\u{feff}"] {
      let (lines, remarks, others) = read(text)
      #expect(lines == [] && remarks == [] && others == 0, "\(text.debugDescription)")
    }
  }

  // MARK: - Texts of the kernel, trimmed and pasted

  @Test(arguments: [
    "35b9600000-35b961c000 r-xp 00000000 08:03 1234",
    "35b9600000-35b961c000 r-xp 00000000 08:03 1234\n",
    "35b9600000-35b961c000 r-xp 00000000 08:03 1234 \r\n",
    "  35B9600000-35B961C000 r-xp 00000000 08:03 1234\n",
    "00000035b9600000-00000035b961c000 r-xp 0 8:3 1234\n",
    "0x35b9600000-0x35b961c000\tr-xp\t0x0\t08:03\t1234\t\n",
    "\u{feff}35b9600000-35b961c000 r-xp 00000000 08:03 1234 \n",
  ])
  func oneLine(_ text: String) {
    let (lines, remarks, _) = read(text)
    #expect(lines == [Expected(0x35_b960_0000, 0x35_b961_c000, "r-xp", 0, "8:3", 1234)])
    #expect(remarks == (text.hasSuffix("\n") ? [] : remarks), "\(remarks)")
  }

  @Test(arguments: [
    "00400000-00406000 r-xp 00000000 08:03 3181 /bin/a b",
    "00400000-00406000 r-xp 00000000 08:03 3181          /bin/a b",
    "00400000-00406000 r-xp 00000000 08:03 3181\t/bin/a b\r",
  ])
  func namesWithAnyPadding(_ text: String) {
    let (lines, remarks, _) = read(text + "\n")
    #expect(lines == [Expected(0x40_0000, 0x40_6000, "r-xp", 0, "8:3", 3181, "/bin/a b")])
    #expect(remarks == [])
  }

  @Test func fieldsThatAreMissing() {
    let (lines, remarks, _) = read(
      "1000-2000 r--p\n2000-3000 rw-p 00001000\n3000-4000 rw-p 1000 08:01\n4000-5000 rw-p [heap]\n")
    #expect(
      lines == [
        Expected(0x1000, 0x2000, "r--p"), Expected(0x2000, 0x3000, "rw-p", 0x1000),
        Expected(0x3000, 0x4000, "rw-p", 0x1000, "8:1"),
        Expected(0x4000, 0x5000, "rw-p", 0, "0:0", 0, "[heap]"),
      ])
    #expect(
      remarks == [
        "line 1, column 15: no offset, device and inode; taken as none",
        "line 2, column 24: no device and inode; taken as none",
        "line 3, column 26: no inode; taken as none",
        "line 4, column 16: no offset, device and inode; taken as none",
      ])
  }

  @Test func whatCannotBeReadIsNamed() {
    let (lines, remarks, _) = read(
      """
      00400000-00401000 r-xp 00000000 08:01 42
      hello
      00402000
      00403000-
      00403000-00404000 rwzp 0 0:0 0
      00405000-00405000 r--p 0 0:0 0
      00407000-00406000 r--p 0 0:0 0
      123456789abcdef01-2 r--p 0 0:0 0
      00408000-00409000 r--p 0 0:0 42/x
      0040a000-0040b000 r--p 0 0:0 0

      """)
    #expect(lines.map(\.start) == [0x40_0000, 0x40_8000, 0x40_a000])
    #expect(
      remarks == [
        "line 2, column 1: not read: no address in hexadecimal",
        "line 3, column 9: not read: neither “-” nor a blank after the first address",
        "line 4, column 10: not read: no second address",
        "line 5, column 19: not read: no permissions such as “r-xp”",
        "line 6, column 1: not read: a mapping of no bytes",
        "line 7, column 10: not read: the end is below the start",
        "line 8, column 1: not read: no address in hexadecimal",
        "line 9, column 30: no inode; taken as none",
      ])
    #expect(lines[1].name == "42/x")
  }

  @Test func aTextThatEndsInTheMiddle() {
    let (lines, remarks, _) = read(
      "00400000-00401000 r-xp 00000000 08:01 42 \n00401000-00402000 r-xp 000")
    #expect(lines.map(\.start) == [0x40_0000, 0x40_1000])
    #expect(
      remarks == [
        "line 2, column 27: no device and inode; taken as none",
        "line 2, column 27: the text ends within the line",
      ])
    let (few, reasons, _) = read("00400000-00401000 r-xp 00000000 08:01 42 \n00401000-004")
    #expect(few.count == 1)
    #expect(reasons == ["line 2, column 13: not read: no permissions such as “r-xp”"])
    let padded = LenientMaps(Array("00400000-00401000 r--p 0 0:0 0\n".utf8) + [0, 0, 0])
    #expect(padded.lines.count == 1)
    #expect(
      padded.remarks.map(\.description)
        == ["line 2, column 1: not read: 3 NUL bytes at the end of the text"])
  }

  // MARK: - Overlaps

  @Test func laterLinesHold() {
    let text = """
      00400000-00408000 r-xp 00000000 08:01 42 /a
      00402000-00404000 rw-p 00000000 00:00 0
      00407000-0040a000 r--p 00000000 00:00 0
      00300000-00301000 r--p 00000000 00:00 0
      002ff000-00500000 ---p 00000000 00:00 0

      """
    let parts = text.split(separator: "\n").map(String.init)
    let (three, remarks, _) = read(parts[0...2].joined(separator: "\n") + "\n")
    #expect(
      three == [
        Expected(0x40_0000, 0x40_2000, "r-xp", 0, "8:1", 42, "/a"),
        Expected(0x40_2000, 0x40_4000, "rw-p"),
        Expected(0x40_4000, 0x40_7000, "r-xp", 0x4000, "8:1", 42, "/a"),
        Expected(0x40_7000, 0x40_a000, "r--p"),
      ])
    #expect(
      remarks == [
        "line 2, column 1: it overlaps line 1; the later line holds",
        "line 3, column 1: it overlaps line 1; the later line holds",
      ])
    let (four, _, _) = read(parts[0...3].joined(separator: "\n") + "\n")
    #expect(four.map(\.start) == [0x30_0000, 0x40_0000, 0x40_2000, 0x40_4000, 0x40_7000])
    let (all, reasons, _) = read(text)
    #expect(all == [Expected(0x2f_f000, 0x50_0000, "---p")])
    #expect(
      reasons.last == "line 5, column 1: it overlaps lines 4, 1, 2, 1, 3; the later line holds")
  }

  // MARK: - Other programs

  @Test func smaps() throws {
    let text = """
      00400000-00401000 r-xp 00000000 08:01 42                                 /bin/x
      Size:                  4 kB
      KernelPageSize:        4 kB
      Rss:                   4 kB
      THPeligible:    0
      ProtectionKey:         0
      VmFlags: rd ex mr mw me sd
      00600000-00601000 rw-p 00000000 00:00 0 \n
      Size:                  4 kB

      """
    let (lines, remarks, others) = read(text)
    #expect(
      lines == [
        Expected(0x40_0000, 0x40_1000, "r-xp", 0, "8:1", 42, "/bin/x"),
        Expected(0x60_0000, 0x60_1000, "rw-p"),
      ])
    #expect(remarks == [] && others == 7)
  }

  @Test func gdb() {
    let (lines, remarks, others) = read(
      """
      process 1234
      Mapped address spaces:

                Start Addr           End Addr       Size     Offset  Perms  objfile
            0x555555554000     0x555555556000     0x2000        0x0  r--p   /usr/bin/x
            0x7ffff7fc9000     0x7ffff7fcb000     0x2000        0x0  r-xp   [vdso]
            0x7ffff7fcb000     0x7ffff7fcc000     0x1000     0x3000         /lib/y
            0x7ffff7fcc000     0x7ffff7fcd000     0x1000        0x0 \n
      """)
    #expect(
      lines == [
        Expected(0x5555_5555_4000, 0x5555_5555_6000, "r--p", 0, "0:0", 0, "/usr/bin/x"),
        Expected(0x7fff_f7fc_9000, 0x7fff_f7fc_b000, "r-xp", 0, "0:0", 0, "[vdso]"),
        Expected(0x7fff_f7fc_b000, 0x7fff_f7fc_c000, "---p", 0x3000, "0:0", 0, "/lib/y"),
        Expected(0x7fff_f7fc_c000, 0x7fff_f7fc_d000, "---p"),
      ])
    #expect(others == 3)
    #expect(remarks.count == 2 && remarks[0].hasPrefix("line 7, "))
    #expect(remarks[0].hasSuffix("no permissions; taken as none"))
  }

  @Test func pmap() {
    let (lines, remarks, others) = read(
      """
      1234:   /bin/x -y
      Address           Kbytes     RSS   Dirty Mode  Mapping
      0000555555554000       8       8       0 r---- x
      00007ffff7fc9000       4       0       0 rw-s-   [ anon ]
      ---------------- ------- ------- -------
      total kB               12       8       0
      0000555555654000      8K r-x-- x
       total               20K
      0000555555754000       4 r-x-- 0000000000001000 008:00001 x
      mapped: 4K    writeable/private: 0K    shared: 0K

      """)
    #expect(
      lines == [
        Expected(0x5555_5555_4000, 0x5555_5555_6000, "r--p", 0, "0:0", 0, "x"),
        Expected(0x5555_5565_4000, 0x5555_5565_6000, "r-xp", 0, "0:0", 0, "x"),
        Expected(0x5555_5575_4000, 0x5555_5575_5000, "r-xp", 0x1000, "8:1", 0, "x"),
        Expected(0x7fff_f7fc_9000, 0x7fff_f7fc_a000, "rw-s", 0, "0:0", 0, "[ anon ]"),
      ])
    #expect(remarks == [] && others == 6, "\(remarks)")
  }

  @Test func perf() {
    let (lines, remarks, _) = read(
      """
      x 1234 [001] 5.6: PERF_RECORD_MMAP2 1234/1234: [0x400000(0x1000) @ 0x2000 08:01 42 7]: r-xp /x
      x 1234 [001] 5.6: PERF_RECORD_MMAP2 1234/1234: [0x500000(0x1000) @ 0 <abcdef>]: r--s /y z
      swapper 0 [000] 0.0: PERF_RECORD_MMAP -1/0: [0xffffffff81000000(0x1000) @ 0x0]: x [kernel]_text
      x 1234 [001] 5.6: PERF_RECORD_MMAP2 1234/1234: [0x400000

      """)
    #expect(
      lines == [
        Expected(0x40_0000, 0x40_1000, "r-xp", 0x2000, "8:1", 42, "/x"),
        Expected(0x50_0000, 0x50_1000, "r--s", 0, "0:0", 0, "/y z"),
        Expected(
          0xffff_ffff_8100_0000, 0xffff_ffff_8100_1000, "--xp", 0, "0:0", 0, "[kernel]_text"),
      ])
    #expect(remarks.count == 1 && remarks[0].hasPrefix("line 4, column "))
  }

  @Test func androidCrashReports() {
    let (lines, remarks, others) = read(
      """
      memory map (3 entries):
          00000000'12c00000-00000000'12dfffff rw-         0    200000  [anon:main space]
          00000000'70000000-00000000'70000fff r-x      3000      1000  /system/lib64/x.so (BuildId: ab)
          00000000'80000000-00000000'80000fff ---         0      1000

      """)
    #expect(
      lines == [
        Expected(0x12c0_0000, 0x12e0_0000, "rw-p", 0, "0:0", 0, "[anon:main space]"),
        Expected(
          0x7000_0000, 0x7000_1000, "r-xp", 0x3000, "0:0", 0, "/system/lib64/x.so (BuildId: ab)"),
        Expected(0x8000_0000, 0x8000_1000, "---p"),
      ])
    #expect(remarks == [] && others == 1, "\(remarks)")
  }

  // MARK: - Address spaces

  @Test func anAddressSpaceForLookups() throws {
    let maps = LenientMaps(
      """
      00400000-00401000 r-xp 00000123 08:01 42 /\(String(repeating: "d", count: 70_000))
      00401000-00401800 r--p 0 0:0 0
      00600000-00601000 rw-p 0 0:0 0 [heap]
      ffff12340000-ffff12350000 rw-p 0 0:0 0 [stack]
      ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]

      """)
    let (space, remarks) = maps.addressSpace()
    #expect(space.count == 3)
    #expect(space.lookup(0x40_0800)?.start == 0x40_0000)
    #expect(space.lookup(0xffff_1234_5000)?.start == 0xffff_1234_0000)
    #expect(try space.namedQuery(0x60_0000).name == Array("[heap]".utf8))
    #expect(
      remarks.map(\.description) == [
        "line 1, column 1: only the first 65535 bytes of its name are kept",
        "line 1, column 1: its offset isn't a multiple of the page, and is rounded down",
        "line 2, column 1: not read: its addresses aren't multiples of the page",
        "line 5, column 1: not read: it ends above 0x1000000000000",
      ])
  }

  /// Whatever a text is, it is read without a trap, each line that isn't blank is accounted for,
  /// and what was read is in order.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func anyTextIsRead(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    // Whatever instants its parts are of.
    let kernel = try KernelMaps().text()
    let alphabet = Array("0123456789abcdefF-rwxps :./[]()@'Kk\t\r\n\0x%é".utf8)
    for _ in 0..<50 {
      var text = kernel
      for _ in 0..<Int.random(in: 0..<40, using: &random) {
        let index = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text[index] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        case 1: text.remove(at: index)
        default:
          text.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: index)
        }
      }
      text = Array(
        text.prefix(
          Int.random(in: 0..<2, using: &random) == 0
            ? text.count : Int.random(in: 0..<text.count, using: &random)))
      let maps = LenientMaps(text)
      var last: UInt64 = 0
      for line in maps.lines {
        #expect(line.start >= last && line.end > line.start, "seed \(seed)")
        #expect(maps.text.indices.contains(line.nameRange.lowerBound), "seed \(seed)")
        last = line.end
      }
      let read = Set(maps.lines.map(\.number))
      let remarked = Set(maps.remarks.map(\.line))
      let blanks: Set<UInt8> = [0x20, 0x09, 0x0d]
      var unread = 0
      for (index, line) in maps.text.split(separator: 0x0a, omittingEmptySubsequences: false)
        .enumerated()
      where !line.allSatisfy(blanks.contains) && !read.contains(index + 1) {
        // A line that was read but that later ones have covered is in their remarks.
        if !remarked.contains(index + 1) { unread += 1 }
      }
      let covered = maps.remarks.count { $0.consequence == .overlapResolved }
      #expect(unread <= maps.otherLineCount + covered * maps.text.count, "seed \(seed)")
      if covered == 0 { #expect(unread == maps.otherLineCount, "seed \(seed)") }
      _ = maps.addressSpace()
    }
  }
}
