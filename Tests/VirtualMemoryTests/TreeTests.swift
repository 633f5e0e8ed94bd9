// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

@testable import VirtualMemory

@Suite struct TreeTests {
  @Test func oneMapping() throws {
    let space = AddressSpace()
    let start = try space.map(length: 3 * 4096, protection: [.read, .write], flags: .private)
    space._checkInvariants()
    #expect(space.count == 1)
    print(space.maps().string)
    try space.protect(start + 4096, length: 4096, .read)
    space._checkInvariants()
    print(space.maps().string)
    #expect(space.count == 3)
    for strategy in ReadingStrategy.allCases {
      #expect(space.maps(strategy).array == space.maps().array)
      #expect(try space.query(start + 5000, [], strategy).start == start + 4096)
    }
  }
  @Test func many() throws {
    let space = AddressSpace()
    var generator = SystemRandomNumberGenerator()
    let base: UInt64 = 0x10_0000_0000
    for i in 0..<20000 {
      let page = UInt64.random(in: 0..<8000, using: &generator)
      if Bool.random(using: &generator) {
        try space.map(
          at: base + page * 4096, length: 4096,
          protection: Bool.random() ? [.read] : [.read, .write], flags: [.private, .fixed])
      } else {
        try space.unmap(base + page * 4096, length: 4096)
      }
      if i % 100 == 0 { space._checkInvariants() }
    }
    print(space.count)
    for _ in 0..<200 {
      let page = UInt64.random(in: 0..<8000, using: &generator)
      let n = UInt64.random(in: 1..<2000, using: &generator)
      try space.unmap(base + page * 4096, length: n * 4096)
      space._checkInvariants()
    }
    print(space.count)
  }
}
