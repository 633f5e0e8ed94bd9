// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// Writes of the process: which fail, and what they change of the map.
@Suite struct TouchTests {
  private static func page(_ page: UInt64) -> UInt64 { AddressSpace.testBase + page * 4096 }

  private static func fault(_ space: AddressSpace, _ address: UInt64) -> MemoryFault? {
    do {
      try space.simulateWrite(at: address)
      return nil
    } catch {
      return error
    }
  }

  @Test func faults() throws {
    let space = AddressSpace()
    let short = MappedFile(
      path: "/short", device: DeviceNumber(major: 8, minor: 1), inode: 1, byteCount: 4097)
    try space.mapPages(0..<1)
    try space.mapPages(1..<2, "r")
    try space.mapPages(2..<3, "")
    try space.mapPages(3..<6, "rw", .shared, backing: .file(short))
    try space.mapPages(6..<9, "rw", .private, backing: .file(short))
    #expect(Self.fault(space, Self.page(0)) == nil)
    #expect(Self.fault(space, Self.page(1) - 1) == nil)
    #expect(Self.fault(space, Self.page(1)) == .segmentation)
    #expect(Self.fault(space, Self.page(2)) == .segmentation)
    #expect(Self.fault(space, Self.page(0) - 1) == .segmentation)
    #expect(Self.fault(space, Self.page(9)) == .segmentation)
    for address in [0, .max, space.configuration.taskSize] as [UInt64] {
      #expect(Self.fault(space, address) == .segmentation)
    }
    // Two pages of the file exist, the second one of a single byte.
    for first in [3, 6] as [UInt64] {
      #expect(Self.fault(space, Self.page(first)) == nil)
      #expect(Self.fault(space, Self.page(first + 2) - 1) == nil)
      #expect(Self.fault(space, Self.page(first + 2)) == .bus)
    }
    space._checkInvariants()
  }

  /// Only the first write to private memory changes anything.
  @Test func laterWritesMakeNoVersion() throws {
    let space = AddressSpace()
    try space.mapPages(0..<4)
    try space.mapPages(6..<8, "rw", .shared)
    let generation = space.generation
    #expect(Self.fault(space, Self.page(6)) == nil)
    #expect(Self.fault(space, Self.page(20)) == .segmentation)
    #expect(space.generation == generation)
    #expect(Self.fault(space, Self.page(3)) == nil)
    let touched = space.generation
    #expect(touched > generation)
    #expect(Self.fault(space, Self.page(0)) == nil)
    #expect(space.generation == touched)
    #expect(space.pages == ["0-4 rw-p", "6-8 rw-s"])
  }

  /// The kernel's most surprising rule: ranges touched apart stay apart.
  @Test func rangesTouchedApartStayApart() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2)
    try space.mapPages(4..<6)
    try space.simulateWrite(at: Self.page(0))
    try space.simulateWrite(at: Self.page(5))
    try space.mapPages(2..<4)
    #expect(space.pages == ["0-4 rw-p", "4-6 rw-p"])
    // One of them untouched: one VMA.
    try space.mapPages(4..<6)
    #expect(space.pages == ["0-6 rw-p"])
  }

  /// A first write beside touched memory that differs in access only takes part in its past.
  @Test func neighboursShareTheirPast() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2)
    try space.simulateWrite(at: Self.page(0))
    try space.mapPages(2..<4, "rwx")
    try space.simulateWrite(at: Self.page(2))
    try space.protectPages(2..<4, "rw")
    #expect(space.pages == ["0-4 rw-p"])
    // Beside memory that differs in more it gets one of its own.
    try space.mapPages(10..<12)
    try space.simulateWrite(at: Self.page(10))
    try space.mapPages(12..<14, "rw", .noReserve)
    try space.simulateWrite(at: Self.page(12))
    #expect(space.pages.suffix(2) == ["10-12 rw-p", "12-14 rw-p"])
  }

  // MARK: Stacks

  private static func stackSpace() throws -> AddressSpace {
    let space = AddressSpace()
    try space.mapPages(1000..<1002, "rw", .growsDown)
    return space
  }

  @Test func stacksGrowToTheWrite() throws {
    let space = try Self.stackSpace()
    try space.simulateWrite(at: Self.page(1000) - 1)
    #expect(space.pages == ["999-1002 rw-p"])
    try space.simulateWrite(at: Self.page(900) + 17)
    #expect(space.pages == ["900-1002 rw-p"])
    #expect(space.mappedBytes == 102 * 4096)
    space._checkInvariants()
  }

  @Test func stacksKeepTheLimit() throws {
    let space = try Self.stackSpace()
    space.limits.stack = 10 * 4096
    #expect(Self.fault(space, Self.page(991)) == .segmentation)
    #expect(space.pages == ["1000-1002 rw-p"])
    try space.simulateWrite(at: Self.page(992))
    #expect(space.pages == ["992-1002 rw-p"])
    space.limits.stack = .max
    space.limits.addressSpace = 12 * 4096
    #expect(Self.fault(space, Self.page(989)) == .segmentation)
    try space.simulateWrite(at: Self.page(990))
    #expect(space.pages == ["990-1002 rw-p"])
  }

  /// 256 pages from what is accessible below; up to it if it is not, or grows itself.
  @Test func stacksKeepTheGuardGap() throws {
    let space = try Self.stackSpace()
    try space.mapPages(600..<700, "r")
    #expect(Self.fault(space, Self.page(955)) == .segmentation)
    try space.simulateWrite(at: Self.page(956))
    #expect(space.pages == ["600-700 r--p", "956-1002 rw-p"])
    try space.protectPages(600..<700, "")
    try space.simulateWrite(at: Self.page(700))
    #expect(space.pages == ["600-700 ---p", "700-1002 rw-p"])
    // It grows beside its like, and doesn't merge.
    let other = try Self.stackSpace()
    try other.mapPages(600..<700, "rw", .growsDown)
    try other.simulateWrite(at: Self.page(700))
    #expect(other.pages == ["600-700 rw-p", "700-1002 rw-p"])
  }

  /// It grows before the write fails.
  @Test(arguments: ["r", ""])
  func unwritableStacksGrowToo(_ letters: String) throws {
    let space = try Self.stackSpace()
    try space.protectPages(1000..<1002, letters)
    #expect(Self.fault(space, Self.page(990)) == .segmentation)
    #expect(space.pages.first?.hasPrefix("990-1002 ") == true)
  }
}
