// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// What a child's address space is. What the running kernel does is asked in
/// Tools/Tests/MapScriptsTests, also of what merges in a child.
@Suite struct AddressSpaceForkTests {
  @Test func childIsACopyOfItsOwn() throws {
    let parent = AddressSpace()
    try parent.mapPages(0..<3)
    try parent.mapPages(5..<6, "r")
    let child = parent.fork()
    #expect(child.pages == parent.pages)
    #expect(child.mappedBytes == parent.mappedBytes)
    try child.unmapPages(0..<2)
    try parent.protectPages(5..<6, "rx")
    #expect(child.pages == ["2-3 rw-p", "5-6 r--p"])
    #expect(parent.pages == ["0-3 rw-p", "5-6 r-xp"])
    child._checkInvariants()
    parent._checkInvariants()
  }

  @Test func emptySpacesFork() {
    let child = AddressSpace().fork()
    #expect(child.count == 0)
    #expect(child.mapsText().count == 0)
    child._checkInvariants()
  }

  /// The layout and the limits go along.
  @Test func childHasTheParentsLayoutAndLimits() throws {
    var layout = ImportedLayout()
    layout.breakRange = 0x10000..<0x13000
    layout.stackStart = 0x7ffe_0800
    layout.gateProtection = .execute
    let parent = AddressSpace(
      importing: [
        ImportedMapping(
          start: 0x10000, end: 0x13000, protection: [.read, .write], isShared: false,
          source: .anonymous),
        ImportedMapping(
          start: 0x7ffe_0000, end: 0x7ffe_1000, protection: [.read, .write], isShared: false,
          growsDown: true, source: .anonymous),
      ], layout: layout)
    var limits = ResourceLimits()
    limits.data = 1 << 20
    limits.lockedMemory = 8192
    parent.limits = limits
    let child = parent.fork()
    #expect(child.mapsText().string == parent.mapsText().string)
    #expect(child.limits == limits)
    #expect(child.setBreak(0x14000) == 0x14000)
    #expect(parent.programBreak == 0x13000)
    // A limit of the child's is not the parent's.
    child.limits.data = 5
    #expect(parent.limits == limits)
  }

  /// Shared anonymous memory is the same object in both: pieces merge, the inode stays; new ones
  /// get numbers that the parent's don't have.
  @Test func sharedMemoryIsShared() throws {
    let parent = AddressSpace()
    try parent.mapPages(0..<4, "rw", .shared)
    let child = parent.fork()
    #expect(child.mapsText().string == parent.mapsText().string)
    try child.protectPages(1..<2, "r")
    try child.protectPages(1..<2, "rw")
    #expect(child.pages == ["0-4 rw-s"])
    try child.mapPages(4..<5, "rw", .shared)
    #expect(child.pages == ["0-4 rw-s", "4-5 rw-s"])
    #expect(Set(child.snapshotVMAs().vmas.map(\.inode)).count == 2)
  }

  /// Files and names are referred to by both, and outlive either.
  @Test func childKeepsFilesAndNames() throws {
    var parent: AddressSpace? = AddressSpace()
    let file = MappedFile(path: "/lib/a", device: DeviceNumber(major: 8, minor: 1), inode: 7)
    try parent?.mapPages(0..<1, "r", backing: .file(file))
    try parent?.mapPages(2..<3)
    try parent?.systemCalls.setName(
      AddressSpace.testBase + 2 * 4096, length: 4096, Array("heap 1".utf8))
    let child = try #require(parent?.fork())
    let text = parent?.mapsText().string
    parent = nil
    #expect(child.mapsText().string == text)
    #expect(text?.contains("[anon:heap 1]\n") == true)
    #expect(try child.namedQuery(AddressSpace.testBase).name == Array("/lib/a".utf8))
    child._checkInvariants()
  }

  /// Locks are not inherited: what was locked counts for nothing in the child.
  @Test func childHasNothingLocked() throws {
    let parent = AddressSpace()
    parent.limits.lockedMemory = 4 * 4096
    try parent.mapPages(0..<6)
    try parent.systemCalls.mlock(AddressSpace.testBase, length: 4 * 4096)
    #expect(parent.pages == ["0-4 rw-p", "4-6 rw-p"])
    let refused = errno { () throws(Errno) in
      try parent.systemCalls.mlock(AddressSpace.testBase + 4 * 4096, length: 4096)
    }
    #expect(refused == .noMemory)
    let child = parent.fork()
    try child.systemCalls.mlock(AddressSpace.testBase + 2 * 4096, length: 4 * 4096)
    child._checkInvariants()
  }
}
