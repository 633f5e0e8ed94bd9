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
        at: MappedWorld.address(of: slot), length: MappedWorld.pageBytes,
        protection: Self.protection(of: slot), flags: [.private, .fixed])
    } else {
      try space.unmap(MappedWorld.address(of: slot), length: MappedWorld.pageBytes)
    }
  }

  func mapAnywhere() throws -> UInt64 {
    try space.map(
      length: MappedWorld.pageBytes, protection: .read, flags: [.private, .anonymous])
  }

  func unmap(_ address: UInt64) throws {
    try space.unmap(address, length: MappedWorld.pageBytes)
  }

  func protect(_ slot: Int, writable: Bool) throws {
    try space.protect(
      MappedWorld.address(of: slot), length: MappedWorld.pageBytes,
      writable ? [.read, .write] : .read)
  }

  @inline(never)
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count {
      let found = try? space.query(addresses[index], [], strategy)
      sum &+= found.map { Int($0.start) } ?? 1
    }
    return sum
  }

  func dumpWhole() -> Int {
    space.dump(into: &buffer, strategy)
    return buffer.count
  }

  func makeChunks() -> any MapChunks { StoreChunks(space, strategy) }

  func text() -> [UInt8] { space.maps(strategy).array }
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
