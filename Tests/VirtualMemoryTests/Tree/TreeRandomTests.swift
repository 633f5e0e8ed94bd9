// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Random operations on the tree and on a row of pages, which must show the same after each.
@Suite struct TreeRandomTests {
  @Test(.large, arguments: 1...4 as ClosedRange<UInt64>)
  func smallWindowAfterEveryOperation(_ seed: UInt64) throws {
    var pair = TreePair(seed: seed, pageCount: 192)
    for _ in 0..<600 {
      try pair.step(longestRun: pair.random.oneIn(20) ? 192 : 6)
      try pair.compare()
    }
  }

  /// Three levels.
  @Test(.large, arguments: 11...12 as ClosedRange<UInt64>)
  func windowOfThreeLevels(_ seed: UInt64) throws {
    var pair = TreePair(seed: seed, pageCount: 6000)
    for operation in 0..<8000 {
      let isLong = pair.random.oneIn(500)
      try pair.step(longestRun: isLong ? 3000 : 2)
      if isLong || operation % 800 == 0 { try pair.compare() }
    }
    print("seed \(seed): \(pair.space.count) VMAs at the end")
  }

  @Test(.large) func fiftyThousandVMAs() throws {
    var pair = TreePair(seed: 21, pageCount: 110_000, maximumMapCount: 1 << 20)
    try pair.fill(every: 2)
    #expect(pair.space.count == 55_000)
    try pair.compare()
    for _ in 0..<2 {
      for _ in 0..<1000 { try pair.step(longestRun: 3) }
      try pair.compare()
    }
    // Long ranges go at once, wherever they start and end.
    for run in [40_000, 17, 30_000, 110_000] as [UInt64] {
      try pair.unmap(run: run)
      try pair.compare()
    }
  }

  /// An address space as random as `smallWindowAfterEveryOperation`, for as long as asked for.
  @Test func stressRandomOperations() throws {
    let deadline = ContinuousClock.now + StressOptions.duration
    var seed: UInt64 = 1000
    repeat {
      var pair = TreePair(seed: seed, pageCount: 1000)
      for _ in 0..<500 { try pair.step(longestRun: pair.random.oneIn(30) ? 700 : 4) }
      try pair.compare()
      seed += 1
    } while ContinuousClock.now < deadline
    print("\(seed - 1000) seeds")
  }
}

/// The tree and the model side by side.
struct TreePair {
  let space: AddressSpace
  var model: ReferenceModel
  var random: SeededGenerator
  let seed: UInt64
  let pageCount: UInt64
  private let files: [MappedFile]
  // What `describe` says of an object.
  private var objects: [Int: VMA] = [:]
  private var sharedCount = 0

  static let firstPage: UInt64 = 0x10_0000

  init(seed: UInt64, pageCount: UInt64, maximumMapCount: Int = 65_530) {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = maximumMapCount
    space = AddressSpace(configuration: configuration)
    model = ReferenceModel(firstPage: Self.firstPage, count: Int(pageCount))
    random = SeededGenerator(seed: seed)
    self.seed = seed
    self.pageCount = pageCount
    let device = DeviceNumber(major: 8, minor: 1)
    files = (1...2).map {
      MappedFile(
        path: "/lib/file\($0)", device: device, inode: UInt64($0),
        access: $0 == 1 ? .readOnly : .readWrite)
    }
    for number in 1...2 {
      objects[number] = VMA(
        start: 0, end: 0, protection: [], device: device, inode: UInt64(number),
        name: Array("/lib/file\(number)".utf8))
    }
  }

  mutating func step(longestRun: UInt64) throws {
    let first = random.below(pageCount)
    let last = min(pageCount, first + 1 + random.below(longestRun))
    let range = Int(first)..<Int(last)
    let address = (Self.firstPage + first) * 4096
    let length = (last - first) * 4096
    let protection = random.pick([[], .read, [.read, .write], [.read, .execute]] as [Protection])
    switch random.below(10) {
    case 0...3:
      try map(range, address, length, protection)
    case 4...6:
      try space.systemCalls.munmap(address, length: length)
      model.unmap(range)
    default:
      let expected = model.protect(range, protection)
      var error: Errno?
      do {
        try space.systemCalls.mprotect(address, length: length, protection)
      } catch let thrown {
        error = thrown
      }
      #expect(error == expected, "seed \(seed)")
    }
  }

  private mutating func map(
    _ range: Range<Int>, _ address: UInt64, _ length: UInt64, _ protection: Protection
  ) throws {
    var source = ReferenceModel.Source()
    var backing = Backing.anonymous
    var flags: MmapFlags = [.private, .fixed]
    var protection = protection
    switch random.below(8) {
    case 0:
      source.isShared = true
      sharedCount += 1
      source.object = 100 + sharedCount
      objects[source.object] = VMA(
        start: 0, end: 0, protection: [], device: space.configuration.sharedMemoryDevice,
        inode: UInt64(sharedCount), name: Array("/dev/zero (deleted)".utf8))
      flags = [.shared, .fixed]
    case 1, 2:
      source.isShared = random.oneIn(2)
      source.object = 1 + Int(random.below(2))
      source.isReadOnly = source.object == 1
      // Contiguous with what other pieces of the file are at, often.
      source.offset = UInt64(range.lowerBound) + (random.oneIn(4) ? random.below(8) : 0)
      if source.isShared && source.isReadOnly { protection.remove(.write) }
      backing = .file(files[source.object - 1], offset: source.offset * 4096)
      flags = source.isShared ? [.shared, .fixed] : [.private, .fixed]
    default:
      break
    }
    let start = try space.systemCalls.mmap(
      at: address, length: length, protection: protection, flags: flags, backing: backing)
    #expect(start == address)
    model.map(range, protection, source)
  }

  /// Maps every `step`th page.
  mutating func fill(every step: Int) throws {
    for page in stride(from: 0, to: Int(pageCount), by: step) {
      try space.systemCalls.mmap(
        at: (Self.firstPage + UInt64(page)) * 4096, length: 4096, protection: .read,
        flags: [.private, .fixed])
      model.map(page..<page + 1, .read)
    }
  }

  mutating func unmap(run: UInt64) throws {
    let first = random.below(pageCount - run + 1)
    try space.systemCalls.munmap((Self.firstPage + first) * 4096, length: run * 4096)
    model.unmap(Int(first)..<Int(first + run))
  }

  /// Everything that shows the address space shows what the model does.
  func compare() throws {
    space._checkInvariants()
    let expected = model.vmas { objects[$0]! }
    let (generation, vmas) = space.snapshotVMAs()
    try #require(vmas == expected, "seed \(seed)")
    #expect(space.count == expected.count)
    #expect(space.mappedBytes == expected.reduce(0) { $0 + $1.end - $1.start })
    let text = referenceText(expected)
    for strategy in ReadingStrategy.allCases {
      let dump = space.mapsText(by: strategy)
      let isEqual = dump.array == text && (expected.isEmpty || dump.generation == generation)
      #expect(isEqual, "seed \(seed), \(strategy)")
    }
  }
}
