// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import VirtualMemory

/// How many bytes the VMAs take, and that there may be two million of them.
@Suite struct MemoryTests {
  /// Orders in which the same VMAs are mapped.
  enum Order: CaseIterable {
    case imported, upwards, downwards, random
  }

  /// As many as a debug build makes in a few seconds; all of them in an optimised one.
  static var manyCount: Int {
    #if DEBUG
      200_000
    #else
      2_000_000
    #endif
  }

  static func space(of count: Int, _ order: Order) throws -> AddressSpace {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = count + 10
    let starts = (0..<UInt64(count)).map { (2 * $0 + 16) * AddressSpace.pageSize }
    if order == .imported {
      return AddressSpace(
        importing: starts.map {
          ImportedMapping(
            start: $0, end: $0 + AddressSpace.pageSize, protection: .read, isShared: false,
            source: .anonymous)
        }, configuration: configuration)
    }
    let space = AddressSpace(configuration: configuration)
    var random = SeededGenerator(seed: 5)
    var ordered = starts
    if order == .downwards { ordered.reverse() }
    if order == .random { ordered.shuffle(using: &random) }
    for start in ordered {
      try space.systemCalls.mmap(
        at: start, length: AddressSpace.pageSize, protection: .read,
        flags: [.private, .fixedNoReplace])
    }
    return space
  }

  /// Build, dump, query and change two million VMAs, within 75 bytes for each but for what a pool
  /// keeps ready.
  @Test(.large, arguments: Order.allCases)
  func manyVMAs(_ order: Order) throws {
    let count = Self.manyCount
    let space = try Self.space(of: count, order)
    #expect(space.count == count)
    let bytes = space._poolBytes
    let bytesPerVMA = Double(bytes.live) / Double(count)
    print("\(count) VMAs, \(order): \(bytesPerVMA) bytes each; \(bytes)")
    #expect(bytesPerVMA < 75)
    // What changes leave behind until a grace period has passed is bounded, whatever the count: two
    // million VMAs take less than 100 bytes each with it.
    #expect(space.memoryBytes < 75 * count + (40 << 20))

    var buffer = MapsBuffer()
    space.dump(into: &buffer)
    #expect(buffer.array.count { $0 == UInt8(ascii: "\n") } == count)
    for index in stride(from: 0, to: UInt64(count), by: 997) {
      let start = (2 * index + 16) * AddressSpace.pageSize
      #expect(space.lookup(start + 5)?.start == start)
      #expect(space.lookup(start + AddressSpace.pageSize) == nil)
    }

    let middle = (UInt64(count) + 16) * AddressSpace.pageSize
    try space.systemCalls.munmap(middle, length: UInt64(count) / 2 * AddressSpace.pageSize)
    #expect(space.count == count - count / 4)
    try space.systemCalls.mmap(
      at: middle, length: AddressSpace.pageSize, protection: [.read, .write],
      flags: [.private, .fixed])
    try space.systemCalls.mprotect(middle, length: AddressSpace.pageSize, .read)
    space._checkInvariants()
    let child = space.fork()
    #expect(child.count == space.count)
    space.replaceAll(with: [])
    #expect(space.count == 0)
    #expect(child.lookup(middle)?.start == middle)
  }

  @Test func growsWithTheVMAsAndIsKept() throws {
    let space = AddressSpace()
    let empty = space.memoryBytes
    #expect(empty > 0)
    let count = 10_000
    let pages = UInt64(2 * count)
    let start = try space.systemCalls.mmap(
      length: pages * AddressSpace.pageSize, protection: .read, flags: .private)
    for page in stride(from: 0, to: pages, by: 2) {
      try space.systemCalls.mprotect(
        start + page * AddressSpace.pageSize, length: AddressSpace.pageSize, [.read, .write])
    }
    #expect(space.count == 2 * count)
    let full = space.memoryBytes
    // A VMA takes 40 bytes in a leaf that is full.
    #expect(full - empty > 2 * count * 40)
    try space.systemCalls.munmap(start, length: pages * AddressSpace.pageSize)
    #expect(space.count == 0)
    #expect(space.memoryBytes >= full)
  }
}
