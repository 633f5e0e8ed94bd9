// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Random operations done by the running kernel and by an `AddressSpace`: the same errors, the same
/// lines. Where they differ, the kernel is right.
@Suite(.serialized) struct KernelOracleTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func sameAsTheKernel(_ seed: UInt64) throws {
    try withTemporaryDirectory { directory in
      // One thread: there is nothing for ThreadSanitizer to see, and it is slow.
      let operations = isThreadSanitizerBuild ? 70 : 700
      try OraclePair(seed: seed, directory: directory).run(operations: operations)
    }
  }

  @Test func stressSameAsTheKernel() throws {
    let deadline = ContinuousClock.now + StressOptions.duration
    var seed: UInt64 = 100
    try withTemporaryDirectory { directory in
      repeat {
        try OraclePair(seed: seed, directory: directory).run(operations: 300)
        seed += 1
      } while ContinuousClock.now < deadline
    }
    print("\(seed - 100) seeds, the last \(seed - 1)")
  }
}

/// The kernel's window and the model's, and the operations on both.
final class OraclePair {
  private let seed: UInt64
  private var random: SeededGenerator
  private let window: KernelWindow
  private let space = AddressSpace()
  private let files: [WindowFile]
  // What the file system does with MAP_SYNC is its own affair; the model does what ext4 does.
  private var refusesSyncLate = false
  private var log: [String] = []

  init(seed: UInt64, directory: String) {
    self.seed = seed
    random = SeededGenerator(seed: seed)
    window = KernelWindow(number: 0, pageCount: 40)
    files = [
      .path(directory + "/first", .readWrite), .path(directory + "/second", .readWrite),
      .path(directory + "/read", .readOnly), .path(directory + "/write", .writeOnly),
    ]
    refusesSyncLate = probeSync()
  }

  deinit { for file in files { file.close() } }

  func run(operations count: Int) throws {
    for _ in 0..<count {
      let (expected, actual) = step()
      try #require(
        actual == expected, "seed \(seed): \(log.last ?? ""): the kernel says \(expected)")
      let lines = window.lines().map(Self.comparable)
      let ours = MapsLine.parse(space.mapsText().string).map(Self.comparable)
      if ours != lines {
        Issue.record(
          """
          seed \(seed), after:
          \(log.suffix(40).joined(separator: "\n"))
          the kernel:
          \(lines.map(\.description).joined(separator: "\n"))
          the model:
          \(ours.map(\.description).joined(separator: "\n"))
          """)
        return
      }
      space._checkInvariants()
    }
  }

  /// Devices and inodes are the machine's.
  private static func comparable(_ line: MapsLine) -> MapsLine {
    var line = line
    line.inode = line.inode == 0 ? 0 : 1
    (line.major, line.minor) = (0, 0)
    return line
  }

  /// What the kernel returned and what the model did, as text.
  private func step() -> (kernel: String, model: String) {
    let page = random.below(window.pageCount)
    var address = window.base + page * 4096
    var length = 4096 * (1 + random.below(random.oneIn(8) ? 20 : 5))
    length = min(length, window.end - address)
    if random.oneIn(12) { length -= random.below(4096) }
    if random.oneIn(40) { address += 1 + random.below(4095) }
    if random.oneIn(60) { length = 0 }
    switch random.below(10) {
    case 0...4: return map(address, length)
    case 5, 6: return unmap(address, length)
    default: return protect(address, length)
    }
  }

  private func unmap(_ address: UInt64, _ length: UInt64) -> (String, String) {
    log.append("unmap \(describe(address, length))")
    return (
      Self.outcome { () throws(Errno) in
        try window.unmap(address, length: length)
        return 0
      },
      Self.outcome { () throws(Errno) in
        try space.systemCalls.munmap(address, length: length)
        return 0
      }
    )
  }

  private func protect(_ address: UInt64, _ length: UInt64) -> (String, String) {
    var protection = protection()
    if random.oneIn(20) { protection.insert(.growsDown) }
    if random.oneIn(40) { protection.insert(.growsUp) }
    if random.oneIn(40) { protection.insert(Protection(rawValue: 0x400)) }
    if random.oneIn(40) { protection.insert(.atomicOperations) }
    log.append("protect \(describe(address, length)) \(protection.rawValue)")
    return (
      Self.outcome { () throws(Errno) in
        try window.protect(address, length: length, protection)
        return 0
      },
      Self.outcome { () throws(Errno) in
        try space.systemCalls.mprotect(address, length: length, protection)
        return 0
      }
    )
  }

  private func protection() -> Protection {
    random.pick([[], .read, .read, [.read, .write], [.read, .write], [.read, .execute], .write])
  }

  private func describe(_ address: UInt64, _ length: UInt64) -> String {
    "page \(Double(address - window.base) / 4096) length \(Double(length) / 4096)"
  }

  private static func outcome(_ body: () throws(Errno) -> UInt64) -> String {
    do {
      return String(try body(), radix: 16)
    } catch {
      return "errno \(error.rawValue)"
    }
  }
}

// MARK: - Mapping

extension OraclePair {
  private func map(_ address: UInt64, _ length: UInt64) -> (String, String) {
    var flags: MmapFlags = random.pick([.private, .private, .private, .shared, .sharedValidate])
    var descriptor: Int32 = -1
    var backing = Backing.anonymous
    var offset: UInt64 = 0
    if random.oneIn(2) {
      let file = random.pick(random.oneIn(10) ? files : Array(files[0..<3]))
      // Contiguous with the file's other pieces, often.
      offset = (address - window.base) & ~4095 + (random.oneIn(3) ? 4096 : 0)
      if random.oneIn(30) { offset = random.pick([5, 0x7fff_ffff_ffff_e000, 1 << 63]) }
      descriptor = file.descriptor
      backing = .file(file.file, offset: offset)
    } else {
      flags.insert(.anonymous)
    }
    addRareFlags(&flags)
    // A file system's own search goes astray near the largest offset.
    let isHint = random.oneIn(8) && offset < 1 << 40
    if !isHint { flags.insert(.fixed) }
    let protection = protection()
    log.append(
      "map \(describe(address, length)) protection \(protection.rawValue) flags 0x"
        + String(flags.rawValue, radix: 16) + " file \(descriptor) offset \(offset / 4096)")
    return (
      Self.outcome { () throws(Errno) in
        let start = try window.map(
          at: address, length: length, protection: protection, flags: flags,
          descriptor: descriptor, offset: offset)
        return try settle(start, length) { (start, length) throws(Errno) in
          try window.unmap(start, length: length)
        }
      },
      Self.outcome { () throws(Errno) in
        let start = try space.systemCalls.mmap(
          at: address, length: length, protection: protection, flags: flags, backing: backing)
        return try settle(start, length) { (start, length) throws(Errno) in
          try space.systemCalls.munmap(start, length: length)
        }
      }
    )
  }

  private func addRareFlags(_ flags: inout MmapFlags) {
    if random.oneIn(10) { flags.insert(.noReserve) }
    if random.oneIn(20) { flags.insert(.stack) }
    if random.oneIn(20) { flags.insert(.growsDown) }
    if random.oneIn(10) { flags.insert(.fixedNoReplace) }
    if random.oneIn(40) && refusesSyncLate { flags.insert(.sync) }
    if random.oneIn(40) { flags.insert(MmapFlags(rawValue: 0x0400_0000)) }
    if random.oneIn(40) { flags.insert(MmapFlags(rawValue: 0x0080_0000)) }
    if random.oneIn(40) { flags.remove(.sharedValidate) }
  }

  /// Whether the file system refuses MAP_SYNC, when the range has been cleared.
  private func probeSync() -> Bool {
    let isMapped = try? window.map(
      at: window.base, length: 4096, protection: .read, flags: [.private, .anonymous, .fixed])
    precondition(isMapped == window.base)
    defer { try? window.unmap(window.base, length: 4096) }
    do {
      _ = try window.map(
        at: window.base, length: 4096, protection: .read, flags: [.sharedValidate, .sync, .fixed],
        descriptor: files[0].descriptor)
      return false
    } catch {
      return window.lines().isEmpty
    }
  }

  /// A mapping that went elsewhere, since its hint was taken, is taken away again.
  private func settle(
    _ start: UInt64, _ length: UInt64, _ unmap: (UInt64, UInt64) throws(Errno) -> Void
  ) throws(Errno) -> UInt64 {
    if start >= window.base && start < window.end { return start }
    try unmap(start, length)
    return .max
  }
}
