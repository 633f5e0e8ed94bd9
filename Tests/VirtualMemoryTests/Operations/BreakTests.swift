// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The heap: where the break goes, what moves with it, and when it stays. Random sequences are done by
/// a process of the running kernel too.
@Suite struct BreakTests {
  private static let base: UInt64 = 0x1000_0000
  private static func page(_ index: UInt64) -> UInt64 { base + index * 4096 }

  /// A space with a break at page 0, and nothing in it.
  private static func space(
    _ configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) -> AddressSpace {
    var layout = ImportedLayout()
    layout.breakRange = base..<base
    return AddressSpace(importing: [], layout: layout, configuration: configuration)
  }

  private static func lines(_ space: AddressSpace) -> [String] {
    MapsLine.parse(space.mapsText().string).map { line in
      let pages = [line.start, line.end].map { (Int64($0) - Int64(base)) / 4096 }
      return "\(pages[0])-\(pages[1]) \(line.permissions) \(line.name)"
    }
  }

  @Test func growsAndShrinks() {
    let space = Self.space()
    #expect(space.programBreak == Self.base)
    #expect(space.setBreak(Self.page(2) + 5) == Self.page(2) + 5)
    #expect(Self.lines(space) == ["0-3 rw-p [heap]"])
    // Within the last page: nothing of the map.
    #expect(space.setBreak(Self.page(3)) == Self.page(3))
    #expect(space.setBreak(Self.page(2) + 1) == Self.page(2) + 1)
    #expect(Self.lines(space) == ["0-3 rw-p [heap]"])
    #expect(space.setBreak(Self.page(1)) == Self.page(1))
    #expect(Self.lines(space) == ["0-1 rw-p [heap]"])
    #expect(space.setBreak(Self.base) == Self.base)
    #expect(space.count == 0)
    #expect(space.setBreak(Self.page(4)) == Self.page(4))
    #expect(Self.lines(space) == ["0-4 rw-p [heap]"])
    space._checkInvariants()
  }

  /// 0 asks where it is.
  @Test func staysWhereItCantGo() throws {
    let space = Self.space()
    space.setBreak(Self.page(2))
    let generation = space.generation
    for refused in [0, Self.base - 1, space.configuration.taskSize + 4096, .max - 5] as [UInt64] {
      #expect(space.setBreak(refused) == Self.page(2))
    }
    #expect(space.generation == generation)
    // A page must stay free below what follows.
    try space.systemCalls.mmap(
      at: Self.page(8), length: 4096, protection: .read, flags: [.private, .fixed])
    #expect(space.setBreak(Self.page(7) + 1) == Self.page(2))
    #expect(space.setBreak(Self.page(7)) == Self.page(7))
    #expect(space.setBreak(Self.page(9)) == Self.page(7))
    // Not even where it is in the way of nothing new.
    #expect(Self.lines(space) == ["0-7 rw-p [heap]", "8-9 r--p "])
  }

  @Test func keepsTheGuardGap() throws {
    let space = Self.space()
    try space.systemCalls.mmap(
      at: Self.page(300), length: 4096, protection: [.read, .write],
      flags: [.private, .fixed, .growsDown])
    #expect(space.setBreak(Self.page(43) + 1) == Self.base)
    #expect(space.setBreak(Self.page(43)) == Self.page(43))
  }

  @Test func obeysLimits() {
    let space = Self.space()
    space.limits.data = 4 * 4096
    #expect(space.setBreak(Self.page(4) + 1) == Self.base)
    #expect(space.setBreak(Self.page(4)) == Self.page(4))
    space.limits = ResourceLimits()
    space.limits.addressSpace = 6 * 4096
    #expect(space.setBreak(Self.page(7)) == Self.page(4))
    #expect(space.setBreak(Self.page(6)) == Self.page(6))
    // A limit below what is there takes nothing away.
    space.limits.addressSpace = 4096
    #expect(space.setBreak(Self.page(5)) == Self.page(5))
    #expect(Self.lines(space) == ["0-5 rw-p [heap]"])
  }

  /// The limit on data is also one on the heap's extent, whatever of it is mapped.
  @Test func dataLimitIsOfTheExtentToo() throws {
    let space = Self.space()
    space.limits.data = 4 * 4096
    space.setBreak(Self.page(4))
    try space.systemCalls.munmap(Self.page(0), length: 3 * 4096)
    #expect(space.setBreak(Self.page(4) + 1) == Self.page(4))
    space.limits.data += 4096
    #expect(space.setBreak(Self.page(5)) == Self.page(5))
    #expect(Self.lines(space) == ["3-5 rw-p [heap]"])
  }

  @Test func obeysTheMapCount() throws {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = 1
    let space = Self.space(configuration)
    for page in [20, 22] as [UInt64] {
      try space.systemCalls.mmap(
        at: Self.page(page), length: 4096, protection: .read, flags: [.private, .fixed])
    }
    #expect(space.setBreak(Self.page(1)) == Self.base)
    try space.systemCalls.munmap(Self.page(22), length: 4096)
    #expect(space.setBreak(Self.page(1)) == Self.page(1))
    // Also what would grow in place.
    #expect(space.setBreak(Self.page(2)) == Self.page(1))
  }

  /// Without a layout the heap starts at 0, where nothing may be mapped; no trap.
  @Test func spaceWithoutAHeap() {
    let space = AddressSpace()
    #expect(space.programBreak == 0)
    #expect(space.setBreak(0) == 0)
    space._checkInvariants()
  }

  // MARK: The kernel's word

  /// The steps, with what the kernel and the model say after each; the lines at the end.
  private static func compare(
    _ steps: [KernelProcess.Step], _ process: KernelProcess
  ) throws -> [String] {
    let steps = steps.flatMap { [$0, .heapDump(0..<400 * 4096)] }
    let kernel = try process.run(steps)
    var layout = ImportedLayout()
    layout.breakRange = kernel.programBreak..<kernel.programBreak
    // The program's own data, which it has written to.
    let below = ImportedMapping(
      start: kernel.below.lowerBound, end: kernel.below.upperBound, protection: [.read, .write],
      isShared: false, source: .anonymous)
    var space = AddressSpace(importing: [below], layout: layout)
    try space.simulateWrite(at: kernel.below.lowerBound)
    var done: [String] = []
    for (step, expected) in zip(steps, kernel.results) {
      let result = step.perform(on: &space, programBreak: kernel.programBreak)
      done.append("\(step)")
      try #require(result == expected, "the kernel says \(expected) after \(done)")
    }
    space._checkInvariants()
    return kernel.results.last!.map { line in
      let line = MapsLine(line)
      let pages = [line.start, line.end].map { Int64(bitPattern: $0 &- kernel.programBreak) / 4096 }
      return "\(pages[0])-\(pages[1]) \(line.permissions) \(line.name)"
    }
  }

  private static func map(
    _ pages: Range<UInt64>, _ letters: String = "rw", _ flags: MmapFlags = []
  ) -> KernelProcess.Step {
    .heapOperation(
      .map(
        pages.lowerBound * 4096, length: UInt64(pages.count) * 4096, protection(letters),
        [.private, .fixed, flags], file: nil, offset: 0))
  }

  private static func touch(_ page: UInt64) -> KernelProcess.Step {
    .heapOperation(.touch(page * 4096 + 9))
  }

  private static func setBreak(_ pages: Double) -> KernelProcess.Step {
    .setBreak(Int64(pages * 4096))
  }

  /// It grows in place if what ends at the break is like it, also what was mapped there by others; else
  /// it is a VMA of its own. It never merges with what follows.
  @Test func mergesWithWhatIsBeforeIt() throws {
    try KernelProcess.with { process throws in
      #expect(
        try Self.compare([Self.setBreak(2.5), Self.touch(0), Self.setBreak(5)], process)
          == ["0-5 rw-p [heap]"])
      #expect(
        try Self.compare(
          [
            Self.setBreak(3),
            .heapOperation(.protect(2 * 4096, length: 4096, .read)), Self.setBreak(5),
          ], process) == ["0-2 rw-p [heap]", "2-3 r--p [heap]", "3-5 rw-p [heap]"])
      #expect(
        try Self.compare(
          [
            Self.setBreak(3), .heapOperation(.unmap(2 * 4096, length: 4096)), Self.setBreak(5),
            Self.map(2..<3), Self.setBreak(1.5),
          ], process) == ["0-2 rw-p [heap]"])
      // A hole up to the break: it can't come back over it.
      #expect(
        try Self.compare(
          [
            Self.setBreak(3), .heapOperation(.unmap(1 * 4096, length: 8192)), Self.setBreak(2),
            Self.setBreak(4),
          ], process) == ["0-1 rw-p [heap]", "3-4 rw-p [heap]"])
      // Up to a page before what could merge with it.
      #expect(
        try Self.compare(
          [Self.map(6..<8), Self.setBreak(6), Self.setBreak(5), Self.map(5..<6)], process)
          == ["0-8 rw-p [heap]"])
    }
  }

  @Test func sameAsTheKernel() throws {
    try KernelProcess.with { process throws in
      for seed in 1...12 as ClosedRange<UInt64> { try Self.runRandomly(seed, process) }
    }
  }

  @Test func stressSameAsTheKernel() throws {
    var seed: UInt64 = 1000
    try KernelProcess.with { process in
      let deadline = ContinuousClock.now + StressOptions.duration
      repeat {
        try Self.runRandomly(seed, process)
        seed += 1
      } while ContinuousClock.now < deadline
    }
    print("\(seed - 1000) seeds of breaks, the last \(seed - 1)")
  }

  private static func runRandomly(_ seed: UInt64, _ process: KernelProcess) throws {
    var random = SeededGenerator(seed: seed)
    var steps: [KernelProcess.Step] = []
    for _ in 0..<80 { steps.append(step(&random)) }
    do {
      _ = try compare(steps, process)
    } catch {
      Issue.record("seed \(seed)")
      throw error
    }
  }

  private static func step(_ random: inout SeededGenerator) -> KernelProcess.Step {
    let first = random.below(30)
    let address = first * 4096
    let length = 4096 * (1 + random.below(4))
    switch random.below(20) {
    case 0...8:
      return setBreak(
        Double(random.below(28)) + (random.oneIn(2) ? Double(random.below(4096)) / 4096 : 0)
          - (random.oneIn(20) ? 3 : 0))
    case 9, 10:
      return map(
        first..<first + 1 + random.below(4), random.pick(["rw", "rw", "r"]),
        random.oneIn(4) ? .noReserve : [])
    case 11:
      // Its guard gap reaches into the heap's range, or doesn't.
      return map(250 + first * 2..<252 + first * 2, "rw", .growsDown)
    case 12: return .heapOperation(.unmap(250 * 4096, length: 100 * 4096))
    case 13, 14: return .heapOperation(.unmap(address, length: length))
    case 15:
      return .heapOperation(
        .protect(address, length: length, random.pick([.read, [.read, .write]])))
    case 16, 17: return touch(first)
    case 18:
      return .heapOperation(
        .advise(address, length: length, random.pick([.dontFork, .doFork, .mergeable])))
    default:
      return random.oneIn(3) ? .fork : .heapOperation(.lock(address, length: length, onFault: true))
    }
  }
}
