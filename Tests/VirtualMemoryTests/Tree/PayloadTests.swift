// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Payloads that versions of a leaf share.
@Suite(.serialized) struct PayloadTests {
  /// A space whose only leaf has VMAs at the even ones of the first `2 * count` pages.
  private static func space(vmaCount count: UInt64) throws -> AddressSpace {
    let space = AddressSpace()
    for page in 0..<count { try space.mapPages(2 * page..<2 * page + 1) }
    return space
  }

  private static func leaf(_ space: AddressSpace) throws -> Leaf {
    guard let root = unsafe space.currentVersion.tree.root else {
      throw Errno.noSuchFileOrDirectory
    }
    return unsafe Leaf(root)
  }

  @Test func changesShareItUntilItIsFull() throws {
    let space = try Self.space(vmaCount: 4)
    let first = try Self.leaf(space)
    let payload = unsafe UInt(bitPattern: first.payload.base)
    #expect(first.usedSlotCount == 4)
    // Each round takes one slot for what it maps, and none for what it unmaps.
    for round in 0..<28 {
      try space.unmapPages(2..<3)
      #expect(try Self.leaf(space).usedSlotCount == 4 + round)
      try space.mapPages(2..<3, round % 2 == 0 ? "r" : "rw")
      #expect(unsafe UInt(bitPattern: try Self.leaf(space).payload.base) == payload)
    }
    #expect(try Self.leaf(space).usedSlotCount == 32)
    try space.mapPages(20..<21)
    let last = try Self.leaf(space)
    #expect(unsafe UInt(bitPattern: last.payload.base) != payload)
    #expect(last.usedSlotCount == 5 && last.count == 5)
    space._checkInvariants()
  }

  /// Whatever is put into slots later, a snapshot sees what it saw.
  @Test func snapshotsKeepTheirSlots() throws {
    let space = try Self.space(vmaCount: 6)
    var random = SeededGenerator(seed: 1)
    var seen: [(snapshot: MapsSnapshot, vmas: [VMA])] = []
    for _ in 0..<300 {
      let page = 2 * random.below(12)
      if random.oneIn(3) {
        try space.unmapPages(page..<page + 1)
      } else {
        try space.mapPages(page..<page + 1, random.oneIn(2) ? "r" : "rw")
      }
      space._checkInvariants()
      if random.oneIn(4) { seen.append((space.snapshot(), space.snapshotVMAs().vmas)) }
      if random.oneIn(9), !seen.isEmpty {
        seen.remove(at: Int(random.below(UInt64(seen.count))))
        RCU.barrier()
      }
      for (snapshot, vmas) in seen { #expect(Array(snapshot) == vmas) }
    }
    #expect(seen.count > 20)
  }

  #if DEBUG
    /// One snapshot holds a leaf, a later one its payload. Both go before the first grace period
    /// ends: the payload is given back before the leaf's turn, and used again.
    @Test func aPayloadMayGoBackBeforeItsLeaf() async {
      await #expect(processExitsWith: .success) {
        let space = AddressSpace()
        let before = MapObject.liveCount
        func map(_ page: UInt64, inode: UInt64) throws {
          let file = MappedFile(
            path: "/f/\(inode)", device: DeviceNumber(major: 8, minor: 1), inode: inode)
          try space.mapPages(2 * page..<2 * page + 1, "r", backing: .file(file))
        }
        for page in 0..<8 as Range<UInt64> { try map(page, inode: page + 1) }
        for round in 0..<20 as Range<UInt64> {
          do {
            let first = space.snapshot()
            try map(0, inode: 100 + round)
            let second = space.snapshot()
            // The payload is full before the round ends.
            for _ in 0..<40 { try map(0, inode: 100 + round) }
            RCU.withReadSection { _ in
              _ = consume second
              _ = consume first
            }
          }
          for _ in 0..<50 { try map(1, inode: 2) }
        }
        try space.unmapPages(0..<16)
        for _ in 0..<4 { await RCU.barrier() }
        #expect(space.snapshotStatistics.heldBytes == 0)
        #expect(MapObject.liveCount == before)
      }
    }
  #endif
}
