// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// An address space, read by one of the strategies.
final class StoreSide: PlacingSide, @unchecked Sendable {
  // Sendable: the buffer is for one thread at a time.
  let name: String
  let space: AddressSpace
  private let strategy: ReadingStrategy
  private var buffer = MapsBuffer()

  init(_ name: String, _ space: AddressSpace, _ strategy: ReadingStrategy) {
    (self.name, self.space, self.strategy) = (name, space, strategy)
  }

  /// The same address space, read otherwise.
  func reading(_ name: String, by strategy: ReadingStrategy) -> StoreSide {
    StoreSide(name, space, strategy)
  }

  @inline(__always)
  static func protection(of slot: Int) -> Protection {
    MappedWorld.isWritable(slot) ? [.read, .write] : .read
  }

  @inline(__always)
  func change(_ slot: Int, maps: Bool) throws {
    if maps {
      try space.map(
        length: AddressSpace.pageSize, at: .fixed(MappedWorld.address(of: slot)),
        protection: Self.protection(of: slot))
    } else {
      try space.unmap(Self.range(of: slot))
    }
  }

  func mapAnywhere() throws -> UInt64 {
    try space.map(length: AddressSpace.pageSize, protection: .read).lowerBound
  }

  func unmap(_ address: UInt64) throws {
    try space.unmap(address..<address + AddressSpace.pageSize)
  }

  func protect(_ slot: Int, writable: Bool) throws {
    try space.protect(Self.range(of: slot), writable ? [.read, .write] : .read)
  }

  private static func range(of slot: Int) -> Range<UInt64> {
    let start = MappedWorld.address(of: slot)
    return start..<start + AddressSpace.pageSize
  }

  @inline(never)
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count {
      let found = try? space.query(addresses[index], by: strategy)
      sum &+= found.map { Int($0.start) } ?? 1
    }
    return sum
  }

  func dumpWhole() -> Int {
    space.dump(into: &buffer, by: strategy)
    return buffer.count
  }

  func makeChunks() -> any MapChunks { StoreChunks(space, strategy) }

  func text() -> [UInt8] { space.mapsText(by: strategy).array }
}

private final class StoreChunks: MapChunks {
  private var reader: MapsReader

  init(_ space: AddressSpace, _ strategy: ReadingStrategy) {
    reader = MapsReader(space, strategy: strategy)
  }

  func next() -> Int {
    if let count = reader.withNextChunk({ $0.count }) { return count }
    reader.rewind()
    return 0
  }
}
