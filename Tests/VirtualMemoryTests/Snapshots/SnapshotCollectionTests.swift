// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Testing

@testable import VirtualMemory

/// A snapshot is a collection of VMAs, and these can be encoded.
@Suite struct SnapshotCollectionTests {
  /// More than one leaf.
  private func makeSpace() throws -> AddressSpace {
    let space = AddressSpace()
    for page in 0..<200 as Range<UInt64> {
      try space.mapPages(page * 2..<page * 2 + 1 + page % 2, page % 3 == 0 ? "r" : "rw")
    }
    return space
  }

  @Test func indicesReachWhatTheIteratorReaches() throws {
    let space = try makeSpace()
    let snapshot = space.snapshot()
    let all = Array(snapshot)
    #expect(all.count == snapshot.count && all.count > 100)
    #expect(snapshot.indices.map { snapshot[$0] } == all)
    #expect(snapshot.first == all.first && snapshot.isEmpty == false)
    #expect(Array(snapshot.dropFirst(150).prefix(3)) == Array(all[150..<153]))
    #expect(snapshot.firstIndex(of: all[70]).map { snapshot[$0] } == all[70])
    let empty = AddressSpace().snapshot()
    #expect(empty.isEmpty && empty.startIndex == empty.endIndex && Array(empty).isEmpty)
  }

  @Test func indexCovering() throws {
    let space = try makeSpace()
    let snapshot = space.snapshot()
    for vma in snapshot {
      #expect(snapshot.index(covering: vma.start).map { snapshot[$0] } == vma)
      #expect(snapshot.index(covering: vma.end - 1).map { snapshot[$0] } == vma)
    }
    #expect(snapshot.index(covering: 0) == nil)
    #expect(snapshot.index(covering: .max) == nil)
  }

  /// Positions are of the snapshot's version, whatever is changed meanwhile.
  @Test func positionsStay() throws {
    let space = try makeSpace()
    let snapshot = space.snapshot()
    let (all, index) = (Array(snapshot), snapshot.startIndex)
    try space.unmapPages(0..<400)
    #expect(space.count == 0)
    #expect(snapshot[index] == all[0] && snapshot[snapshot.index(after: index)] == all[1])
  }

  @Test func foreignPositionsTrap() async {
    await #expect(processExitsWith: .failure) {
      let space = AddressSpace()
      try space.mapPages(0..<1)
      let index = space.snapshot().startIndex
      try space.unmapPages(0..<1)
      _ = space.snapshot()[index]
    }
  }

  @Test(arguments: ["", "/lib/ü", "[heap]", "\u{0}"])
  func encodedVMAsAreDecoded(_ name: String) throws {
    let vma = VMA(
      start: 0x1000, end: 0x3000, protection: [.read, .execute], isShared: true, offset: 0x5000,
      device: DeviceNumber(major: 8, minor: 17), inode: 1 << 40, name: Array(name.utf8))
    let data = try JSONEncoder().encode(vma)
    #expect(try JSONDecoder().decode(VMA.self, from: data) == vma)
  }

  /// A path need not be UTF-8.
  @Test func namesThatAreNoText() throws {
    let vma = VMA(start: 0, end: 4096, protection: [], name: [0x2f, 0xff, 0xfe])
    let data = try JSONEncoder().encode(vma)
    #expect(String(decoding: data, as: UTF8.self).contains("\"nameBytes\":[47,255,254]"))
    #expect(try JSONDecoder().decode(VMA.self, from: data) == vma)
  }

  @Test func rangesThatAreNoneAreRefused() throws {
    let vma = VMA(start: 0x2000, end: 0x3000, protection: .read)
    let text = String(decoding: try JSONEncoder().encode(vma), as: UTF8.self)
      .replacing("12288", with: "8192")
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(VMA.self, from: Data(text.utf8))
    }
    #expect("\(error as Any)".contains("the end 8192 is not above the start 8192"))
  }

  @Test func changesAreCodable() throws {
    let space = try makeSpace()
    let before = space.snapshot()
    try space.protectPages(2..<4, "x")
    let changes = Array(AddressSpace.difference(from: before, to: space.snapshot()))
    let data = try JSONEncoder().encode(changes)
    #expect(!changes.isEmpty)
    #expect(try JSONDecoder().decode([MapsDifference.Change].self, from: data) == changes)
  }
}
