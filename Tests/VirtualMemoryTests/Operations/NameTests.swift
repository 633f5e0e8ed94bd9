// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Names of anonymous memory, by what Linux's sources say: few kernels are configured to have them.
@Suite struct NameTests {
  private static func page(_ page: UInt64) -> UInt64 { AddressSpace.testBase + page * 4096 }

  private static func name(
    _ space: AddressSpace, _ pages: Range<UInt64>, _ name: String?
  ) throws(Errno) {
    try space.systemCalls.setName(
      page(pages.lowerBound), length: UInt64(pages.count) * 4096, name.map { Array($0.utf8) })
  }

  /// `0-3 [anon:x]`
  private static func lines(_ space: AddressSpace) -> [String] {
    MapsLine.parse(space.mapsText().string).map { line in
      let pages = [line.start, line.end].map { ($0 - page(0)) / 4096 }
      return "\(pages[0])-\(pages[1]) \(line.name)"
    }
  }

  // MARK: Text

  @Test func namesAreShown() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    try space.mapPages(2..<3, "rw", .shared)
    try Self.name(space, 0..<1, "my arena")
    try Self.name(space, 2..<3, "ring")
    let text = space.mapsText().string.split(separator: "\n")
    let blanks = String(repeating: " ", count: 73 - 44)
    #expect(text[0] == "1000000000-1000001000 rw-p 00000000 00:00 0 \(blanks)[anon:my arena]")
    #expect(text[1].hasSuffix(" [anon_shmem:ring]"))
    #expect(try space.namedQuery(Self.page(0)).name == Array("[anon:my arena]".utf8))
    #expect(try space.namedQuery(Self.page(2)).name == Array("[anon_shmem:ring]".utf8))
    for strategy in ReadingStrategy.allCases {
      let same = space.mapsText(by: strategy).string == space.mapsText().string
      #expect(same)
    }
  }

  /// An empty name is a name; none takes it away.
  @Test func emptyNamesAndNone() throws {
    let space = AddressSpace()
    try space.mapPages(0..<3)
    try Self.name(space, 1..<2, "")
    #expect(Self.lines(space) == ["0-1 ", "1-2 [anon:]", "2-3 "])
    try Self.name(space, 0..<3, nil)
    #expect(Self.lines(space) == ["0-3 "])
  }

  // MARK: What is a name

  @Test func lengthsOfNames() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    let longest = String(repeating: "n", count: 79)
    try Self.name(space, 0..<1, longest)
    #expect(Self.lines(space) == ["0-1 [anon:\(longest)]"])
    #expect(
      errno { () throws(Errno) in try Self.name(space, 0..<1, longest + "n") } == .invalidArgument)
    #expect(Self.lines(space) == ["0-1 [anon:\(longest)]"])
  }

  @Test func charactersOfNames() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    for byte in 0...255 as ClosedRange<UInt8> {
      let isAllowed = (0x20...0x7e).contains(byte) && !"\\`$[]".utf8.contains(byte)
      let error = errno { () throws(Errno) in
        try space.systemCalls.setName(Self.page(0), length: 4096, [0x61, byte])
      }
      #expect(error == (isAllowed ? nil : .invalidArgument), "\(byte)")
    }
  }

  // MARK: Where

  @Test func rangesOfNames() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2)
    func error(_ address: UInt64, _ length: UInt64, _ name: String = "n") -> Errno? {
      errno { () throws(Errno) in
        try space.systemCalls.setName(address, length: length, Array(name.utf8))
      }
    }
    let generation = space.generation
    #expect(error(Self.page(0) + 1, 4096) == .invalidArgument)
    #expect(error(Self.page(0), .max) == .invalidArgument)
    #expect(error(Self.page(0), .max - 8191) == .invalidArgument)
    // The name is looked at first, the address also of an empty range.
    #expect(error(Self.page(0), 0, "$") == .invalidArgument)
    #expect(error(Self.page(0) + 1, 0) == .invalidArgument)
    #expect(error(Self.page(0), 0) == nil)
    #expect(error(Self.page(7), 0) == nil)
    #expect(error(Self.page(7), 4096) == .noMemory)
    #expect(space.generation == generation)
    // Up to the end of the page.
    #expect(error(Self.page(0), 1) == nil)
    #expect(Self.lines(space) == ["0-1 [anon:n]", "1-2 "])
  }

  /// Holes are reported when the rest has been named.
  @Test func holesAreSkipped() throws {
    let space = AddressSpace()
    try space.mapPages(1..<2)
    try space.mapPages(4..<6)
    #expect(errno { () throws(Errno) in try Self.name(space, 0..<5, "x") } == .noMemory)
    #expect(Self.lines(space) == ["1-2 [anon:x]", "4-5 [anon:x]", "5-6 "])
    #expect(errno { () throws(Errno) in try Self.name(space, 5..<9, "y") } == .noMemory)
    #expect(Self.lines(space) == ["1-2 [anon:x]", "4-5 [anon:x]", "5-6 [anon:y]"])
    space._checkInvariants()
  }

  /// A file ends it; what comes before is named, what comes behind is not.
  @Test(arguments: [MmapFlags.private, .shared])
  func filesHaveNamesAlready(_ sharing: MmapFlags) throws {
    let space = AddressSpace()
    let file = MappedFile(path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 1)
    try space.mapPages(0..<2)
    try space.mapPages(2..<3, "rw", sharing, backing: .file(file))
    try space.mapPages(3..<4)
    #expect(
      errno { () throws(Errno) in try Self.name(space, 1..<4, "x") } == .badFileDescriptor)
    #expect(Self.lines(space) == ["0-1 ", "1-2 [anon:x]", "2-3 /f", "3-4 "])
    // Taking a name away too.
    #expect(
      errno { () throws(Errno) in try Self.name(space, 1..<4, nil) } == .badFileDescriptor)
    #expect(Self.lines(space) == ["0-2 ", "2-3 /f", "3-4 "])
  }

  // MARK: Merging

  @Test func namesSplitAndMerge() throws {
    let space = AddressSpace()
    try space.mapPages(0..<6)
    try Self.name(space, 2..<4, "x")
    #expect(Self.lines(space) == ["0-2 ", "2-4 [anon:x]", "4-6 "])
    // Equal names, whoever gave them.
    try Self.name(space, 4..<5, "x")
    #expect(Self.lines(space) == ["0-2 ", "2-5 [anon:x]", "5-6 "])
    try Self.name(space, 0..<1, "x")
    try Self.name(space, 1..<2, "x")
    #expect(Self.lines(space) == ["0-5 [anon:x]", "5-6 "])
    // Other names, and none, don't.
    try Self.name(space, 5..<6, "y")
    #expect(Self.lines(space) == ["0-5 [anon:x]", "5-6 [anon:y]"])
    try Self.name(space, 0..<6, "y")
    #expect(Self.lines(space) == ["0-6 [anon:y]"])
    // New memory has none.
    try space.mapPages(6..<7)
    #expect(Self.lines(space) == ["0-6 [anon:y]", "6-7 "])
    space._checkInvariants()
  }

  /// Also those of two calls that had nothing to do with one another.
  @Test(arguments: [MmapFlags.private, .shared])
  func equalNamesAreOne(_ sharing: MmapFlags) throws {
    let space = AddressSpace()
    try space.mapPages(0..<7, "rw", sharing)
    let kind = sharing == .private ? "[anon:x]" : "[anon_shmem:x]"
    for page in [0, 2, 4, 6] as [UInt64] { try Self.name(space, page..<page + 1, "x") }
    #expect(space.count == 7)
    // Both neighbours.
    try Self.name(space, 1..<2, "x")
    #expect(Self.lines(space)[0] == "0-3 \(kind)")
    try Self.name(space, 3..<6, "x")
    #expect(Self.lines(space) == ["0-7 \(kind)"])
    // One that comes from elsewhere.
    try space.mapPages(20..<21, "rw", sharing)
    try Self.name(space, 20..<21, "x")
    try space.systemCalls.mremap(
      Self.page(20), length: 4096, newLength: 4096, flags: [.mayMove, .fixed],
      newAddress: Self.page(7))
    // Shared memory of another mapping is another file.
    #expect(space.count == (sharing == .private ? 1 : 2))
    space._checkInvariants()
  }

  @Test func sameNameChangesNothing() throws {
    let space = AddressSpace()
    try space.mapPages(0..<3)
    try Self.name(space, 0..<3, "x")
    let generation = space.generation
    try Self.name(space, 0..<3, "x")
    try Self.name(space, 1..<2, "x")
    #expect(space.generation == generation)
  }

  /// A name goes with its memory: split, protected, moved, forked, but not replaced.
  @Test func namesGoWithTheirMemory() throws {
    let space = AddressSpace()
    try space.mapPages(0..<4)
    try Self.name(space, 0..<4, "x")
    try space.protectPages(1..<2, "r")
    #expect(Self.lines(space) == ["0-1 [anon:x]", "1-2 [anon:x]", "2-4 [anon:x]"])
    try space.protectPages(1..<2, "rw")
    #expect(Self.lines(space) == ["0-4 [anon:x]"])
    try space.systemCalls.mremap(
      Self.page(0), length: 4096, newLength: 4096, flags: [.mayMove, .fixed],
      newAddress: Self.page(8))
    #expect(Self.lines(space) == ["1-4 [anon:x]", "8-9 [anon:x]"])
    try space.systemCalls.mremap(Self.page(8), length: 4096, newLength: 8192)
    #expect(Self.lines(space) == ["1-4 [anon:x]", "8-10 [anon:x]"])
    try space.mapPages(2..<3)
    let expected = ["1-2 [anon:x]", "2-3 ", "3-4 [anon:x]", "8-10 [anon:x]"]
    #expect(Self.lines(space) == expected)
    #expect(Self.lines(space.fork()) == expected)
  }

  /// A split too many.
  @Test func mapCountLimitsNames() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = 2
    let space = AddressSpace(configuration: configuration)
    try space.mapPages(0..<3)
    #expect(
      errno { () throws(Errno) in try Self.name(space, 1..<2, "x") }
        == .resourceTemporarilyUnavailable)
    try Self.name(space, 0..<3, "x")
    #expect(Self.lines(space).allSatisfy { $0.hasSuffix("[anon:x]") })
    space._checkInvariants()
  }
}
