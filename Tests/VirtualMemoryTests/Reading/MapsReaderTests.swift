// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import VirtualMemory

@Suite struct MapsReaderTests {
  /// 600 VMAs, `lineBytes` of text each.
  private static func space(count: UInt64 = 600) throws -> AddressSpace {
    let space = AddressSpace()
    for page in 0..<count { try space.mapPages(2 * page..<2 * page + 1) }
    return space
  }

  private static let lineBytes = 45

  @Test(arguments: ReadingStrategy.allCases)
  func chunksAreWholeLines(_ strategy: ReadingStrategy) throws {
    let space = try Self.space()
    var reader = MapsReader(space, strategy: strategy)
    var text: [UInt8] = []
    var sizes: [Int] = []
    while true {
      let chunk = reader.read(count: 1 << 20)
      if chunk.isEmpty { break }
      #expect(chunk.last == UInt8(ascii: "\n"))
      #expect(chunk.count <= 4095)
      sizes.append(chunk.count)
      text += chunk
    }
    #expect(text == space.mapsText().array)
    let offset = reader.offset
    #expect(offset == text.count)
    // All but the last are as full as whole lines allow.
    let full = 4095 / Self.lineBytes * Self.lineBytes
    #expect(sizes.dropLast().allSatisfy { $0 == full })
    let end = reader.read(count: 100)
    #expect(end.isEmpty)
  }

  /// What is left of the last chunk comes first, then at most one more.
  @Test func leftOverComesFirst() throws {
    var reader = MapsReader(try Self.space())
    let first = reader.read(count: 30)
    #expect(first.count == 30)
    // A small read makes no more lines than it needs: one was begun.
    let full = 4095 / Self.lineBytes * Self.lineBytes
    let second = reader.read(count: 1 << 20)
    #expect(second.count == Self.lineBytes - 30 + full)
    let third = reader.read(count: 1 << 20)
    #expect(third.count == full)
  }

  @Test func readsOfAnySizeGiveThatMuch() throws {
    let space = try Self.space()
    let text = space.mapsText().array
    for size in [1, 7, 1000, 4095] {
      var reader = MapsReader(space)
      var read: [UInt8] = []
      while true {
        let bytes = reader.read(count: size)
        if bytes.isEmpty { break }
        if size < 4000 { #expect(bytes.count == min(size, text.count - read.count)) }
        read += bytes
      }
      #expect(read == text)
    }
  }

  /// A read that takes exactly what was left makes one line ahead: the next has it and a chunk.
  @Test func takingWhatIsLeftMakesOneLineAhead() throws {
    var reader = MapsReader(try Self.space())
    let first = reader.read(count: 10)
    let rest = reader.read(count: Self.lineBytes - 10)
    let next = reader.read(count: 1 << 20)
    #expect(first.count == 10 && rest.count == Self.lineBytes - 10)
    #expect(next.count == Self.lineBytes + 4095 / Self.lineBytes * Self.lineBytes)
  }

  @Test func emptySpaceAndEmptyReads() throws {
    var reader = MapsReader(AddressSpace())
    let nothing = reader.read(count: 100)
    #expect(nothing.isEmpty)
    var other = MapsReader(try Self.space(count: 2))
    let zero = other.read(count: 0)
    #expect(zero.isEmpty)
    let all = other.read(count: 1000)
    #expect(all.count == 2 * Self.lineBytes)
  }

  @Test func seeksToAnyOffset() throws {
    let space = try Self.space()
    let text = space.mapsText().array
    var reader = MapsReader(space)
    var random = SeededGenerator(seed: 9)
    for _ in 0..<100 {
      let target = Int(random.below(UInt64(text.count)))
      reader.seek(to: target)
      let offset = reader.offset
      #expect(offset == target)
      let bytes = reader.read(count: 50)
      #expect(bytes == Array(text[target..<min(target + 50, text.count)]))
    }
    reader.seek(to: text.count + 1000)
    let past = reader.read(count: 50)
    #expect(past.isEmpty)
    reader.seek(to: 0)
    let start = reader.read(count: 50)
    #expect(start == Array(text[..<50]))
  }

  @Test func negativeArgumentsTrap() async {
    let seeking = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var reader = MapsReader(AddressSpace())
      reader.seek(to: -1)
    }
    expectMessage(of: seeking, names: ["MapsReader.seek", "the offset must not be negative"])
    let reading = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var reader = MapsReader(AddressSpace())
      _ = reader.read(count: -1)
    }
    expectMessage(of: reading, names: ["MapsReader.read", "count must not be negative"])
  }

  /// A line longer than the buffer: a chunk of its own, from a larger buffer.
  @Test(arguments: ReadingStrategy.allCases)
  func linesLongerThanAChunk(_ strategy: ReadingStrategy) throws {
    let space = try Self.space(count: 20)
    for (page, length) in [(3, 4094), (7, 3000), (9, 4021), (10, 4022), (15, 1200)] {
      let path = "/" + String(repeating: page == 7 ? "\n" : "x", count: length)
      let file = MappedFile(path: path, device: DeviceNumber(major: 8, minor: 1), inode: 1)
      let first = 2 * UInt64(page)
      try space.mapPages(first..<first + 1, "r", backing: .file(file))
    }
    let text = space.mapsText(by: strategy).array
    #expect(text == referenceText(space.snapshotVMAs().vmas))
    var reader = MapsReader(space, strategy: strategy)
    var read: [UInt8] = []
    while true {
      let chunk = reader.read(count: 1 << 20)
      if chunk.isEmpty { break }
      #expect(chunk.last == UInt8(ascii: "\n"))
      read += chunk
    }
    #expect(read == text)
    var small = MapsReader(space, strategy: strategy)
    var bytes: [UInt8] = []
    while bytes.count < text.count { bytes += small.read(count: 777) }
    #expect(bytes == text)
  }

  @Test func chunksWithoutCopies() throws {
    let space = try Self.space()
    var reader = MapsReader(space)
    var text: [UInt8] = []
    while true {
      let chunk = reader.withNextChunk { span in
        var bytes: [UInt8] = []
        for index in span.indices { bytes.append(span[index]) }
        return bytes
      }
      guard let chunk else { break }
      text += chunk
    }
    #expect(text == space.mapsText().array)
  }

  // MARK: Changes

  @Test func tellsWhetherTheSpaceChanged() throws {
    let space = try Self.space()
    var reader = MapsReader(space)
    _ = reader.read(count: 1 << 20)
    let before = reader.hasChanged
    #expect(!before)
    // Behind the reader: it is a change all the same.
    try space.unmapPages(0..<1)
    _ = reader.read(count: 1 << 20)
    let after = reader.hasChanged
    #expect(after)
    let generations = (reader.firstGeneration, reader.lastGeneration)
    #expect(generations.1! == generations.0! + 2)
    reader.rewind()
    _ = reader.read(count: 1 << 20)
    let again = reader.hasChanged
    #expect(!again)
  }

  /// A reader goes on by the last end that it reported, whatever became of that VMA.
  @Test(arguments: ReadingStrategy.allCases)
  func goesOnByTheLastEnd(_ strategy: ReadingStrategy) throws {
    let space = try Self.space()
    var reader = MapsReader(space, strategy: strategy)
    let first = reader.read(count: 1 << 20)
    let last = MapsLine.parse(String(decoding: first, as: UTF8.self)).last!
    // The last VMA reported grows: what comes next starts before its old end.
    try space.systemCalls.mmap(
      at: last.start, length: 3 * 4096, protection: [.read, .write], flags: [.private, .fixed])
    let next = reader.read(count: 1 << 20)
    let line = MapsLine.parse(String(decoding: next, as: UTF8.self)).first!
    #expect(line.start < last.end && line.end > last.end)
  }

  /// Everything behind the position is gone: the end, not an error.
  @Test(arguments: ReadingStrategy.allCases)
  func endsWhenTheRestIsGone(_ strategy: ReadingStrategy) throws {
    let space = try Self.space()
    var reader = MapsReader(space, strategy: strategy)
    _ = reader.read(count: 1 << 20)
    try space.unmapPages(0..<2000)
    let rest = reader.read(count: 1 << 20)
    #expect(rest.isEmpty)
  }
}
