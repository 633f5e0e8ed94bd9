// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory

struct MemoryTests {
  @Test func growsWithTheVMAsAndIsKept() throws {
    let space = AddressSpace()
    let empty = space.memoryBytes
    #expect(empty > 0)
    let count = 10_000
    let pages = UInt64(2 * count)
    let start = try space.map(length: pages * pageBytes, protection: .read, flags: .private)
    for page in stride(from: 0, to: pages, by: 2) {
      try space.protect(start + page * pageBytes, length: pageBytes, [.read, .write])
    }
    #expect(space.count == 2 * count)
    let full = space.memoryBytes
    // A VMA takes 40 bytes in a leaf that is full.
    #expect(full - empty > 2 * count * 40)
    try space.unmap(start, length: pages * pageBytes)
    #expect(space.count == 0)
    #expect(space.memoryBytes >= full)
  }
}
