// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// What the limit on the number of VMAs refuses: `map` above it, splits at it.
@Suite struct MapCountTests {
  /// Five VMAs of three pages, with gaps, where the limit is `limit`.
  private static func space(limit: Int) throws -> AddressSpace {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = limit
    let space = AddressSpace(configuration: configuration)
    for page in 0..<5 as Range<UInt64> { try space.mapPages(4 * page..<4 * page + 3) }
    #expect(space.count == 5)
    return space
  }

  @Test func mapFailsAboveTheLimitOnly() throws {
    let space = try Self.space(limit: 5)
    // At the limit one more comes.
    try space.mapPages(30..<31)
    #expect(space.count == 6)
    #expect(errno { () throws(Errno) in try space.mapPages(40..<41) } == .noMemory)
    // Also what would merge, or replace.
    #expect(errno { () throws(Errno) in try space.mapPages(31..<32) } == .noMemory)
    #expect(errno { () throws(Errno) in try space.mapPages(30..<31) } == .noMemory)
    try space.unmapPages(30..<31)
    try space.mapPages(40..<41)
    space._checkInvariants()
  }

  @Test func mapIntoTheMiddleFailsAtTheLimit() throws {
    let space = try Self.space(limit: 5)
    #expect(errno { () throws(Errno) in try space.mapPages(1..<2, "r") } == .noMemory)
    #expect(space.pages.first == "0-3 rw-p")
    // An edge is cut, not split.
    try space.mapPages(0..<1, "r")
    #expect(space.count == 6)
    space._checkInvariants()
  }

  @Test func unmapOfTheMiddleFailsAtTheLimit() throws {
    let space = try Self.space(limit: 5)
    #expect(errno { () throws(Errno) in try space.unmapPages(1..<2) } == .noMemory)
    try space.unmapPages(0..<1)
    try space.unmapPages(2..<3)
    #expect(space.count == 5)
    try space.unmapPages(1..<2)
    #expect(space.count == 4)
    // Below the limit it goes.
    try space.unmapPages(5..<6)
    #expect(space.count == 5)
    space._checkInvariants()
  }

  @Test func protectFailsAtTheLimit() throws {
    let space = try Self.space(limit: 5)
    #expect(errno { () throws(Errno) in try space.protectPages(0..<1, "r") } == .noMemory)
    #expect(errno { () throws(Errno) in try space.protectPages(2..<3, "r") } == .noMemory)
    #expect(errno { () throws(Errno) in try space.protectPages(1..<2, "r") } == .noMemory)
    #expect(space.pages.first == "0-3 rw-p")
    // No split: no limit.
    try space.protectPages(0..<3, "r")
    #expect(space.count == 5)
    space._checkInvariants()
  }

  /// Room for one split of two: the first is done, and visible.
  @Test func protectLeavesAUselessSplit() throws {
    let space = try Self.space(limit: 6)
    #expect(errno { () throws(Errno) in try space.protectPages(1..<2, "r") } == .noMemory)
    #expect(space.pages.prefix(2) == ["0-1 rw-p", "1-3 rw-p"])
    #expect(space.count == 6)
    space._checkInvariants()
  }

  @Test func protectThatMergesWithANeighbourNeedsNoRoom() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = 2
    let space = AddressSpace(configuration: configuration)
    try space.mapPages(0..<3, "r")
    try space.mapPages(3..<6, "rw")
    try space.protectPages(3..<4, "r")
    #expect(space.pages == ["0-4 r--p", "4-6 rw-p"])
    try space.protectPages(2..<4, "rw")
    #expect(space.pages == ["0-2 r--p", "2-6 rw-p"])
    space._checkInvariants()
  }

  /// The kernel's default: one more than its number.
  @Test func defaultLimit() throws {
    let space = AddressSpace()
    var count = 0
    while errno({ () throws(Errno) in
      try space.mapPages(UInt64(2 * count)..<UInt64(2 * count + 1))
    }) == nil {
      count += 1
    }
    #expect(count == 65_531)
    #expect(space.count == count)
    space._checkInvariants()
  }
}
