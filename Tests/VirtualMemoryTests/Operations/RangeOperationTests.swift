// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// The operations that take ranges do what the system calls do that they stand for.
@Suite struct RangeOperationTests {
  private let base = AddressSpace.testBase

  private func pages(_ range: Range<UInt64>) -> Range<UInt64> {
    base + range.lowerBound * 4096..<base + range.upperBound * 4096
  }

  @Test func mappedRangeIsReturned() throws {
    let space = AddressSpace()
    let range = try space.map(length: 4097)
    #expect(range.count == 8192)
    #expect(range.upperBound == space.configuration.mmapBase)
    let found = try #require(space.lookup(range.lowerBound))
    #expect(found.range == range && found.flags == [.readable, .writable])
  }

  @Test func placements() throws {
    let space = AddressSpace()
    #expect(try space.map(length: 8192, at: .fixed(base)) == pages(0..<2))
    #expect(try space.map(length: 4096, at: .hint(base + 8192 + 5)) == pages(2..<3))
    #expect(try space.map(length: 4096, at: .hint(base)).upperBound == space.configuration.mmapBase)
    #expect(throws: Errno.fileExists) {
      try space.map(length: 4096, at: .fixedNoReplace(base + 4096))
    }
    #expect(try space.map(length: 4096, at: .fixedNoReplace(base + 5 * 4096)) == pages(5..<6))
    #expect(try space.map(length: 4096, at: .fixed(base), protection: .read) == pages(0..<1))
    #expect(space.lookup(base)?.flags == .readable)
  }

  @Test(arguments: [
    (Sharing.private, "rw-p"), (.shared, "rw-s"), (.droppable, "rw-p"),
  ])
  func sharing(_ sharing: Sharing, _ permissions: String) throws {
    let space = AddressSpace()
    try space.map(length: 4096, at: .fixed(base), sharing: sharing)
    #expect(space.mapsText().string.contains(" \(permissions) "))
  }

  @Test func validatedSharingRefusesUnknownFlags() throws {
    let space = AddressSpace()
    let file = MappedFile(path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 7)
    let unknown = MapFlags(rawValue: 0x400_0000 << 6)
    try space.map(length: 4096, sharing: .shared, flags: unknown, backing: .file(file))
    #expect(throws: Errno.notSupportedOnSocket) {
      try space.map(length: 4096, sharing: .sharedValidate, flags: unknown, backing: .file(file))
    }
  }

  /// Bits that say where a mapping goes, and who sees it, say nothing among the flags.
  @Test func flagsDontPlaceOrShare() throws {
    let space = AddressSpace()
    try space.map(length: 4096, at: .fixed(base), protection: .read)
    let all = MapFlags(rawValue: 0x3f | 0x10_0000)
    let range = try space.map(length: 4096, at: .hint(base), flags: all)
    #expect(range.lowerBound != base)
    #expect(space.lookup(base)?.flags == .readable)
    #expect(space.mapsText().string.contains(" rw-p "))
  }

  @Test func protectAdviseLockAndName() throws {
    let space = AddressSpace()
    try space.map(length: 4 * 4096, at: .fixed(base))
    try space.protect(pages(1..<2), .read)
    #expect(space.pages == ["0-1 rw-p", "1-2 r--p", "2-4 rw-p"])
    try space.setName("höhle".filter(\.isASCII), of: pages(2..<3))
    #expect(Array(space.snapshot()).map(\.nameString) == ["", "", "[anon:hhle]", ""])
    #expect(throws: Errno.invalidArgument) { try space.setName("höhle", of: pages(2..<3)) }
    try space.setName(nil, of: pages(2..<3))
    #expect(space.pages == ["0-1 rw-p", "1-2 r--p", "2-4 rw-p"])
    try space.lock(pages(3..<4))
    #expect(space.pages == ["0-1 rw-p", "1-2 r--p", "2-3 rw-p", "3-4 rw-p"])
    #expect(throws: Errno.invalidArgument) { try space.advise(pages(3..<4), .dontNeed) }
    try space.unlock(pages(3..<4))
    try space.advise(pages(3..<4), .dontNeed)
    #expect(space.pages == ["0-1 rw-p", "1-2 r--p", "2-4 rw-p"])
    try space.unmap(pages(0..<2))
    #expect(space.pages == ["2-4 rw-p"])
    #expect(throws: Errno.invalidArgument) { try space.unmap(base + 8192..<base + 8192) }
  }

  @Test func resize() throws {
    let space = AddressSpace()
    try space.map(length: 4 * 4096, at: .fixed(base))
    #expect(try space.resize(pages(0..<4), to: 4096) == pages(0..<1))
    #expect(try space.resize(pages(0..<1), to: 2 * 4096 - 1) == pages(0..<2))
    try space.map(length: 4096, at: .fixed(base + 2 * 4096), protection: .read)
    #expect(throws: Errno.noMemory) {
      try space.resize(pages(0..<2), to: 3 * 4096, mayMove: false)
    }
    let moved = try space.resize(pages(0..<2), to: 3 * 4096)
    #expect(moved.count == 3 * 4096 && moved.lowerBound != base)
    #expect(space.lookup(base) == nil && space.lookup(moved.lowerBound)?.range == moved)
  }

  @Test func move() throws {
    let space = AddressSpace()
    try space.map(length: 2 * 4096, at: .fixed(base))
    #expect(try space.move(pages(0..<2), to: base + 8 * 4096) == pages(8..<10))
    #expect(space.pages == ["8-10 rw-p"])
    #expect(
      try space.move(pages(8..<10), to: base, newLength: 4096 * 3 - 9) == pages(0..<3))
    #expect(space.pages == ["0-3 rw-p"])
    #expect(
      try space.move(pages(0..<3), to: base + 8 * 4096, keepingSource: true) == pages(8..<11))
    #expect(space.pages == ["0-3 rw-p", "8-11 rw-p"])
    #expect(throws: Errno.invalidArgument) { try space.move(pages(0..<3), to: base + 4096) }
    #expect(throws: Errno.badAddress) { try space.move(pages(4..<5), to: base) }
  }
}
