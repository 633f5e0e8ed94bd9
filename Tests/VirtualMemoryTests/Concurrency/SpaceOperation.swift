// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport

@testable import VirtualMemory

/// A change of an address space, as a value: it can be done again on another one.
enum SpaceOperation: Sendable {
  case map(
    UInt64, length: UInt64, Protection, MmapFlags, file: Int?, offset: UInt64)
  case unmap(UInt64, length: UInt64)
  case protect(UInt64, length: UInt64, Protection)
  case remap(UInt64, length: UInt64, to: UInt64, RemapFlags, at: UInt64)
  case advise(UInt64, length: UInt64, Advice)
  case lock(UInt64, length: UInt64, onFault: Bool)
  case unlock(UInt64, length: UInt64)
  case touch(UInt64)
  case setName(UInt64, length: UInt64, name: Int?)
  case setBreak(UInt64)
  /// Everything is as at the start.
  case exec

  /// What came of it: an address or break, or an error.
  struct Outcome: Sendable, Equatable {
    var value: UInt64 = 0
    var error: Int32 = 0
  }

  /// The operation without its arguments.
  enum Kind: Int, CaseIterable, Sendable {
    case map, unmap, protect, remap, advise, lock, unlock, touch, setName, setBreak, exec
  }

  var kind: Kind {
    switch self {
    case .map: .map
    case .unmap: .unmap
    case .protect: .protect
    case .remap: .remap
    case .advise: .advise
    case .lock: .lock
    case .unlock: .unlock
    case .touch: .touch
    case .setName: .setName
    case .setBreak: .setBreak
    case .exec: .exec
    }
  }
}

// MARK: - The space

/// A space of few pages, with a heap, a stack, files, limits that are reached, and room for few
/// VMAs.
enum SmallSpace {
  static let base: UInt64 = 0x10_0000_0000
  static let pageCount: UInt64 = 160
  static let maximumMapCount = 64
  static let breakStart = page(8) + 0x120

  static func page(_ index: UInt64) -> UInt64 { base + index * 4096 }

  static func make() -> AddressSpace {
    var configuration = AddressSpaceConfiguration()
    configuration.minimumAddress = base
    configuration.taskSize = page(pageCount)
    configuration.mmapBase = page(pageCount - 16)
    configuration.maximumMapCount = maximumMapCount
    configuration.stackGuardGap = 2 * 4096
    let space = AddressSpace(importing: mappings, layout: layout, configuration: configuration)
    var limits = space.limits
    limits.addressSpace = 120 * 4096
    limits.data = 90 * 4096
    limits.stack = 8 * 4096
    limits.lockedMemory = 30 * 4096
    space.limits = limits
    return space
  }

  static let mappings = [
    ImportedMapping(
      start: page(4), end: page(7), protection: [.read, .execute], isShared: false,
      source: .file(files[0], offset: 0)),
    ImportedMapping(
      start: page(8), end: page(10), protection: [.read, .write], isShared: false,
      source: .anonymous),
    ImportedMapping(
      start: page(pageCount - 12), end: page(pageCount - 10), protection: [.read, .write],
      isShared: false, growsDown: true, source: .anonymous),
  ]

  static let layout: ImportedLayout = {
    var layout = ImportedLayout()
    layout.breakRange = breakStart..<page(10)
    layout.stackStart = page(pageCount - 10) - 0x40
    layout.gateProtection = .execute
    return layout
  }()

  static let files = [
    file("/bin/program", 11, .readWrite, pages: 1 << 20),
    file("/lib/a library with a name that is longer than most.so", 12, .readOnly, pages: 1 << 20),
    // Its end is within reach.
    file("/tmp/short", 13, .readWrite, pages: 40),
  ]

  private static func file(
    _ path: String, _ inode: UInt64, _ access: MappedFile.Access, pages: UInt64
  ) -> MappedFile {
    MappedFile(
      path: path, device: DeviceNumber(major: 8, minor: 2), inode: inode, access: access,
      byteCount: pages * 4096)
  }

  static let names = ["", "arena", "thread 2: a longer name"].map { Array($0.utf8) }
}

// MARK: - Doing it

extension SpaceOperation {
  func perform(on space: AddressSpace) -> Outcome {
    do throws(Errno) {
      return Outcome(value: try result(on: space))
    } catch {
      return Outcome(error: error.rawValue)
    }
  }

  private func result(on space: AddressSpace) throws(Errno) -> UInt64 {
    switch self {
    case .map(let address, let length, let protection, let flags, let file, let offset):
      let backing = file.map { Backing.file(SmallSpace.files[$0], offset: offset) }
      return try space.systemCalls.mmap(
        at: address, length: length, protection: protection, flags: flags,
        backing: backing ?? .anonymous)
    case .unmap(let address, let length): try space.systemCalls.munmap(address, length: length)
    case .protect(let address, let length, let protection):
      try space.systemCalls.mprotect(address, length: length, protection)
    case .remap(let address, let length, let newLength, let flags, let target):
      return try space.systemCalls.mremap(
        address, length: length, newLength: newLength, flags: flags, newAddress: target)
    case .advise(let address, let length, let advice):
      try space.systemCalls.madvise(address, length: length, advice)
    case .lock(let address, let length, let onFault):
      try space.systemCalls.mlock(address, length: length, onFault: onFault)
    case .unlock(let address, let length): try space.systemCalls.munlock(address, length: length)
    case .touch(let address):
      do {
        try space.simulateWrite(at: address)
      } catch {
        throw error == .bus ? .ioError : .badAddress
      }
    case .setName(let address, let length, let name):
      try space.systemCalls.setName(address, length: length, name.map { SmallSpace.names[$0] })
    case .setBreak(let address): return space.setBreak(address)
    case .exec: space.replaceAll(with: SmallSpace.mappings, layout: SmallSpace.layout)
    }
    return 0
  }
}

// MARK: - Choosing

extension SpaceOperation {
  static func random(_ random: inout SeededGenerator) -> Self {
    let address =
      SmallSpace.page(
        random.below(SmallSpace.pageCount)) + (random.oneIn(40) ? random.below(4096) : 0)
    let length = 4096 * (1 + random.below(random.oneIn(10) ? 24 : 6)) - random.below(3)
    switch random.below(100) {
    case 0..<30: return map(address, length, &random)
    case 30..<42: return .unmap(address, length: length)
    case 42..<54: return .protect(address, length: length, protection(&random))
    case 54..<70: return remap(address, length, &random)
    case 70..<78: return .advise(address, length: length, random.pick(advices))
    case 78..<81: return .lock(address, length: length, onFault: random.oneIn(3))
    case 81..<84: return .unlock(address, length: length * 4)
    case 84..<90: return .touch(address + random.below(4096))
    case 90..<94:
      let name = random.oneIn(4) ? nil : Int(random.below(UInt64(SmallSpace.names.count)))
      return .setName(address, length: length, name: name)
    case 94..<99:
      return .setBreak(SmallSpace.breakStart - 100 + random.below(20 * 4096))
    default: return random.oneIn(20) ? .exec : .unmap(address, length: 12 * 4096)
    }
  }

  private static func map(
    _ address: UInt64, _ length: UInt64, _ random: inout SeededGenerator
  ) -> Self {
    var flags: MmapFlags = random.pick([.private, .private, .private, .shared, .droppable])
    if random.oneIn(2) { flags.insert(.fixed) }
    for (flag, count) in rareFlags where random.oneIn(count) { flags.insert(flag) }
    var file: Int?
    var offset: UInt64 = 0
    if random.oneIn(3) {
      flags.remove(.droppable)
      if !flags.contains(.shared) { flags.insert(.private) }
      file = Int(random.below(UInt64(SmallSpace.files.count)))
      // Often what continues a neighbour.
      offset = random.oneIn(4) ? 0 : (address - SmallSpace.base) & ~4095
    }
    return .map(
      random.oneIn(8) ? 0 : address, length: length, protection(&random), flags, file: file,
      offset: offset)
  }

  private static let rareFlags: [(MmapFlags, UInt64)] = [
    (.growsDown, 16), (.locked, 20), (.noReserve, 16), (.populate, 8), (.stack, 20),
    (.fixedNoReplace, 12),
  ]

  private static func remap(
    _ address: UInt64, _ length: UInt64, _ random: inout SeededGenerator
  ) -> Self {
    let newLength = random.oneIn(2) ? length : 4096 * (1 + random.below(8))
    let target = SmallSpace.page(random.below(SmallSpace.pageCount))
    let flags: RemapFlags = random.pick([
      [], .mayMove, .mayMove, [.mayMove, .fixed], [.mayMove, .fixed], [.mayMove, .dontUnmap],
      [.mayMove, .fixed, .dontUnmap],
    ])
    return .remap(
      address, length: random.oneIn(12) ? 0 : length, to: newLength, flags, at: target)
  }

  private static func protection(_ random: inout SeededGenerator) -> Protection {
    random.pick([[], .read, .read, [.read, .write], [.read, .write], [.read, .execute], .write])
  }

  private static let advices: [Advice] = [
    .normal, .random, .sequential, .dontFork, .doFork, .mergeable, .unmergeable, .hugePage,
    .noHugePage, .dontDump, .doDump, .wipeOnFork, .keepOnFork, .populateRead, .populateWrite,
  ]
}
