// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

@testable import VirtualMemory

/// A new program takes the place of everything.
@Suite struct ExecTests {
  @Test func replacesEverythingAtOnce() throws {
    let space = AddressSpace()
    var limits = space.limits
    limits.stack = 1 << 20
    space.limits = limits
    let file = MappedFile(path: "/old", device: DeviceNumber(major: 8, minor: 1), inode: 1)
    for index in 0..<500 as Range<UInt64> {
      try space.systemCalls.mmap(
        at: (2 * index + 1) * AddressSpace.pageSize, length: AddressSpace.pageSize,
        protection: .read,
        flags: [.private, .fixed], backing: .file(file, offset: index * 2 * AddressSpace.pageSize))
    }
    let before = space.generation
    var layout = ImportedLayout()
    layout.breakRange = 0x9000..<0xb000
    layout.stackStart = 0x7ffe_0000
    space.replaceAll(
      with: [
        ImportedMapping(
          start: 0x9000, end: 0xb000, protection: [.read, .write], isShared: false,
          source: .anonymous),
        ImportedMapping(
          start: 0x7ffd_0000, end: 0x7ffe_1000, protection: [.read, .write], isShared: false,
          growsDown: true, source: .anonymous),
      ], layout: layout)
    #expect(space.generation == before + 2)
    #expect(space.count == 2)
    #expect(space.mappedBytes == 0x13000)
    let lines = space.mapsText().string.split(separator: "\n")
    #expect(lines.map { $0.suffix(7) } == [" [heap]", "[stack]"])
    #expect(space.programBreak == 0xb000)
    #expect(space.limits.stack == 1 << 20)
    space._checkInvariants()
    #expect(space.setBreak(0xc000) == 0xc000)
    #expect(space.mappedBytes == 0x14000)
  }

  @Test func replacesByNothing() throws {
    let space = AddressSpace()
    try space.systemCalls.mmap(
      length: 5 * AddressSpace.pageSize, protection: .read, flags: .private)
    space.replaceAll(with: [])
    #expect(space.count == 0)
    #expect(space.mapsText().count == 0)
    space._checkInvariants()
  }
}
