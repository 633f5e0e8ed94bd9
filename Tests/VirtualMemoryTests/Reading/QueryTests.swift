// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Queries against a scan of all VMAs.
@Suite struct QueryTests {
  @Test(arguments: ReadingStrategy.allCases)
  func agreesWithAScan(_ strategy: ReadingStrategy) throws {
    var random = SeededGenerator(seed: 8)
    let space = try Self.randomSpace(&random)
    let (generation, vmas) = space.snapshotVMAs()
    var foundCount = 0
    for vma in vmas {
      for address in [vma.start - 1, vma.start, vma.start + 17, vma.end - 1, vma.end] {
        // Every combination of filters at one address per VMA, a random one at the others.
        let all = address == vma.start && random.oneIn(10) ? Array(0..<64) : [random.below(64)]
        for bits in all {
          let flags = QueryFlags(rawValue: bits)
          let expected = Self.scan(vmas, address, flags)
          var result: QueryResult?
          let error = errno { () throws(Errno) in
            result = try space.query(address, matching: flags, by: strategy)
          }
          foundCount += result == nil ? 0 : 1
          let isRight =
            result?.start == expected?.start && result?.end == expected?.end
            && error == (expected == nil ? .noSuchFileOrDirectory : nil)
          if !isRight {
            Issue.record(
              "\(String(address, radix: 16)), flags \(bits): \(String(describing: result))")
            return
          }
          if let result, let expected {
            #expect(result == Self.result(expected, generation))
            let named = try space.namedQuery(address, matching: flags, by: strategy)
            #expect(named.result == result)
            // The text escapes what the query gives as it is.
            #expect(MapsText.escapingNewlines(named.name) == expected.name)
          }
        }
      }
    }
    print("\(strategy): \(vmas.count) VMAs, \(foundCount) found")
  }

  @Test(arguments: ReadingStrategy.allCases)
  func edges(_ strategy: ReadingStrategy) throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    let base = AddressSpace.testBase
    func start(_ address: UInt64, _ flags: QueryFlags) -> UInt64? {
      try? space.query(address, matching: flags, by: strategy).start
    }
    #expect(start(base, []) == base)
    #expect(start(base + 4095, []) == base)
    #expect(start(base + 4096, []) == nil)
    #expect(start(base - 1, []) == nil)
    #expect(start(base - 1, .coveringOrNext) == base)
    #expect(start(0, .coveringOrNext) == base)
    #expect(start(base + 4096, .coveringOrNext) == nil)
    #expect(start(.max, .coveringOrNext) == nil)
    #expect(start(1 << 63, .coveringOrNext) == nil)
  }

  @Test func unknownFlagsAreRefused() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    for strategy in ReadingStrategy.allCases {
      for bit in 6..<64 as Range<UInt64> {
        let flags = QueryFlags(rawValue: 1 << bit)
        #expect(throws: Errno.invalidArgument) {
          try space.query(AddressSpace.testBase, matching: flags, by: strategy)
        }
        #expect(throws: Errno.invalidArgument) {
          try space.namedQuery(AddressSpace.testBase, matching: flags, by: strategy)
        }
      }
    }
  }

  /// A filter that fails ends the search at the covering VMA, and only without `coveringOrNext`.
  @Test func filtersAndNext() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1, "r")
    try space.mapPages(4..<5, "rw")
    try space.mapPages(6..<7, "rx")
    let base = AddressSpace.testBase
    #expect(throws: Errno.noSuchFileOrDirectory) { try space.query(base, matching: .writable) }
    #expect(try space.query(base, matching: [.writable, .coveringOrNext]).start == base + 4 * 4096)
    #expect(
      try space.query(base, matching: [.executable, .coveringOrNext]).start == base + 6 * 4096)
    #expect(throws: Errno.noSuchFileOrDirectory) {
      try space.query(base, matching: [.writable, .executable, .coveringOrNext])
    }
    // A subset test.
    #expect(try space.query(base + 4 * 4096, matching: .readable).flags == [.readable, .writable])
  }

  @Test func lookupsOfManyAddressesAreOfOneVersion() throws {
    var random = SeededGenerator(seed: 15)
    let space = try Self.randomSpace(&random)
    let (generation, vmas) = space.snapshotVMAs()
    let addresses = vmas.flatMap { [$0.start - 1, $0.start, $0.end - 1] } + [0, .max]
    let results = space.lookup(addresses)
    #expect(results.count == addresses.count)
    for (address, result) in zip(addresses, results) {
      let expected = Self.scan(vmas, address, []).map { Self.result($0, generation) }
      #expect(result == expected)
      #expect(space.lookup(address) == expected)
    }
  }

  // MARK: The slow way

  private static func scan(_ vmas: [VMA], _ address: UInt64, _ flags: QueryFlags) -> VMA? {
    for vma in vmas where vma.end > address {
      if passes(vma, flags) {
        return vma.start <= address || flags.contains(.coveringOrNext) ? vma : nil
      }
      if !flags.contains(.coveringOrNext) { return nil }
    }
    return nil
  }

  private static func passes(_ vma: VMA, _ flags: QueryFlags) -> Bool {
    (!flags.contains(.readable) || vma.protection.contains(.read))
      && (!flags.contains(.writable) || vma.protection.contains(.write))
      && (!flags.contains(.executable) || vma.protection.contains(.execute))
      && (!flags.contains(.shared) || vma.isShared)
      && (!flags.contains(.fileBacked) || vma.inode != 0)
  }

  private static func result(_ vma: VMA, _ generation: UInt64) -> QueryResult {
    var flags: QueryFlags = []
    if vma.protection.contains(.read) { flags.insert(.readable) }
    if vma.protection.contains(.write) { flags.insert(.writable) }
    if vma.protection.contains(.execute) { flags.insert(.executable) }
    if vma.isShared { flags.insert(.shared) }
    return QueryResult(
      start: vma.start, end: vma.end, flags: flags, pageSize: 4096, offset: vma.offset,
      inode: vma.inode, device: vma.device, generation: generation)
  }

  private static func randomSpace(_ random: inout SeededGenerator) throws -> AddressSpace {
    let space = AddressSpace()
    let files = (1...3).map {
      MappedFile(
        path: "/lib/\($0)\n", device: DeviceNumber(major: 8, minor: UInt32($0)),
        inode: UInt64($0))
    }
    for _ in 0..<500 {
      let first = random.below(1500)
      let letters = random.pick(["r", "rw", "rx", "", "rwx", "w"])
      let isShared = random.oneIn(4)
      let backing: Backing =
        random.oneIn(2) ? .anonymous : .file(random.pick(files), offset: first * 4096)
      try space.mapPages(
        first..<first + 1 + random.below(4), letters, isShared ? .shared : .private,
        backing: backing)
    }
    space._checkInvariants()
    return space
  }
}
