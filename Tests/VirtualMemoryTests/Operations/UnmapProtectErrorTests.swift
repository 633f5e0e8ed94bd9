// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

@Suite struct UnmapProtectErrorTests {
  private static let base = AddressSpace.testBase
  private static let taskSize = AddressSpaceConfiguration().taskSize
  private static let readOnly = MappedFile(
    path: "/r", device: DeviceNumber(major: 8, minor: 1), inode: 10, access: .readOnly)

  // MARK: unmap

  @Test(
    arguments: [
      (base + 1, 4096, Errno.invalidArgument), (base, 0, .invalidArgument),
      (taskSize, 4096, .invalidArgument), (taskSize - 4096, 8192, .invalidArgument),
      (taskSize + 4096, 4096, .invalidArgument), (base, .max, .invalidArgument),
      (base, .max - 4095, .invalidArgument), (0, taskSize + 1, .invalidArgument),
      (taskSize - 4096, 4096, nil), (0, 4096, nil), (base, 1, nil),
    ] as [(UInt64, UInt64, Errno?)])
  func unmapErrors(_ address: UInt64, _ length: UInt64, _ expected: Errno?) throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    #expect(
      errno { () throws(Errno) in try space.systemCalls.munmap(address, length: length) }
        == expected)
    #expect(space.count == (expected == nil && address == Self.base ? 0 : 1))
    space._checkInvariants()
  }

  @Test func unmapEverything() throws {
    let space = AddressSpace()
    for page in 0..<100 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    try space.systemCalls.munmap(0, length: Self.taskSize)
    #expect(space.count == 0)
    space._checkInvariants()
  }

  @Test func unmapRoundsTheLengthUpAndSkipsHoles() throws {
    let space = AddressSpace()
    try space.mapPages(0..<4)
    try space.mapPages(6..<8)
    try space.systemCalls.munmap(Self.base + 2 * 4096, length: 4 * 4096 + 1)
    #expect(space.pages == ["0-2 rw-p", "7-8 rw-p"])
  }

  // MARK: protect

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: Errno?
    var address: UInt64 = base
    var length: UInt64 = 4096
    var protection: Protection
    var testDescription: String { name }
  }

  static let unknown = Protection(rawValue: 0x100)

  /// Pages 0–2 are anonymous, 3 a shared read-only file, 4 grows down, 5 is a hole, 6 anonymous.
  static let cases: [Case] = [
    Case(
      name: "both grow flags", expected: .invalidArgument, address: 17, length: 0,
      protection: [.growsDown, .growsUp]),
    Case(
      name: "not aligned", expected: .invalidArgument, address: base + 17, length: 0,
      protection: unknown),
    Case(name: "length 0", expected: nil, length: 0, protection: unknown),
    Case(name: "length 0 of nothing", expected: nil, address: 1 << 62, length: 0, protection: []),
    Case(name: "wraps", expected: .noMemory, length: .max - 4095, protection: unknown),
    Case(name: "rounds to 0", expected: .noMemory, length: .max, protection: unknown),
    Case(
      name: "unknown bits", expected: .invalidArgument, address: base + 5 * 4096,
      protection: unknown),
    Case(name: "a hole", expected: .noMemory, address: base + 5 * 4096, protection: .read),
    Case(
      name: "nothing above", expected: .noMemory, address: base + 70 * 4096, protection: .read),
    Case(
      name: "does not grow down", expected: .invalidArgument, protection: [.read, .growsDown]),
    Case(name: "does not grow up", expected: .invalidArgument, protection: [.read, .growsUp]),
    Case(
      name: "grows up in a hole", expected: .noMemory, address: base + 5 * 4096,
      protection: [.read, .growsUp]),
    Case(
      name: "grows down in a hole", expected: .noMemory, address: base + 5 * 4096,
      protection: [.read, .growsDown]),
    Case(
      name: "grows down", expected: nil, address: base + 4 * 4096, protection: [.read, .growsDown]),
    Case(
      name: "the file doesn't allow it", expected: .permissionDenied, address: base + 3 * 4096,
      protection: [.read, .write]),
    Case(
      name: "atomic operations", expected: nil, protection: [.read, .write, .atomicOperations]),
    Case(name: "beyond the end", expected: .noMemory, address: taskSize, protection: .read),
  ]

  @Test(arguments: cases)
  func protectErrors(_ test: Case) throws {
    let space = try Self.mixed()
    let before = space.pages
    let error = errno { () throws(Errno) in
      try space.systemCalls.mprotect(test.address, length: test.length, test.protection)
    }
    #expect(error == test.expected)
    if error != nil { #expect(space.pages == before) }
    space._checkInvariants()
  }

  /// What precedes the hole, or the refusal, has changed.
  @Test func protectStopsAtTheFirstError() throws {
    let space = try Self.mixed()
    #expect(errno { () throws(Errno) in try space.protectPages(4..<7, "x") } == .noMemory)
    #expect(space.pages == ["0-3 rw-p", "3-4 r--s", "4-5 --xp", "6-7 rw-p"])
    #expect(
      errno { () throws(Errno) in try space.protectPages(2..<5, "w") } == .permissionDenied)
    #expect(space.pages == ["0-2 rw-p", "2-3 -w-p", "3-4 r--s", "4-5 --xp", "6-7 rw-p"])
    space._checkInvariants()
  }

  /// From the middle of a VMA that grows: down to its start.
  @Test func protectGrowsDownFromTheStart() throws {
    let space = AddressSpace()
    try space.mapPages(0..<8, "rw", .growsDown)
    try space.systemCalls.mprotect(Self.base + 4 * 4096, length: 4096, [.read, .growsDown])
    #expect(space.pages == ["0-5 r--p", "5-8 rw-p"])
  }

  private static func mixed() throws -> AddressSpace {
    let space = AddressSpace()
    try space.mapPages(0..<3)
    try space.mapPages(3..<4, "r", .shared, backing: .file(readOnly))
    try space.mapPages(4..<5, "rw", .growsDown)
    try space.mapPages(6..<7)
    return space
  }
}
