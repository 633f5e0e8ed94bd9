// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

@testable import VirtualMemory

@Suite struct MapsBufferTests {
  private static func space(_ count: UInt64) throws -> AddressSpace {
    let space = AddressSpace()
    for page in 0..<count { try space.mapPages(2 * page..<2 * page + 1) }
    return space
  }

  @Test(arguments: ReadingStrategy.allCases)
  func growsUntilTheTextFits(_ strategy: ReadingStrategy) throws {
    let space = try Self.space(5000)
    var buffer = MapsBuffer()
    let initial = buffer.capacity
    space.dump(into: &buffer, by: strategy)
    let expected = referenceText(space.snapshotVMAs().vmas)
    #expect(buffer.array == expected)
    #expect(buffer.count == expected.count)
    #expect(buffer.generation == space.generation)
    let grown = buffer.capacity
    #expect(grown > initial && grown >= expected.count && grown < 4 * expected.count)

    // It stays as large, and is filled anew.
    try space.unmapPages(2..<10_000)
    space.dump(into: &buffer, by: strategy)
    let one = referenceText(space.snapshotVMAs().vmas)
    #expect(buffer.array == one)
    #expect(buffer.capacity == grown)
    try space.unmapPages(0..<1)
    space.dump(into: &buffer, by: strategy)
    #expect(buffer.count == 0)
    let text = buffer.string
    #expect(text == "")
  }

  /// One line that is longer than the initial buffer.
  @Test(arguments: ReadingStrategy.allCases)
  func growsForOneLine(_ strategy: ReadingStrategy) throws {
    let path = "/" + String(repeating: "\n", count: 4094)
    let space = AddressSpace()
    try space.mapPages(
      0..<1, "r",
      backing: .file(
        MappedFile(path: path, device: DeviceNumber(major: 8, minor: 1), inode: 1)))
    let buffer = space.mapsText(by: strategy)
    let expected = "1000000000-1000001000 r--p 00000000 08:01 1 "
    #expect(buffer.string.hasPrefix(expected))
    #expect(buffer.count == 73 + 1 + 4 * 4094 + 1)
  }

  @Test func bytesAreTheText() throws {
    let space = try Self.space(3)
    let buffer = space.mapsText()
    let bytes = buffer.bytes
    var copy: [UInt8] = []
    for index in bytes.indices { copy.append(bytes[index]) }
    #expect(copy == buffer.array)
    #expect(String(decoding: copy, as: UTF8.self) == buffer.string)
  }

  /// The generation is the version's that the text shows.
  @Test func generationFollowsChanges() throws {
    let space = AddressSpace()
    #expect(space.mapsText().generation == 0)
    try space.mapPages(0..<1)
    let generation = space.mapsText().generation
    #expect(generation == space.generation && generation == 2)
    try space.mapPages(1..<2)
    #expect(space.mapsText().generation == 4)
  }
}
