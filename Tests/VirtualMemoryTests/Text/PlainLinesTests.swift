// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import VirtualMemory

/// Lines that a leaf has many of are made together, unless something is different about one of
/// them.
@Suite struct PlainLinesTests {
  /// Dumps of address spaces whose leaves have all kinds of lines, next to one another.
  ///
  /// The speculative dump makes each line by itself, and the reference text otherwise.
  @Test func neighboursOfAllKinds() {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<400 {
      let space = Self.randomSpace(&random)
      let text = space.mapsText().array
      let isReference = text == referenceText(space.snapshotVMAs().vmas)
      let isSpeculative = text == space.mapsText(by: .speculative).array
      #expect(isReference && isSpeculative, "\(space.mapsText().string)")
      // Queries, too, are answered from beside the slots.
      for vma in space.snapshotVMAs().vmas {
        let expected = UInt64(vma.protection.rawValue & 7) | (vma.isShared ? 8 : 0)
        #expect(space.lookup(vma.start)?.flags.rawValue == expected)
        let filters = QueryFlags(rawValue: random.below(16))
        let passes = filters.rawValue & ~expected == 0
        #expect((try? space.query(vma.start, matching: filters))?.end == (passes ? vma.end : nil))
      }
      // Chunks and reads of any size end where they would if each line were made by itself.
      var reader = MapsReader(space)
      var other = MapsReader(space, strategy: .speculative)
      while true {
        let lineCount = Int(random.below(10)) + 1
        let size = random.pick([
          PlainLines.byteCount * lineCount, Int(random.below(700)) + 1, 1 << 20,
        ])
        let (read, expected) = (reader.read(count: size), other.read(count: size))
        #expect(read == expected, "\(space.mapsText().string)")
        if read.isEmpty || read != expected { break }
      }
    }
  }

  /// Up to a hundred and forty VMAs, from where addresses have 8 digits to where they have 13.
  private static func randomSpace(_ random: inout SeededGenerator) -> AddressSpace {
    var configuration = AddressSpaceConfiguration()
    configuration.taskSize = 1 << 52
    let file = MappedFile(
      path: "/usr/lib/libx.so", device: DeviceNumber(major: 8, minor: 1), inode: 9)
    let place = random.pick([1 << 44, 2 << 44, 5 << 44, 15 << 44, 16 << 44, 1 << 32] as [UInt64])
    // Most spaces have neighbours on both sides of a place; VMAs may end there, start there or
    // contain it.
    var start = place - random.below(200) * .page
    var mappings: [ImportedMapping] = []
    for _ in 0..<random.below(140) + 1 {
      let length = (random.below(3) + 1) * .page
      let source: ImportedMapping.Source =
        switch random.below(12) {
        case 0: .file(file, offset: random.below(3) << random.pick([12, 30, 40]))
        case 1: .namedAnonymous(Array("a".utf8))
        default: .anonymous
        }
      mappings.append(
        ImportedMapping(
          start: start, end: start + length,
          protection: Protection(rawValue: UInt32(random.below(8))),
          isShared: random.oneIn(6), source: source))
      start += length + random.below(3) * .page
      if random.oneIn(50) { start = (start + random.below(1 << 45)).roundedDownToPage }
    }
    var layout = ImportedLayout()
    let inside = random.pick(mappings)
    if random.oneIn(2) { layout.breakRange = inside.start..<inside.end + random.below(3) * .page }
    if random.oneIn(2) { layout.stackStart = random.pick([inside.start, inside.end]) }
    return AddressSpace(importing: mappings, layout: layout, configuration: configuration)
  }

  @Test func nothingIsWrittenBeyond() throws {
    let lines = try #require(PlainLines(0x7fff_ffff_e000, 0x7fff_ffff_f000, Version()))
    let bytes = PlainLines.byteCount
    unsafe withUnsafeTemporaryAllocation(byteCount: bytes + 64, alignment: 8) { memory in
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x21)
      unsafe lines.write(
        0x7fff_ffff_e000, 0x7fff_ffff_f000, 3, at: memory.baseAddress!)
      let line = unsafe String(decoding: memory[..<bytes], as: UTF8.self)
      #expect(line == "7fffffffe000-7ffffffff000 rw-p 00000000 00:00 0 \n")
      let isInside = unsafe memory[bytes...].allSatisfy { $0 == 0x21 }
      #expect(isInside)
    }
  }

  @Test(
    arguments: [
      (0x7fff_f000, 0x8000_0000),  // eight digits
      (0xfff_ffff_f000, 0x1000_0000_0000),  // eleven, and twelve
      (0x1fff_ffff_f000, 0x2000_0000_0000),  // another first digit
      (0xffff_ffff_e000, 0x1_0000_0000_0000),  // thirteen
      (0x1_0000_0000_0000, 0x1_0000_0000_1000),
    ] as [(UInt64, UInt64)])
  func otherColumnsAreNotPlain(_ start: UInt64, _ end: UInt64) {
    #expect(PlainLines(start, end, Version()) == nil)
  }
}
