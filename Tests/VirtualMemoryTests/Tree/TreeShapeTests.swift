// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Orders of insertion and removal that stretch the tree one way.
@Suite struct TreeShapeTests {
  private static let base: UInt64 = 0x1_0000_0000
  private static let count: UInt64 = 5000

  @Test func emptyTree() throws {
    let space = AddressSpace()
    space._checkInvariants()
    #expect(space.count == 0)
    #expect(space.mappedBytes == 0)
    #expect(space.generation == 0)
    for strategy in ReadingStrategy.allCases {
      let text = space.mapsText(by: strategy).string
      #expect(text == "")
      #expect(throws: Errno.noSuchFileOrDirectory) {
        try space.query(0, matching: .coveringOrNext, by: strategy)
      }
    }
    #expect(space.lookup(4096) == nil)
    // Unmapping nothing is a success, and no change.
    try space.systemCalls.munmap(4096, length: 1 << 40)
    #expect(space.generation == 0)
  }

  @Test(.large, arguments: ["ascending", "descending", "from both ends", "bit-reversed"])
  func insertsAndRemovesInOrder(_ order: String) throws {
    let pages = Self.pages(order)
    let space = AddressSpace()
    for (index, page) in pages.enumerated() {
      try Self.map(space, page)
      if index % 250 == 0 { space._checkInvariants() }
    }
    space._checkInvariants()
    #expect(space.count == Int(Self.count))
    Self.expectPages(space, pages.sorted())
    for (index, page) in pages.enumerated() {
      try space.systemCalls.munmap(Self.address(page), length: 4096)
      if index % 250 == 0 { space._checkInvariants() }
    }
    space._checkInvariants()
    #expect(space.count == 0)
    #expect(space.mappedBytes == 0)
    // It works as if it were new.
    try Self.map(space, 3)
    space._checkInvariants()
    #expect(space.count == 1)
  }

  /// Leaves are split and joined with neighbours on both sides, below a root and below its
  /// children, which get too many of them and too few; in the end all go, one by one.
  @Test(.large, arguments: 1...3 as ClosedRange<UInt64>)
  func splitsAndJoins(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let space = AddressSpace()
    var mapped: Set<UInt64> = []
    // Around one leaf's worth of VMAs, around one inner node's, and around both.
    for (most, least) in [(70, 25), (900, 500), (1000, 40), (800, 60)] {
      for isGrowing in [true, false] {
        var steps = 0
        while isGrowing ? mapped.count < most : mapped.count > least {
          let page = random.below(1100)
          // Mostly in one direction.
          let isMapped = mapped.contains(page)
          guard isMapped != isGrowing || random.oneIn(60) else { continue }
          if isMapped {
            try space.systemCalls.munmap(Self.address(page), length: 4096)
            mapped.remove(page)
          } else {
            try Self.map(space, page)
            mapped.insert(page)
          }
          steps += 1
          if steps % 6 == 0 { space._checkInvariants() }
        }
        Self.expectPages(space, mapped.sorted())
      }
    }
    for page in mapped.sorted().shuffled(using: &random) {
      try space.systemCalls.munmap(Self.address(page), length: 4096)
      space._checkInvariants()
    }
    #expect(space.count == 0)
  }

  /// A long range that ends at, before and behind VMAs, over one level and several.
  @Test(.large) func longRanges() throws {
    for (first, last) in [
      (0, 10_000), (1, 9999), (0, 1), (9998, 10_000), (10, 90), (100, 9000), (5000, 5064),
      (63, 64), (31, 2049),
    ] as [(UInt64, UInt64)] {
      let space = AddressSpace()
      for page in 0..<Self.count { try Self.map(space, page) }
      try space.systemCalls.munmap(Self.base + first * 4096, length: (last - first) * 4096)
      space._checkInvariants()
      Self.expectPages(space, (0..<Self.count).filter { !(first..<last).contains(2 * $0) })
    }
  }

  /// One mapping in the place of all.
  @Test func oneMappingReplacesAll() throws {
    let space = AddressSpace()
    for page in 0..<Self.count { try Self.map(space, page) }
    try space.systemCalls.mmap(
      at: Self.base, length: 2 * Self.count * 4096, protection: [.read, .write],
      flags: [.private, .fixed])
    space._checkInvariants()
    #expect(space.count == 1)
    #expect(space.mappedBytes == 2 * Self.count * 4096)
  }

  /// `init(importing:)` builds nodes from the bottom, with every count of VMAs.
  @Test func importedTreesOfAllSizes() {
    for count in Array(0...70) + [391, 392, 393, 500, 6000] {
      let space = AddressSpace(
        importing: (0..<UInt64(count)).map { page in
          ImportedMapping(
            start: Self.address(page), end: Self.address(page) + 4096, protection: .read,
            isShared: false, source: .anonymous)
        })
      space._checkInvariants()
      Self.expectPages(space, Array(0..<UInt64(count)))
    }
  }

  private static func pages(_ order: String) -> [UInt64] {
    switch order {
    case "ascending": Array(0..<count)
    case "descending": (0..<count).reversed()
    case "from both ends": (0..<count).map { $0 % 2 == 0 ? $0 / 2 : count - 1 - $0 / 2 }
    default:
      (0..<8192 as Range<UInt64>).map { number in
        var reversed: UInt64 = 0
        for bit in 0..<13 as Range<UInt64> { reversed |= (number >> bit & 1) << (12 - bit) }
        return reversed
      }.filter { $0 < count }
    }
  }

  private static func address(_ page: UInt64) -> UInt64 { base + 2 * page * 4096 }

  private static func map(_ space: AddressSpace, _ page: UInt64) throws {
    try space.systemCalls.mmap(
      at: address(page), length: 4096, protection: .read, flags: [.private, .fixed])
  }

  private static func expectPages(_ space: AddressSpace, _ pages: [UInt64]) {
    let starts = space.snapshotVMAs().vmas.map(\.start)
    #expect(starts == pages.map(address))
    // The search finds each, and none between.
    for page in pages {
      guard space.lookup(address(page) + 17)?.start == address(page),
        space.lookup(address(page) + 4096) == nil
      else {
        Issue.record("page \(page) is not found, or the one after it is")
        return
      }
    }
  }
}
