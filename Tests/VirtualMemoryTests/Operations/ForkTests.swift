// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// What a child's address space is, and what its VMAs merge with. Where the kernel can be asked, it
/// decides.
@Suite struct AddressSpaceForkTests {
  // MARK: By hand

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

  /// Shared anonymous memory is the same object in both: pieces merge, the inode stays; new ones get
  /// numbers that the parent's don't have.
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

  // MARK: The kernel's word

  private static func page(_ page: UInt64) -> UInt64 { AddressSpace.testBase + page * 4096 }
  private static let window = page(0)..<page(40)

  private static func map(_ pages: Range<UInt64>, _ letters: String = "rw") -> KernelProcess.Step {
    .operation(
      .map(
        page(pages.lowerBound), length: UInt64(pages.count) * 4096, protection(letters),
        [.private, .fixed], file: nil, offset: 0))
  }

  private static func advise(_ pages: Range<UInt64>, _ advice: Advice) -> KernelProcess.Step {
    .operation(.advise(page(pages.lowerBound), length: UInt64(pages.count) * 4096, advice))
  }

  private static func touch(_ number: UInt64) -> KernelProcess.Step {
    .operation(.touch(page(number) + 5))
  }

  private static func protect(
    _ pages: Range<UInt64>, _ letters: String
  ) -> KernelProcess.Step {
    .operation(
      .protect(page(pages.lowerBound), length: UInt64(pages.count) * 4096, protection(letters)))
  }

  /// What the kernel and the model say, after each step, and the lines at the end.
  private static func compare(
    _ steps: [KernelProcess.Step], _ process: KernelProcess
  ) throws -> [String] {
    let steps = steps.flatMap { [$0, .dump(window)] }
    let kernel = try process.run(steps)
    var space = AddressSpace()
    var done: [String] = []
    for (step, expected) in zip(steps, kernel.results) {
      let result = step.perform(on: &space, programBreak: 0)
      done.append("\(step)")
      try #require(result == expected, "the kernel says \(expected) after \(done)")
    }
    space._checkInvariants()
    return kernel.results.last!.map { line in
      let line = MapsLine(line)
      let pages = [line.start, line.end].map { ($0 - page(0)) / 4096 }
      return "\(pages[0])-\(pages[1]) \(line.permissions)"
    }
  }

  @Test func adviceAboutForks() throws {
    try KernelProcess.with { process throws in
      let steps = [
        Self.map(0..<9), Self.advise(1..<2, .dontFork), Self.advise(4..<6, .wipeOnFork), .fork,
      ]
      #expect(try Self.compare(steps, process) == ["0-1 rw-p", "2-4 rw-p", "4-6 rw-p", "6-9 rw-p"])
      // Wiped memory counts as untouched: it has no past to be kept apart by.
      let wiped = [
        Self.map(0..<6), Self.touch(0), Self.advise(0..<3, .wipeOnFork), .fork,
        Self.advise(0..<3, .keepOnFork),
      ]
      _ = try Self.compare(wiped, process)
    }
  }

  /// Touched memory that is the parent's too merges with nothing that isn't part of it.
  @Test func inheritedMemoryStaysApart() throws {
    try KernelProcess.with { process throws in
      // Untouched: the same in parent and child.
      #expect(
        try Self.compare([Self.map(0..<3), .fork, Self.map(3..<6)], process) == ["0-6 rw-p"])
      // Touched before the fork: not with new memory, on either side.
      #expect(
        try Self.compare([Self.map(3..<6), Self.touch(3), .fork, Self.map(6..<9)], process)
          == ["3-6 rw-p", "6-9 rw-p"])
      #expect(
        try Self.compare([Self.map(3..<6), Self.touch(3), .fork, Self.map(0..<3)], process)
          == ["0-3 rw-p", "3-6 rw-p"])
      // Its own pieces do.
      #expect(
        try Self.compare(
          [
            Self.map(3..<6), Self.touch(3), .fork, Self.protect(4..<5, "r"),
            Self.protect(4..<5, "rw"),
          ], process) == ["3-6 rw-p"])
      // Touched in the child only: as ever.
      #expect(
        try Self.compare([Self.map(3..<6), .fork, Self.touch(3), Self.map(6..<9)], process)
          == ["3-9 rw-p"])
    }
  }

  /// Two pieces of one touched mapping, each inherited by itself.
  @Test func piecesOfInheritedMemoryDontMergeWithOneAnother() throws {
    try KernelProcess.with { process throws in
      _ = try Self.compare(
        [
          Self.map(0..<6), Self.touch(0), Self.touch(4), Self.protect(3..<6, "r"), .fork,
          Self.protect(3..<6, "rw"),
        ], process)
    }
  }

  // MARK: Random

  @Test func sameAsTheKernel() throws {
    try KernelProcess.with(movesMemory: true) { process throws in
      for seed in 1...12 as ClosedRange<UInt64> { try Self.runRandomly(seed, process) }
    }
  }

  @Test func stressSameAsTheKernel() throws {
    var seed: UInt64 = 1000
    try KernelProcess.with(movesMemory: true) { process throws in
      let deadline = ContinuousClock.now + StressOptions.duration
      repeat {
        try Self.runRandomly(seed, process)
        seed += 1
      } while ContinuousClock.now < deadline
    }
    print("\(seed - 1000) seeds of forks, the last \(seed - 1)")
  }

  private static func runRandomly(_ seed: UInt64, _ process: KernelProcess) throws {
    var random = SeededGenerator(seed: seed)
    var steps: [KernelProcess.Step] = []
    for _ in 0..<60 { steps.append(step(&random)) }
    do {
      _ = try compare(steps, process)
    } catch {
      Issue.record("seed \(seed)")
      throw error
    }
  }

  private static func step(_ random: inout SeededGenerator) -> KernelProcess.Step {
    let first = random.below(36)
    let pages = first..<min(40, first + 1 + random.below(6))
    let length = UInt64(pages.count) * 4096
    switch random.below(20) {
    case 0, 1: return .fork
    case 2...6: return map(pages, random.pick(["rw", "rw", "rw", "r", ""]))
    case 7, 8: return .operation(.unmap(page(first), length: length))
    case 9...11: return protect(pages, random.pick(["rw", "rw", "r"]))
    case 12...14: return touch(first)
    case 15, 16:
      return advise(
        pages, random.pick([.dontFork, .doFork, .wipeOnFork, .keepOnFork, .wipeOnFork]))
    case 17: return .operation(.lock(page(first), length: length, onFault: random.oneIn(2)))
    case 18: return .operation(.unlock(page(first), length: length))
    default:
      let flags: RemapFlags =
        random.oneIn(3) ? [.mayMove, .fixed, .dontUnmap] : [.mayMove, .fixed]
      return .operation(
        .remap(page(first), length: length, to: length, flags, at: page(random.below(34))))
    }
  }
}
