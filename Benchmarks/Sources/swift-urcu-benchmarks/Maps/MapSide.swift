// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// What has the VMAs of a ``MappedWorld``: this process itself, an address space, or a baseline.
///
/// Threads: any number.
protocol MapSide: AnyObject, Sendable {
  /// Its name in the table.
  var name: String { get }

  /// Maps or unmaps the first page of a slot.
  func change(_ slot: Int, maps: Bool) throws

  /// The sum of the starts that `count` queries find; what isn't found counts 1.
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int

  /// Where the region's VMAs start.
  func regionStarts() throws -> [UInt64]

  /// The same side for another thread, if threads would share what they needn't.
  func forThread() throws -> any MapSide
}

extension MapSide {
  func forThread() -> any MapSide { self }
}

/// One that makes the text of its maps, and changes them in place.
protocol TextSide: MapSide {
  /// Allows writing to the page of a mapped slot, or reading only.
  func protect(_ slot: Int, writable: Bool) throws

  /// Makes the whole text in a buffer that is used again, for one thread at a time. Returns its
  /// size.
  func dumpWhole() throws -> Int

  /// What reads the text by chunks, for one thread.
  func makeChunks() throws -> any MapChunks

  /// The text.
  func text() throws -> [UInt8]
}

/// One that finds room for a mapping by itself.
protocol PlacingSide: TextSide {
  /// Maps a page where there is room.
  func mapAnywhere() throws -> UInt64

  /// Unmaps a page.
  func unmap(_ address: UInt64) throws
}

extension TextSide {
  func regionStarts() throws -> [UInt64] {
    // Nothing else lies so low, but for a program that isn't position-independent.
    try ProcMapsParser.parse(text()).map(\.start).filter {
      $0 >= MappedWorld.regionStart && $0 < MappedWorld.maximumRegionEnd
    }
  }
}

/// The text, again and again, by chunks.
protocol MapChunks: AnyObject {
  /// The size of the next chunk; 0 once at the end, and then it begins again.
  func next() throws -> Int
}

extension MapChunks {
  /// The size of one text.
  func readAll() throws -> Int {
    var bytes = 0
    while true {
      let chunk = try next()
      if chunk == 0 { return bytes }
      bytes += chunk
    }
  }
}

/// Random slots, each mapped if it isn't and unmapped if it is: about half are at any time.
struct SlotWalk {
  private(set) var mapped: [Bool]
  private var random = Random(seed: 4)

  init(_ world: MappedWorld) { mapped = world.mapped }

  mutating func next() -> (slot: Int, maps: Bool) {
    let slot = Int(random.next() % UInt64(mapped.count))
    mapped[slot].toggle()
    return (slot, mapped[slot])
  }

  /// Checks that a side which went all of the walk is where it should be.
  func check(_ side: any MapSide) throws {
    let expected = mapped.indices.filter { mapped[$0] }.map(MappedWorld.address(of:))
    guard try side.regionStarts() == expected else {
      fail("\(side.name): the updates led to other VMAs than they should", code: 70)
    }
  }
}

/// SplitMix64: the same numbers in every run, so that all sides can do the same.
struct Random {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}

enum AddressKind: String, CaseIterable {
  case hits
  case gaps
}

/// Random addresses in the region, not aligned.
final class RandomAddresses: @unchecked Sendable {
  // Sendable: nothing is written after the initialisation.

  /// A power of two: so many that no branch predictor learns them, and that all of a large map is
  /// asked for.
  let count: Int
  let addresses: UnsafeMutablePointer<UInt64>

  init(_ world: MappedWorld, _ kind: AddressKind) {
    var random = Random(seed: kind == .hits ? 2 : 3)
    var count = 1 << 14
    while count < world.slotCount { count *= 2 }
    self.count = count
    addresses = .allocate(capacity: count)
    let slots = world.mapped.indices.filter { world.mapped[$0] == (kind == .hits) }
    for index in 0..<count {
      let slot = slots[Int(random.next() % UInt64(slots.count))]
      addresses[index] = MappedWorld.address(of: slot) + random.next() % AddressSpace.pageSize
    }
  }

  deinit { addresses.deallocate() }

  @inline(__always)
  subscript(index: Int) -> UInt64 { addresses[index & (count - 1)] }
}
