// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory

@testable import maps_watch

/// Sums and growth.
@Suite struct TallyTests {
  @Test func sums() {
    let tally = Tally([
      .pages(1, 2, [.read, .write], name: "[heap]"), .pages(8, 3, [.read, .write]),
      .pages(16, 1, [.read], inode: 7, name: "/lib/a.so"),
    ])
    #expect(tally.total == Tally.Count(mappings: 3, bytes: 6 << 12))
    #expect(
      tally.byKind.mapValues(\.bytes) == [
        .heap: 2 << 12, .anonymous: 3 << 12, .file: 1 << 12,
      ])
  }

  @Test func growth() {
    let start = Tally([
      .pages(1, 2, name: "[heap]"), .pages(8, 9), .pages(20, 1, inode: 7, name: "/lib/a.so"),
      .pages(30, 4, inode: 8, name: "/lib/same.so"),
    ])
    let end = Tally([
      .pages(1, 5, name: "[heap]"), .pages(8, 4), .pages(13, 1),
      .pages(21, 2, inode: 9, name: "/lib/b.so"),
      .pages(30, 4, inode: 8, name: "/lib/same.so"),
    ])
    let growth = end.growth(since: start)
    func expected(
      _ name: String, file: Bool, _ pages: UInt64, _ added: Int64, _ count: Int, _ addedCount: Int
    ) -> Growth {
      Growth(
        owner: Owner(name: Array(name.utf8), isFile: file), bytes: pages << 12,
        addedBytes: added * 4096, mappingCount: count, addedMappings: addedCount)
    }
    #expect(
      growth == [
        expected("", file: false, 5, -4, 2, 1),
        expected("[heap]", file: false, 5, 3, 1, 0),
        expected("/lib/b.so", file: true, 2, 2, 1, 1),
        expected("/lib/a.so", file: true, 0, -1, 0, -1),
      ])
    #expect(end.growth(since: end).isEmpty)
    #expect(start.growth(since: end).map(\.addedBytes) == growth.map { -$0.addedBytes })
  }

  /// Of files that have one path, as all shared anonymous memory has, one is enough to read about.
  @Test func filesOfOnePathAreOneOwner() {
    let start = Tally([.pages(1, 1, shared: true, inode: 7, name: "/dev/zero (deleted)")])
    let end = Tally([.pages(1, 1, shared: true, inode: 8, name: "/dev/zero (deleted)")])
    #expect(end.growth(since: start).isEmpty)
  }

  /// A tally that follows the changes is that of the map they lead to.
  @Test(arguments: 0..<20)
  func followsChanges(seed: UInt64) throws {
    var maps = RandomMaps(seed: seed)
    let space = AddressSpace()
    let range = 0x1000_0000..<UInt64(0x2000_0000)
    var last = space.snapshot()
    var tally = Tally(last)
    let start = tally
    for _ in 0..<20 {
      for _ in 0..<Int.random(in: 0...5, using: &maps.generator) {
        let page = UInt64.random(in: 0..<200, using: &maps.generator)
        let address = range.lowerBound + page << 12
        let end = address + UInt64.random(in: 1...20, using: &maps.generator) << 12
        if Bool.random(using: &maps.generator) {
          try space.map(length: end - address, at: .fixed(address))
        } else {
          try space.unmap(address..<end)
        }
      }
      let next = space.snapshot()
      for change in AddressSpace.difference(from: last, to: next) { tally.apply(change) }
      last = next
      #expect(tally == Tally(next))
      #expect(tally.total.bytes == next.mappedBytes)
    }
    let grown = tally.growth(since: start).reduce(0) { $0 + $1.addedBytes }
    #expect(grown == Int64(tally.total.bytes) - Int64(start.total.bytes))
  }
}
