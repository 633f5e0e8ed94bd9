// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
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
    configuration.minimumAddress = 0x10000
    let space = AddressSpace(configuration: configuration)
    #expect(try space.place(1, at: 0x2000) == 0x10000)
    // A hint that rounds to 0 is none.
    #expect(try space.place(1, at: 0xfff) == Self.top - Self.page)
  }

  @Test func hintRespectsTheGuardGap() throws {
    let space = AddressSpace()
    let stack: UInt64 = 1 << 40
    try space.systemCalls.mmap(
      at: stack, length: Self.page, protection: [.read, .write],
      flags: [.private, .fixed, .growsDown])
    let gap = space.configuration.stackGuardGap
    #expect(gap == 256 * Self.page)
    #expect(try space.place(1, at: stack - gap) != stack - gap)
    #expect(try space.place(1, at: stack - gap - Self.page) == stack - gap - Self.page)
    // Fixed ignores it.
    let start = try space.systemCalls.mmap(
      at: stack - Self.page, length: Self.page, protection: .read, flags: [.private, .fixed])
    #expect(start == stack - Self.page)
    space._checkInvariants()
  }

  // MARK: Top-down

  @Test func highestGapThatFitsAndItsTop() throws {
    let space = AddressSpace()
    let first = try space.place(10)
    #expect(first == Self.top - 10 * Self.page)
    try space.systemCalls.munmap(first + 2 * Self.page, length: 3 * Self.page)
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
    try space.systemCalls.mmap(
      at: stack, length: Self.page, protection: .read, flags: [.private, .fixed, .growsDown])
    #expect(try space.place(1) == stack - gap - Self.page)
    // A gap that is shorter than the guard: the next lower one.
    try space.systemCalls.mmap(
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
    try space.systemCalls.mmap(
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
    try space.systemCalls.mmap(
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
    // Other lengths are not, nor files of some file systems, nor with a hint.
    #expect(try space.place(513) % Self.hugePage != 0)
    let file = MappedFile(
      path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 9, usesHugePages: false)
    let mapped = try space.systemCalls.mmap(
      length: Self.hugePage, protection: .read, flags: .private, backing: .file(file))
    #expect(mapped % Self.hugePage != 0)
    space._checkInvariants()
  }

  @Test func notAlignedWhereOnlyThatFits() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.taskSize = 1 << 30
    configuration.mmapBase = 1 << 30
    let space = AddressSpace(configuration: configuration)
    try space.systemCalls.mmap(
      at: Self.page, length: 1 << 30 - Self.page, protection: [], flags: [.private, .fixed])
    let hole: UInt64 = 64 * Self.hugePage + Self.page
    try space.systemCalls.munmap(hole, length: Self.hugePage)
    #expect(try space.place(512) == hole)
  }

  @Test func filesOfSomeFileSystemsAreAligned() throws {
    let space = AddressSpace()
    _ = try space.place(1)
    let file = MappedFile(
      path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 9, usesHugePages: true)
    func map(_ bytes: UInt64, offset: UInt64, at hint: UInt64 = 0) throws(Errno) -> UInt64 {
      try space.systemCalls.mmap(
        at: hint, length: bytes, protection: .read, flags: .private,
        backing: .file(file, offset: offset))
    }
    // Whatever the length, if a huge page of the file fits.
    let first = try map(Self.hugePage + Self.page, offset: 0)
    #expect(first == (Self.top - Self.hugePage - 2 * Self.page) & ~(Self.hugePage - 1))
    let second = try map(2 * Self.hugePage, offset: Self.page)
    #expect(second % Self.hugePage == Self.page && second < first)
    // None fits between two of its boundaries.
    let short = 2 * Self.hugePage - 2 * Self.page
    #expect(try map(short, offset: Self.page) == second - short)
    #expect(try map(short + Self.page, offset: Self.page) % Self.hugePage == Self.page)
    // A hint counts if a huge page more is free there.
    let hint = AddressSpace.testBase + Self.page
    #expect(try map(Self.hugePage, offset: 0, at: hint) == hint)
    try space.systemCalls.munmap(hint, length: Self.hugePage)
    try space.systemCalls.mmap(
      at: hint + Self.hugePage + Self.page, length: Self.page, protection: .read,
      flags: [.private, .fixed])
    #expect(try map(Self.hugePage, offset: 0, at: hint) % Self.hugePage == 0)
    #expect(try space.place(512, at: hint) == hint)
    // A copy is placed as a mapping is.
    let moved = try space.systemCalls.mremap(
      second + Self.page, length: Self.page, newLength: 3 * Self.hugePage, flags: .mayMove)
    #expect(moved % Self.hugePage == 2 * Self.page)
    space._checkInvariants()
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
        let before = text.lines
        let expected = try placementModel(of: before).place(pages)
        if actual != expected && !isDisturbed(before, actual, pages, text) {
          Issue.record("round \(round), \(pages) pages: \(actual), not \(expected)")
        }
        // Holes, for later rounds to fill.
        let cut = random.below(pages)
        try KernelCalls.unmap(
          actual + cut * 4096, length: (1 + random.below(pages - cut)) * 4096)
      }
    }
  }

  /// The same with a file, and hints.
  @Test(.enabled(if: !isThreadSanitizerBuild, "its runtime places mappings itself"))
  func filesAsTheKernel() async {
    await #expect(processExitsWith: .success) {
      var random = SeededGenerator(seed: 6)
      let text = OwnMapsText()
      let kernelFile = HoleFile(byteCount: 4096 * 8192)
      let file = MappedFile(
        path: "/f", device: DeviceNumber(major: 0, minor: 0), inode: 1,
        usesHugePages: kernelFile.isAlignedToHugePages)
      var last: UInt64 = 0
      for round in 0..<150 {
        let pages = random.pick([512, 1024, 256, 700, 1 + random.below(2000)])
        let offset: UInt64 = random.pick([0, 4096 * random.below(2000), 512 * 4096])
        let hint: UInt64 = random.pick([0, last &- 4096 * random.below(3000)])
        text.read()
        let actual = try KernelCalls.map(
          at: hint, length: pages * 4096, protection: .read, flags: .private,
          descriptor: kernelFile.descriptor, offset: offset)
        let before = text.lines
        let expected = try placementModel(of: before).systemCalls.mmap(
          at: hint, length: pages * 4096, protection: .read, flags: .private,
          backing: .file(file, offset: offset))
        if actual != expected && !isDisturbed(before, actual, pages, text) {
          Issue.record(
            "round \(round), \(pages) pages, offset \(offset): \(actual), not \(expected)")
        }
        last = actual
        let cut = random.below(pages)
        try KernelCalls.unmap(
          actual + cut * 4096, length: (1 + random.below(pages - cut)) * 4096)
      }
    }
  }
}

extension AddressSpace {
  fileprivate func place(_ pages: UInt64, at hint: UInt64 = 0) throws(Errno) -> UInt64 {
    try systemCalls.mmap(
      at: hint, length: pages * 4096, protection: [.read, .write], flags: .private)
  }
}

/// An open file without a name, all holes.
private final class HoleFile {
  let descriptor: Int32

  init(byteCount: Int) {
    var template = Array("/tmp/swift-urcu-XXXXXX".utf8CString)
    descriptor = unsafe template.withUnsafeMutableBufferPointer { buffer in
      let descriptor = unsafe mkstemp(buffer.baseAddress!)
      _ = unsafe unlink(buffer.baseAddress!)
      return descriptor
    }
    precondition(
      descriptor >= 0 && ftruncate(descriptor, byteCount) == 0, "HoleFile: no file in /tmp")
  }

  deinit { close(descriptor) }

  /// Whether its file system is one of those that align mappings.
  var isAlignedToHugePages: Bool {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return false }
    // Linux's encoding of a device's number.
    let major = status.st_dev >> 8 & 0xfff
    let minor = status.st_dev & 0xff | status.st_dev >> 12 & 0xfff00
    let mounts = String(decoding: contentsOfFile("/proc/self/mountinfo"), as: UTF8.self)
    return mounts.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      guard fields.count > 2, fields[2] == "\(major):\(minor)",
        let separator = fields.firstIndex(of: "-"), separator + 1 < fields.count
      else { return false }
      return ["ext4", "xfs", "btrfs"].contains(fields[separator + 1])
    }
  }
}

/// Whether another thread of the process (the reclaimer's, the runtime's) has mapped something
/// since `before` was read: then the kernel chose in another map than the model.
private func isDisturbed(
  _ before: [MapsLine], _ mapped: UInt64, _ pages: UInt64, _ text: OwnMapsText
) -> Bool {
  text.read()
  func covered(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { result, range in
      if let last = result.last, last.upperBound >= range.lowerBound {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
  }
  let expected = covered(before.map { $0.start..<$0.end } + [mapped..<mapped + pages * 4096])
  return covered(text.lines.map { $0.start..<$0.end }) != expected
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
