// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Where mappings go whose place is not fixed.
@Suite struct PlacementTests {
  private static let page: UInt64 = 4096
  private static let hugePage: UInt64 = 2 << 20
  private static let top = AddressSpaceConfiguration().mmapBase

  // MARK: Hints

  @Test func hintIsRoundedDownAndUsedWhereFree() throws {
    let space = AddressSpace()
    let address = AddressSpace.testBase
    #expect(try space.place(1, at: address + 4095) == address)
    #expect(try space.place(1, at: address + Self.page) == address + Self.page)
    // Taken: as if there were no hint.
    #expect(try space.place(1, at: address) == Self.top - Self.page)
    #expect(try space.place(2, at: address - Self.page) == Self.top - 3 * Self.page)
    // Beyond what there is: the same.
    #expect(try space.place(1, at: .max) == Self.top - 4 * Self.page)
    #expect(
      try space.place(2, at: space.configuration.taskSize - Self.page) == Self.top - 6 * Self.page)
    #expect(
      try space.place(1, at: space.configuration.taskSize - Self.page)
        == space.configuration.taskSize - Self.page)
  }

  @Test func hintBelowTheMinimumIsRaisedToIt() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.addressMin = 0x10000
    let space = AddressSpace(configuration: configuration)
    #expect(try space.place(1, at: 0x2000) == 0x10000)
    // A hint that rounds to 0 is none.
    #expect(try space.place(1, at: 0xfff) == Self.top - Self.page)
  }

  @Test func hintRespectsTheGuardGap() throws {
    let space = AddressSpace()
    let stack: UInt64 = 1 << 40
    try space.map(
      at: stack, length: Self.page, protection: [.read, .write],
      flags: [.private, .fixed, .growsDown])
    let gap = space.configuration.stackGuardGap
    #expect(gap == 256 * Self.page)
    #expect(try space.place(1, at: stack - gap) != stack - gap)
    #expect(try space.place(1, at: stack - gap - Self.page) == stack - gap - Self.page)
    // Fixed ignores it.
    let start = try space.map(
      at: stack - Self.page, length: Self.page, protection: .read, flags: [.private, .fixed])
    #expect(start == stack - Self.page)
    space._checkInvariants()
  }

  // MARK: Top-down

  @Test func highestGapThatFitsAndItsTop() throws {
    let space = AddressSpace()
    let first = try space.place(10)
    #expect(first == Self.top - 10 * Self.page)
    try space.unmap(first + 2 * Self.page, length: 3 * Self.page)
    #expect(try space.place(4) == first - 4 * Self.page)
    #expect(try space.place(2) == first + 3 * Self.page)
    #expect(try space.place(1) == first + 2 * Self.page)
    // All of it merged.
    #expect(space.count == 1)
    space._checkInvariants()
  }

  @Test func guardGapCutsTheHighestGap() throws {
    let space = AddressSpace()
    let gap = space.configuration.stackGuardGap
    let stack = Self.top - Self.page
    try space.map(
      at: stack, length: Self.page, protection: .read, flags: [.private, .fixed, .growsDown])
    #expect(try space.place(1) == stack - gap - Self.page)
    // A gap that is shorter than the guard: the next lower one.
    try space.map(
      at: stack - gap / 2, length: Self.page, protection: [], flags: [.private, .fixed])
    #expect(try space.place(1) == stack - gap - 2 * Self.page)
    space._checkInvariants()
  }

  @Test func bottomUpWhenNothingIsFreeBelowTheBase() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.mmapBase = 16 * Self.page
    let space = AddressSpace(configuration: configuration)
    #expect(try space.place(15) == Self.page)
    let third = ((configuration.taskSize / 3) + 4095) & ~4095
    #expect(try space.place(1) == third)
    #expect(try space.place(1) == third + Self.page)
    try space.map(
      at: third + 2 * Self.page + configuration.stackGuardGap, length: Self.page,
      protection: .read, flags: [.private, .fixed, .growsDown])
    // Nothing fits below the guard gap but this.
    #expect(try space.place(1) == third + 3 * Self.page + configuration.stackGuardGap)
    space._checkInvariants()
  }

  @Test func nothingFits() throws {
    let space = AddressSpace()
    #expect(
      errno { () throws(Errno) in _ = try space.place(space.configuration.taskSize / 4096) }
        == .noMemory)
    try space.map(
      at: Self.page, length: space.configuration.taskSize - Self.page, protection: [],
      flags: [.private, .fixed])
    #expect(errno { () throws(Errno) in _ = try space.place(1) } == .noMemory)
  }

  // MARK: Huge pages

  @Test func longAnonymousMemoryIsAligned() throws {
    let space = AddressSpace()
    _ = try space.place(1)
    let start = try space.place(512)
    #expect(start % Self.hugePage == 0)
    #expect(start == (Self.top - Self.page - Self.hugePage) & ~(Self.hugePage - 1))
    // Other lengths are not, nor files, nor with a hint.
    #expect(try space.place(513) % Self.hugePage != 0)
    let file = MappedFile(path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 9)
    let mapped = try space.map(
      length: Self.hugePage, protection: .read, flags: .private, backing: .file(file))
    #expect(mapped % Self.hugePage != 0)
    space._checkInvariants()
  }

  @Test func notAlignedWhereOnlyThatFits() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.taskSize = 1 << 30
    configuration.mmapBase = 1 << 30
    let space = AddressSpace(configuration: configuration)
    try space.map(
      at: Self.page, length: 1 << 30 - Self.page, protection: [], flags: [.private, .fixed])
    let hole: UInt64 = 64 * Self.hugePage + Self.page
    try space.unmap(hole, length: Self.hugePage)
    #expect(try space.place(512) == hole)
  }

  // MARK: The kernel

  /// The running kernel's choices, in a process of its own: for each, the model gets the process's
  /// maps as they were just before.
  @Test(.enabled(if: !isThreadSanitizerBuild, "its runtime places mappings itself"))
  func sameAsTheKernel() async {
    await #expect(processExitsWith: .success) {
      var random = SeededGenerator(seed: 5)
      let text = OwnMapsText()
      for round in 0..<150 {
        let pages = random.pick([512, 1024, 256, 700, 1 + random.below(2000)])
        text.read()
        let actual = try KernelCalls.map(
          at: 0, length: pages * 4096, protection: [.read, .write],
          flags: [.private, .anonymous])
        let expected = try placementModel(of: text.lines).place(pages)
        #expect(actual == expected, "round \(round), \(pages) pages")
        // Holes, for later rounds to fill.
        let cut = random.below(pages)
        try KernelCalls.unmap(
          actual + cut * 4096, length: (1 + random.below(pages - cut)) * 4096)
      }
    }
  }
}

extension AddressSpace {
  fileprivate func place(_ pages: UInt64, at hint: UInt64 = 0) throws(Errno) -> UInt64 {
    try map(at: hint, length: pages * 4096, protection: [.read, .write], flags: .private)
  }
}

/// An address space with these lines, and the base of the top-down search where they show it: the
/// first thing mapped into a process, by the kernel, lies at it.
private func placementModel(of lines: [MapsLine]) -> AddressSpace {
  let user = lines.filter { $0.name != "[vsyscall]" }
  var configuration = AddressSpaceConfiguration()
  let stack = user.firstIndex { $0.name == "[stack]" }
  configuration.mmapBase = user[..<(stack ?? user.endIndex)].last?.end ?? configuration.mmapBase
  return AddressSpace(
    importing: user.map { line in
      ImportedMapping(
        start: line.start, end: line.end, protection: line.protection, isShared: line.isShared,
        growsDown: line.name == "[stack]", source: .anonymous)
    }, configuration: configuration)
}
