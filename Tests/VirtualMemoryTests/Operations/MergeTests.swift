// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// Which neighbours become one VMA, and the ten ways in which that and its opposite happen.
@Suite struct MergeTests {
  private static let file = MappedFile(
    path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 9)
  private static let other = MappedFile(
    path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 9)

  // MARK: The ten structural changes

  @Test func mergesWithBothNeighbours() throws {
    try Self.expect(["0-3 rw-p", "3-6 r--p", "6-9 rw-p"], becomes: ["0-9 rw-p"]) {
      space throws(Errno) in try space.protectPages(3..<6, "rw")
    }
  }

  @Test func mergesWithTheLeftOneWholly() throws {
    try Self.expect(["0-3 rw-p", "3-6 r--p", "6-9 r-xp"], becomes: ["0-6 rw-p", "6-9 r-xp"]) {
      space throws(Errno) in try space.protectPages(3..<6, "rw")
    }
  }

  @Test func mergesWithTheLeftOneInPart() throws {
    try Self.expect(["0-3 rw-p", "3-6 r--p"], becomes: ["0-4 rw-p", "4-6 r--p"]) {
      space throws(Errno) in try space.protectPages(3..<4, "rw")
    }
  }

  @Test func mergesWithTheRightOneWholly() throws {
    try Self.expect(["0-3 r-xp", "3-6 r--p", "6-9 rw-p"], becomes: ["0-3 r-xp", "3-9 rw-p"]) {
      space throws(Errno) in try space.protectPages(3..<6, "rw")
    }
  }

  @Test func mergesWithTheRightOneInPart() throws {
    try Self.expect(["3-6 r--p", "6-9 rw-p"], becomes: ["3-5 r--p", "5-9 rw-p"]) {
      space throws(Errno) in try space.protectPages(5..<6, "rw")
    }
  }

  @Test func mapsIntoAGapJoiningBoth() throws {
    try Self.expect(["0-3 rw-p", "6-9 rw-p"], becomes: ["0-9 rw-p"]) {
      space throws(Errno) in try space.mapPages(3..<6)
    }
  }

  @Test func extendsTheLeft() throws {
    try Self.expect(["0-3 rw-p", "6-9 r--p"], becomes: ["0-6 rw-p", "6-9 r--p"]) {
      space throws(Errno) in try space.mapPages(3..<6)
    }
  }

  @Test func extendsTheRight() throws {
    try Self.expect(["0-3 r--p", "6-9 rw-p"], becomes: ["0-3 r--p", "3-9 rw-p"]) {
      space throws(Errno) in try space.mapPages(3..<6)
    }
  }

  @Test func splitsANewLowPart() throws {
    try Self.expect(["0-6 rw-p"], becomes: ["0-2 r--p", "2-6 rw-p"]) {
      space throws(Errno) in try space.protectPages(0..<2, "r")
    }
  }

  @Test func splitsANewHighPart() throws {
    try Self.expect(["0-6 rw-p"], becomes: ["0-4 rw-p", "4-6 r--p"]) {
      space throws(Errno) in try space.protectPages(4..<6, "r")
    }
  }

  // MARK: More splits

  @Test func splitsInTheMiddleAndHeals() throws {
    let space = AddressSpace()
    try space.mapPages(0..<6)
    try space.protectPages(2..<3, "r")
    #expect(space.pages == ["0-2 rw-p", "2-3 r--p", "3-6 rw-p"])
    try space.protectPages(2..<3, "rw")
    #expect(space.pages == ["0-6 rw-p"])
    try space.unmapPages(2..<3)
    #expect(space.pages == ["0-2 rw-p", "3-6 rw-p"])
    try space.mapPages(2..<3)
    #expect(space.pages == ["0-6 rw-p"])
    try space.mapPages(1..<5, "x")
    #expect(space.pages == ["0-1 rw-p", "1-5 --xp", "5-6 rw-p"])
    space._checkInvariants()
  }

  @Test func changesOverSeveralVMAsMergeAsTheyGo() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2, "r")
    try space.mapPages(2..<4, "rw")
    try space.mapPages(4..<6, "rx")
    try space.mapPages(6..<8, "r")
    try space.protectPages(1..<7, "r")
    #expect(space.pages == ["0-8 r--p"])
    space._checkInvariants()
  }

  @Test func changeThatChangesNothingPublishesNothing() throws {
    let space = AddressSpace()
    try space.mapPages(0..<4)
    let generation = space.generation
    try space.protectPages(1..<3, "rw")
    #expect(space.generation == generation)
    #expect(space.pages == ["0-4 rw-p"])
  }

  // MARK: What keeps neighbours apart

  @Test func invisibleFlagsKeepNeighboursApart() throws {
    for flags in [.noReserve, .stack, .growsDown, .locked, .sync] as [MmapFlags] {
      let space = AddressSpace()
      try space.mapPages(0..<1)
      try space.mapPages(1..<2, "rw", flags)
      try space.mapPages(2..<3)
      #expect(space.pages == ["0-1 rw-p", "1-2 rw-p", "2-3 rw-p"])
      try space.mapPages(1..<2, "rw", .populate)
      #expect(space.pages == ["0-3 rw-p"])
    }
  }

  @Test func accountingIsGivenBackByUntouchedMemory() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2, "rw")
    try space.mapPages(2..<4, "r")
    try space.protectPages(0..<2, "r")
    #expect(space.pages == ["0-4 r--p"])
    // Of a file's private mapping it is kept.
    try space.mapPages(10..<12, "rw", backing: .file(Self.file, offset: 10 * 4096))
    try space.mapPages(12..<14, "r", backing: .file(Self.file, offset: 12 * 4096))
    try space.protectPages(10..<12, "r")
    #expect(space.pages == ["0-4 r--p", "10-12 r--p @10", "12-14 r--p @12"])
  }

  @Test func filesMergeWhereOffsetsContinue() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2, "r", backing: .file(Self.file, offset: 5 * 4096))
    try space.mapPages(2..<4, "r", backing: .file(Self.file, offset: 7 * 4096))
    #expect(space.pages == ["0-4 r--p @5"])
    try space.mapPages(4..<5, "r", backing: .file(Self.file, offset: 8 * 4096))
    #expect(space.pages == ["0-4 r--p @5", "4-5 r--p @8"])
    // Another open of the same path is another file.
    try space.mapPages(4..<5, "r", backing: .file(Self.other, offset: 9 * 4096))
    #expect(space.pages == ["0-4 r--p @5", "4-5 r--p @9"])
    try space.mapPages(4..<5, "r", .shared, backing: .file(Self.file, offset: 9 * 4096))
    #expect(space.pages == ["0-4 r--p @5", "4-5 r--s @9"])
    try space.mapPages(4..<5, "r", backing: .file(Self.file, offset: 9 * 4096))
    #expect(space.pages == ["0-5 r--p @5"])
  }

  @Test func cutFileMappingsKeepTheirOffsets() throws {
    let space = AddressSpace()
    try space.mapPages(0..<9, "r", backing: .file(Self.file, offset: 5 * 4096))
    try space.unmapPages(0..<2)
    #expect(space.pages == ["2-9 r--p @7"])
    try space.unmapPages(4..<6)
    #expect(space.pages == ["2-4 r--p @7", "6-9 r--p @11"])
    try space.protectPages(7..<8, "rx")
    #expect(
      space.pages == ["2-4 r--p @7", "6-7 r--p @11", "7-8 r-xp @12", "8-9 r--p @13"])
    try space.protectPages(6..<9, "rx")
    #expect(space.pages == ["2-4 r--p @7", "6-9 r-xp @11"])
  }

  @Test func sharedAnonymousMemoryMergesOnlyWithItself() throws {
    let space = AddressSpace()
    try space.mapPages(0..<2, "rw", .shared)
    try space.mapPages(2..<4, "rw", .shared)
    #expect(space.pages == ["0-2 rw-s", "2-4 rw-s"])
    let inodes = space.snapshotVMAs().vmas.map(\.inode)
    #expect(Set(inodes).count == 2)
    try space.protectPages(1..<2, "r")
    #expect(space.pages == ["0-1 rw-s", "1-2 r--s @1", "2-4 rw-s"])
    try space.protectPages(1..<2, "rw")
    #expect(space.pages == ["0-2 rw-s", "2-4 rw-s"])
    #expect(space.snapshotVMAs().vmas.map(\.inode) == inodes)
  }

  private static func expect(
    _ before: [String], becomes after: [String],
    _ change: (AddressSpace) throws(Errno) -> Void
  ) throws {
    let space = AddressSpace()
    for line in before {
      let numbers = line.split { !$0.isNumber }.prefix(2).map { UInt64($0)! }
      try space.mapPages(numbers[0]..<numbers[1], String(line.split(separator: " ")[1].dropLast()))
    }
    #expect(space.pages == before)
    let generation = space.generation
    try change(space)
    #expect(space.pages == after)
    #expect(space.generation == generation + 2)
    space._checkInvariants()
  }
}
