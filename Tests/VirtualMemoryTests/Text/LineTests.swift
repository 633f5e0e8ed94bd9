// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import VirtualMemory

/// One line of text, byte for byte.
@Suite struct LineTests {
  private static let root = DeviceNumber(major: 8, minor: 1)

  /// The only line of an address space with `mapping`.
  private static func line(
    _ start: UInt64, _ end: UInt64, _ letters: String = "r", isShared: Bool = false,
    _ source: ImportedMapping.Source = .anonymous, layout: ImportedLayout = ImportedLayout()
  ) -> String {
    var configuration = AddressSpaceConfiguration()
    configuration.taskSize = max(configuration.taskSize, end)
    let space = AddressSpace(
      importing: [
        ImportedMapping(
          start: start, end: end, protection: protection(letters), isShared: isShared,
          source: source)
      ], layout: layout, configuration: configuration)
    let text = space.mapsText().string
    // The other ways of reading, and of formatting, agree.
    for strategy in ReadingStrategy.allCases {
      let other = space.mapsText(by: strategy).string
      #expect(other == text)
    }
    #expect(referenceText(space.snapshotVMAs().vmas) == Array(text.utf8))
    return text
  }

  private static func file(
    _ path: String, inode: UInt64 = 173521, isDeleted: Bool = false, offset: UInt64 = 0,
    device: DeviceNumber = root
  ) -> ImportedMapping.Source {
    .file(
      MappedFile(path: path, device: device, inode: inode, isDeleted: isDeleted), offset: offset)
  }

  @Test func nameStartsAtColumn73() {
    let line = Self.line(
      0x7f12_3456_7000, 0x7f12_3458_9000, "rx", Self.file("/usr/lib/libc.so.6", offset: 0x26000))
    #expect(
      line == "7f1234567000-7f1234589000 r-xp 00026000 08:01 173521"
        + "                     /usr/lib/libc.so.6\n")
    #expect(line.utf8.firstIndex(of: UInt8(ascii: "/"))!.utf16Offset(in: line) == 73)
  }

  /// Addresses of other lengths than the usual twelve digits end up at the same column.
  @Test(arguments: [0x1000, 0x5555_5000, 0x1_0000_0000, 0x5555_5555_0000] as [UInt64])
  func columnDoesNotDependOnTheAddress(_ start: UInt64) {
    let line = Self.line(start, start + 4096, "r", Self.file("/x"))
    #expect(line.utf8.firstIndex(of: UInt8(ascii: "/"))!.utf16Offset(in: line) == 73)
    #expect(line.hasSuffix(" /x\n"))
  }

  /// Lines of all lengths, those among them whose columns are fixed, and whatever is near their
  /// limits.
  @Test func columnsOfAnyLength() {
    let places = [0, 1, 8, 28, 32, 43, 44, 45, 47, 48, 52, 63].map { 1 << $0 as UInt64 }
    let addresses = Set(
      places.flatMap { [$0, $0 &- 1, $0 | 0x9abc_d000] }.map(\.roundedDownToPage))
    let offsets = [0, 0x1000, 0xffff_f000, 1 << 32, 0x1_2345_6000, 1 << 62] as [UInt64]
    let file = MappedFile(path: "/f", device: Self.root, inode: 5)
    for start in addresses {
      for end in addresses where end >= start {
        for offset in offsets { Self.checkLine(start, end, offset, file.object) }
      }
    }
    var random = SeededGenerator(seed: 4)
    for _ in 0..<20_000 {
      let start = (random.next() >> random.below(52)).roundedDownToPage
      let end = start + (random.next() >> (random.below(40) + 20)).roundedDownToPage % (1 << 47)
      Self.checkLine(start, end, (random.next() >> random.below(52)).roundedDownToPage, file.object)
    }
  }

  private static func checkLine(
    _ start: UInt64, _ end: UInt64, _ offset: UInt64, _ object: MapObject
  ) {
    func digits(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
    let record = Record(
      start: start, end: end, flags: VMAFlags([.read, .execute]), pageOffset: offset / .page,
      object: object.word)
    let header = "\(digits(start))-\(digits(end)) r-xp \(digits(offset)) 08:01 5 "
    let padding = String(repeating: " ", count: max(1, 73 - header.utf8.count))
    let bytes = LineFormatter.maximumByteCount(object)
    unsafe withUnsafeTemporaryAllocation(byteCount: bytes + 64, alignment: 8) { memory in
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x21)
      let count = unsafe LineFormatter.line(record, object, at: memory.baseAddress!)
      let isInside = unsafe memory[bytes...].allSatisfy { $0 == 0x21 }
      #expect(isInside, "it writes no more than it says")
      let line = unsafe String(decoding: memory[..<count], as: UTF8.self)
      if line != header + padding + "/f\n" { Issue.record("shown as \(line)") }
    }
  }

  @Test func addressesHaveAtLeastEightDigits() {
    #expect(Self.line(0x1000, 0x2000).hasPrefix("00001000-00002000 r--p 00000000 00:00 0 \n"))
  }

  /// A header of 72 columns and more: one blank.
  @Test func longHeaders() {
    let inode = UInt64(18_446_744_073_709_551_615)
    let device = DeviceNumber(major: 0xfff, minor: 0xfffff)
    let long = Self.line(
      0x7f00_0000_0000, 0x7f00_0000_1000,
      "r", Self.file("/x", inode: inode, offset: 0x7fff_ffff_ffff_f000, device: device))
    #expect(
      long == "7f0000000000-7f0000001000 r--p 7ffffffffffff000 fff:fffff "
        + "18446744073709551615  /x\n")
    // Around the column, with inodes of every length.
    for digits in 1...20 {
      let inode = UInt64(String(repeating: "1", count: digits))!
      let line = Self.line(
        0x7f00_0000_0000, 0x7f00_0000_1000,
        "r", Self.file("/x", inode: inode, offset: 0x1_0000_0000_0000, device: device))
      let header = "7f0000000000-7f0000001000 r--p 1000000000000 fff:fffff \(inode) "
      let padding = String(repeating: " ", count: max(0, 72 - header.count))
      #expect(line == header + padding + " /x\n")
    }
  }

  @Test func sixteenDigitOffset() {
    let line = Self.line(0x1000, 0x2000, "r", Self.file("/x", offset: 0xffff_ffff_ffff_f000))
    #expect(line.hasPrefix("00001000-00002000 r--p fffffffffffff000 08:01 173521 "))
  }

  @Test func namelessLinesEndInABlank() {
    #expect(Self.line(0x1000, 0x2000, "rw") == "00001000-00002000 rw-p 00000000 00:00 0 \n")
  }

  @Test func permissions() {
    for bits in 0..<8 as Range<UInt32> {
      let access = Protection(rawValue: bits)
      var letters = access.contains(.read) ? "r" : "-"
      letters += access.contains(.write) ? "w" : "-"
      letters += access.contains(.execute) ? "x" : "-"
      for isShared in [false, true] {
        let line = Self.line(0x1000, 0x2000, letters, isShared: isShared, Self.file("/x"))
        #expect(line.hasPrefix("00001000-00002000 \(letters)\(isShared ? "s" : "p") "))
      }
    }
  }

  /// A newline, and nothing else, is escaped.
  @Test func pathsAreEscaped() {
    #expect(Self.line(0x1000, 0x2000, "r", Self.file("/a\nb\n")).hasSuffix(" /a\\012b\\012\n"))
    #expect(Self.line(0x1000, 0x2000, "r", Self.file("/a b\\c\td")).hasSuffix(" /a b\\c\td\n"))
    let bytes: [UInt8] = [0x2f, 0xff, 0xfe, 0x80]
    let space = AddressSpace(importing: [
      ImportedMapping(
        start: 4096, end: 8192, protection: .read, isShared: false,
        source: .file(MappedFile(path: bytes, device: Self.root, inode: 1), offset: 0))
    ])
    let text = space.mapsText().array
    #expect(text.suffix(5) == [0x2f, 0xff, 0xfe, 0x80, 0x0a])
  }

  @Test func deletedFiles() {
    #expect(
      Self.line(0x1000, 0x2000, "r", Self.file("/x", isDeleted: true)).hasSuffix(" /x (deleted)\n"))
  }

  @Test func sharedAnonymousMemory() throws {
    let space = AddressSpace()
    try space.systemCalls.mmap(
      at: 0x1000, length: 8192, protection: [.read, .write], flags: [.shared, .fixed])
    #expect(
      space.mapsText().string == "00001000-00003000 rw-s 00000000 00:01 1"
        + "                                  /dev/zero (deleted)\n")
    // A cut one has an offset.
    try space.systemCalls.munmap(0x1000, length: 4096)
    #expect(space.mapsText().string.hasPrefix("00002000-00003000 rw-s 00001000 00:01 1 "))
  }

  @Test func namedAnonymousMemory() {
    let line = Self.line(0x1000, 0x2000, "r", .namedAnonymous(Array("arena 1".utf8)))
    #expect(
      line == "00001000-00002000 r--p 00000000 00:00 0 "
        + String(repeating: " ", count: 33) + "[anon:arena 1]\n")
    let shared = Self.line(
      0x1000, 0x2000, "r", isShared: true,
      .namedSharedMemory(
        MappedFile(path: "/dev/zero", device: Self.root, inode: 7, isDeleted: true),
        offset: 0x3000, name: Array("pool".utf8)))
    #expect(
      shared == "00001000-00002000 r--s 00003000 08:01 7 "
        + String(repeating: " ", count: 33) + "[anon_shmem:pool]\n")
  }

  @Test func specialMappings() {
    for name in ["[vdso]", "[vvar]", "[vvar_vclock]"] {
      let line = Self.line(0x1000, 0x2000, "r", .special(Array(name.utf8)))
      #expect(line.hasPrefix("00001000-00002000 r--p 00000000 00:00 0 "))
      #expect(line.hasSuffix(" \(name)\n"))
    }
  }
}
