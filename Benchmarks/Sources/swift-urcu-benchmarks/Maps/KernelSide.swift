// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import SystemPackage
import VirtualMemory

/// This process's own mappings, by the kernel's calls.
final class KernelSide: PlacingSide, @unchecked Sendable {
  // Sendable: queries have no state, and whole texts are for one thread at a time.
  let name = "kernel"
  private let region: MappedRegion
  private let maps: KernelMaps
  private let chunks: KernelChunks

  init(_ region: MappedRegion) throws {
    self.region = region
    maps = try KernelMaps()
    chunks = try KernelChunks(byteCount: 64 << 10)
  }

  var answersQueries: Bool { maps.answersQueries }

  @inline(__always)
  func change(_ slot: Int, maps: Bool) {
    let pointer = UnsafeMutableRawPointer(bitPattern: UInt(MappedWorld.address(of: slot)))
    if maps {
      let protection = MappedWorld.isWritable(slot) ? PROT_READ | PROT_WRITE : PROT_READ
      // MAP_FIXED_NOREPLACE, so that nothing of this process can be overwritten.
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | 0x100000
      guard mmap(pointer, 4096, protection, flags, -1, 0) == pointer else {
        fail("mmap failed: \(Errno(rawValue: errno))", code: 71)
      }
    } else if munmap(pointer, 4096) != 0 {
      fail("munmap failed: \(Errno(rawValue: errno))", code: 71)
    }
  }

  func mapAnywhere() -> UInt64 {
    let result = mmap(nil, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let result, result != MAP_FAILED else {
      fail("mmap failed: \(Errno(rawValue: errno))", code: 71)
    }
    return UInt64(UInt(bitPattern: result))
  }

  func unmap(_ address: UInt64) {
    munmap(UnsafeMutableRawPointer(bitPattern: UInt(address)), 4096)
  }

  func protect(_ slot: Int, writable: Bool) {
    let pointer = UnsafeMutableRawPointer(bitPattern: UInt(MappedWorld.address(of: slot)))
    if mprotect(pointer, 4096, writable ? PROT_READ | PROT_WRITE : PROT_READ) != 0 {
      fail("mprotect failed: \(Errno(rawValue: errno))", code: 71)
    }
  }

  @inline(never)
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    var sum = 0
    var query = ProcMapQuery()
    for index in 0..<count {
      query.queryAddress = addresses[index]
      let found: Void? = try? maps.query(&query)
      sum &+= found == nil ? 1 : Int(query.vmaStart)
    }
    return sum
  }

  func dumpWhole() throws -> Int { try chunks.readAll() }

  func makeChunks() throws -> any MapChunks { try KernelChunks(byteCount: 4096) }

  func text() throws -> [UInt8] {
    guard let text = try maps.stableText(maximumAttempts: 100) else {
      fail("the maps of this process never stand still", code: 75)
    }
    return text
  }

  /// With a descriptor of its own: threads that share one count each other's uses of it.
  func copy() throws -> KernelSide { try KernelSide(region) }

  func forThread() throws -> any MapSide { try copy() }
}

/// The slots of a ``MappedWorld`` in this process: unmaps them all when the last side has gone.
final class MappedRegion: Sendable {
  private let slotCount: Int

  init(slotCount: Int) { self.slotCount = slotCount }

  deinit {
    munmap(
      UnsafeMutableRawPointer(bitPattern: UInt(MappedWorld.regionStart)),
      slotCount * Int(MappedWorld.slotBytes))
  }
}

/// `read` on `/proc/self/maps`.
private final class KernelChunks: MapChunks {
  private let maps: KernelMaps
  private let buffer: UnsafeMutableRawBufferPointer

  init(byteCount: Int) throws {
    maps = try KernelMaps()
    buffer = .allocate(byteCount: byteCount, alignment: 4096)
  }

  deinit { buffer.deallocate() }

  func next() throws -> Int {
    let count = try maps.read(into: buffer)
    if count == 0 { try maps.rewind() }
    return count
  }
}

extension KernelMaps {
  /// Whether the kernel has `PROCMAP_QUERY`: since Linux 6.11.
  var answersQueries: Bool {
    var query = ProcMapQuery()
    query.queryFlags = QueryFlags.coveringOrNext.rawValue
    return (try? self.query(&query)) != nil
  }
}
