// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The heap: where the break goes, what moves with it, and when it stays. What the running kernel
/// does is asked in Tools/Tests/MapScriptsTests.
@Suite struct BreakTests {
  private static let base: UInt64 = 0x1000_0000
  private static func page(_ index: UInt64) -> UInt64 { base + index * 4096 }

  /// A space with a break at page 0, and nothing in it.
  private static func space(
    _ configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) -> AddressSpace {
    var layout = ImportedLayout()
    layout.breakRange = base..<base
    return AddressSpace(importing: [], layout: layout, configuration: configuration)
  }

  private static func lines(_ space: AddressSpace) -> [String] {
    MapsLine.parse(space.mapsText().string).map { line in
      let pages = [line.start, line.end].map { (Int64($0) - Int64(base)) / 4096 }
      return "\(pages[0])-\(pages[1]) \(line.permissions) \(line.name)"
    }
  }

  @Test func growsAndShrinks() {
    let space = Self.space()
    #expect(space.programBreak == Self.base)
    #expect(space.setBreak(Self.page(2) + 5) == Self.page(2) + 5)
    #expect(Self.lines(space) == ["0-3 rw-p [heap]"])
    // Within the last page: nothing of the map.
    #expect(space.setBreak(Self.page(3)) == Self.page(3))
    #expect(space.setBreak(Self.page(2) + 1) == Self.page(2) + 1)
    #expect(Self.lines(space) == ["0-3 rw-p [heap]"])
    #expect(space.setBreak(Self.page(1)) == Self.page(1))
    #expect(Self.lines(space) == ["0-1 rw-p [heap]"])
    #expect(space.setBreak(Self.base) == Self.base)
    #expect(space.count == 0)
    #expect(space.setBreak(Self.page(4)) == Self.page(4))
    #expect(Self.lines(space) == ["0-4 rw-p [heap]"])
    space._checkInvariants()
  }

  /// 0 asks where it is.
  @Test func staysWhereItCantGo() throws {
    let space = Self.space()
    space.setBreak(Self.page(2))
    let generation = space.generation
    for refused in [0, Self.base - 1, space.configuration.taskSize + 4096, .max - 5] as [UInt64] {
      #expect(space.setBreak(refused) == Self.page(2))
    }
    #expect(space.generation == generation)
    // A page must stay free below what follows.
    try space.systemCalls.mmap(
      at: Self.page(8), length: 4096, protection: .read, flags: [.private, .fixed])
    #expect(space.setBreak(Self.page(7) + 1) == Self.page(2))
    #expect(space.setBreak(Self.page(7)) == Self.page(7))
    #expect(space.setBreak(Self.page(9)) == Self.page(7))
    // Not even where it is in the way of nothing new.
    #expect(Self.lines(space) == ["0-7 rw-p [heap]", "8-9 r--p "])
  }

  @Test func keepsTheGuardGap() throws {
    let space = Self.space()
    try space.systemCalls.mmap(
      at: Self.page(300), length: 4096, protection: [.read, .write],
      flags: [.private, .fixed, .growsDown])
    #expect(space.setBreak(Self.page(43) + 1) == Self.base)
    #expect(space.setBreak(Self.page(43)) == Self.page(43))
  }

  @Test func obeysLimits() {
    let space = Self.space()
    space.limits.data = 4 * 4096
    #expect(space.setBreak(Self.page(4) + 1) == Self.base)
    #expect(space.setBreak(Self.page(4)) == Self.page(4))
    space.limits = ResourceLimits()
    space.limits.addressSpace = 6 * 4096
    #expect(space.setBreak(Self.page(7)) == Self.page(4))
    #expect(space.setBreak(Self.page(6)) == Self.page(6))
    // A limit below what is there takes nothing away.
    space.limits.addressSpace = 4096
    #expect(space.setBreak(Self.page(5)) == Self.page(5))
    #expect(Self.lines(space) == ["0-5 rw-p [heap]"])
  }

  /// The limit on data is also one on the heap's extent, whatever of it is mapped.
  @Test func dataLimitIsOfTheExtentToo() throws {
    let space = Self.space()
    space.limits.data = 4 * 4096
    space.setBreak(Self.page(4))
    try space.systemCalls.munmap(Self.page(0), length: 3 * 4096)
    #expect(space.setBreak(Self.page(4) + 1) == Self.page(4))
    space.limits.data += 4096
    #expect(space.setBreak(Self.page(5)) == Self.page(5))
    #expect(Self.lines(space) == ["3-5 rw-p [heap]"])
  }

  @Test func obeysTheMapCount() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = 1
    let space = Self.space(configuration)
    for page in [20, 22] as [UInt64] {
      try space.systemCalls.mmap(
        at: Self.page(page), length: 4096, protection: .read, flags: [.private, .fixed])
    }
    #expect(space.setBreak(Self.page(1)) == Self.base)
    try space.systemCalls.munmap(Self.page(22), length: 4096)
    #expect(space.setBreak(Self.page(1)) == Self.page(1))
    // Also what would grow in place.
    #expect(space.setBreak(Self.page(2)) == Self.page(1))
  }

  /// Without a layout the heap starts at 0, where nothing may be mapped; no trap.
  @Test func spaceWithoutAHeap() {
    let space = AddressSpace()
    #expect(space.programBreak == 0)
    #expect(space.setBreak(0) == 0)
    space._checkInvariants()
  }
}
