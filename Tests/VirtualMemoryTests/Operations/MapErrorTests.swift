// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// The errors of `map`, in their order: each case has the errors of all that follow, too.
@Suite struct MapErrorTests {
  private static let page: UInt64 = 4096
  private static let taskSize = AddressSpaceConfiguration().taskSize
  private static let file = MappedFile(
    path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 9)
  private static let readOnly = MappedFile(
    path: "/r", device: DeviceNumber(major: 8, minor: 1), inode: 10, access: .readOnly)
  private static let writeOnly = MappedFile(
    path: "/w", device: DeviceNumber(major: 8, minor: 1), inode: 11, access: .writeOnly)
  private static let taken = AddressSpace.testBase

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: Errno?
    var address: UInt64 = taken
    var length: UInt64 = page
    var protection: Protection = .read
    var flags: MmapFlags
    var backing: Backing = .anonymous
    var maximumMapCount = 65_530
    var testDescription: String { name }
  }

  private static let eopnotsupp = Errno(rawValue: 95)
  private static let unknownFlag = MmapFlags(rawValue: 0x80_0000)

  static let cases: [Case] = [
    // In order.
    Case(
      name: "offset not aligned", expected: .invalidArgument, length: 0, flags: [],
      backing: .file(writeOnly, offset: 17)),
    Case(name: "length 0", expected: .invalidArgument, length: 0, flags: [], maximumMapCount: 0),
    Case(
      name: "length wraps", expected: .noMemory, address: 1, length: .max - 17, flags: [],
      maximumMapCount: 0),
    Case(
      name: "too many", expected: .noMemory, address: 1, flags: [.fixed], maximumMapCount: 0),
    Case(
      name: "longer than everything", expected: .noMemory, address: 1, length: taskSize + page,
      flags: [.fixed]),
    Case(
      name: "fixed beyond the end", expected: .noMemory, address: taskSize - page + 1,
      flags: [.fixed]),
    Case(name: "fixed not aligned", expected: .invalidArgument, address: 17, flags: [.fixed]),
    Case(name: "fixed below the minimum", expected: .notPermitted, address: 0, flags: [.fixed]),
    Case(
      name: "something is there", expected: .fileExists, flags: [.fixedNoReplace],
      backing: .file(writeOnly, offset: 0x7fff_ffff_ffff_f000)),
    Case(
      name: "offset and length overflow", expected: .overflow, flags: [.fixed],
      backing: .file(writeOnly, offset: 0x7fff_ffff_ffff_f000)),
    Case(
      name: "offset overflows", expected: .overflow, flags: [.fixed],
      backing: .file(file, offset: 1 << 63)),
    Case(
      name: "largest offset", expected: nil, flags: [.fixed, .private],
      backing: .file(file, offset: 0x7fff_ffff_ffff_e000)),
    // Anonymous memory.
    Case(name: "no type", expected: .invalidArgument, flags: [.fixed]),
    Case(name: "validate", expected: .invalidArgument, flags: [.fixed, .sharedValidate]),
    Case(
      name: "droppable and private", expected: .invalidArgument,
      flags: MmapFlags(rawValue: 0xa | 0x10)),
    Case(
      name: "shared grows down", expected: .invalidArgument, flags: [.fixed, .shared, .growsDown]),
    Case(name: "private grows down", expected: nil, flags: [.fixed, .private, .growsDown]),
    Case(name: "unknown flags", expected: nil, flags: [.fixed, .shared, unknownFlag]),
    Case(name: "sync", expected: nil, flags: [.fixed, .private, .sync]),
    // Files.
    Case(
      name: "file: no type", expected: .invalidArgument, flags: [.fixed, .growsDown],
      backing: .file(writeOnly)),
    Case(
      name: "file: validate, unknown", expected: eopnotsupp, protection: .write,
      flags: [.fixed, .sharedValidate, unknownFlag, .growsDown], backing: .file(writeOnly)),
    Case(
      name: "file: validate, no-replace", expected: eopnotsupp, address: taken + 16 * page,
      flags: [.fixedNoReplace, .sharedValidate], backing: .file(file)),
    Case(
      name: "file: validate, a huge page's size", expected: nil,
      flags: [.fixed, .sharedValidate, MmapFlags(rawValue: 0x400_0000)], backing: .file(file)),
    Case(
      name: "file: validate", expected: nil, flags: [.fixed, .sharedValidate],
      backing: .file(file)),
    Case(
      name: "file: shared, unknown", expected: nil, flags: [.fixed, .shared, unknownFlag],
      backing: .file(file)),
    Case(
      name: "file: shared writable, read-only", expected: .permissionDenied,
      protection: [.read, .write], flags: [.fixed, .shared, .growsDown],
      backing: .file(readOnly)),
    Case(
      name: "file: shared, write-only", expected: .permissionDenied,
      flags: [.fixed, .shared, .growsDown], backing: .file(writeOnly)),
    Case(
      name: "file: private, write-only", expected: .permissionDenied,
      flags: [.fixed, .private, .growsDown], backing: .file(writeOnly)),
    Case(
      name: "file: grows down", expected: .invalidArgument,
      flags: [.fixed, .private, .growsDown, .sync], backing: .file(file)),
    Case(
      name: "file: private writable, read-only", expected: nil, protection: [.read, .write],
      flags: [.fixed, .private], backing: .file(readOnly)),
  ]

  @Test(arguments: cases)
  func errors(_ test: Case) throws {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = max(test.maximumMapCount, 0)
    let space = AddressSpace(configuration: configuration)
    try space.mapPages(0..<3)
    let before = space.pages
    let generation = space.generation
    let error = errno { () throws(Errno) in
      try space.systemCalls.mmap(
        at: test.address, length: test.length, protection: test.protection, flags: test.flags,
        backing: test.backing)
    }
    #expect(error == test.expected)
    if test.expected != nil {
      // Nothing changed, and readers of versions are not told that something did.
      #expect(space.pages == before)
      #expect(space.generation == generation)
    }
    space._checkInvariants()
  }

  /// The one error that comes when the range has been cleared.
  @Test(arguments: [MmapFlags.private, .shared, .sharedValidate])
  func syncIsRefusedLate(_ type: MmapFlags) throws {
    let space = AddressSpace()
    try space.mapPages(0..<3)
    #expect(
      errno { () throws(Errno) in
        try space.mapPages(1..<2, "r", [type, .sync], backing: .file(Self.file))
      } == Self.eopnotsupp)
    #expect(space.pages == ["0-1 rw-p", "2-3 rw-p"])
    space._checkInvariants()
  }

  /// Unknown bits of the protection are ignored, unlike those of `protect`.
  @Test func unknownProtectionIsIgnored() throws {
    let space = AddressSpace()
    try space.systemCalls.mmap(
      at: Self.taken, length: 1, protection: [.read, Protection(rawValue: 0x7f0)],
      flags: [.fixed, .private])
    #expect(space.pages == ["0-1 r--p"])
  }

  @Test func lengthIsRoundedUp() throws {
    let space = AddressSpace()
    try space.systemCalls.mmap(
      at: Self.taken, length: 4097, protection: .read, flags: [.fixed, .private])
    #expect(space.pages == ["0-2 r--p"])
  }

  @Test func noReplaceBesideOthers() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    try space.mapPages(2..<3)
    try space.mapPages(1..<2, "r", .fixedNoReplace)
    #expect(space.pages == ["0-1 rw-p", "1-2 r--p", "2-3 rw-p"])
    #expect(
      errno { () throws(Errno) in try space.mapPages(2..<9, "r", .fixedNoReplace) }
        == .fileExists)
  }
}
