// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import SystemPackage
import VirtualMemory

/// About 10,000 mappings of one page, in this process and, the same ones, in an address space.
///
/// The region has 20,000 slots of two pages, far away from where the kernel puts anything by itself.
/// A slot's first page is mapped or not; the second never is, so that no two merge. Half of the slots
/// are mapped to begin with. Even slots are readable, odd ones writable too. No page is touched.
final class MappedWorld {
  static let slotCount = 20_000
  static let slotBytes: UInt64 = 2 * pageBytes
  static let regionStart: UInt64 = 0x2000_0000_0000
  static let regionEnd = regionStart + UInt64(slotCount) * slotBytes

  let space: AddressSpace
  let kernel: KernelMaps
  /// Lines of the process's text, which are VMAs of the address space, and `[vsyscall]`.
  let lineCount: Int
  /// Whether the kernel has `PROCMAP_QUERY`: since Linux 6.11.
  let hasKernelQuery: Bool
  private(set) var mapped: [Bool]

  init() throws {
    var random = Random(seed: 1)
    mapped = [Bool](repeating: false, count: Self.slotCount)
    for slot in mapped.indices where random.next() & 1 == 0 {
      Self.changeKernel(slot, maps: true)
      mapped[slot] = true
    }
    kernel = try KernelMaps()
    space = try AddressSpace(procMaps: Self.text(kernel))
    // As imported the nodes are full; a process that has lived for a while looks otherwise.
    for _ in 0..<Self.slotCount {
      let slot = Int(random.next() % UInt64(Self.slotCount))
      let maps = !mapped[slot]
      mapped[slot] = maps
      Self.changeKernel(slot, maps: maps)
      try Self.change(space, slot, maps: maps)
    }
    lineCount = try Self.text(kernel).count { $0 == UInt8(ascii: "\n") }
    hasKernelQuery = Self.answersQueries(kernel)
  }

  deinit {
    munmap(
      UnsafeMutableRawPointer(bitPattern: UInt(Self.regionStart)),
      Int(Self.regionEnd - Self.regionStart))
  }

  static func address(of slot: Int) -> UInt64 { regionStart + UInt64(slot) * slotBytes }

  static func text(_ kernel: borrowing KernelMaps) throws -> [UInt8] {
    guard let text = try kernel.stableText(attemptsMax: 100) else {
      fail("the maps of this process never stand still", code: 75)
    }
    return text
  }

  private static func answersQueries(_ kernel: borrowing KernelMaps) -> Bool {
    var query = ProcmapQuery()
    query.queryFlags = QueryFlags.coveringOrNext.rawValue
    return (try? kernel.query(&query)) != nil
  }

  // MARK: Changes

  @inline(__always)
  static func change(_ space: AddressSpace, _ slot: Int, maps: Bool) throws {
    if maps {
      let protection: Protection = slot & 1 == 0 ? .read : [.read, .write]
      try space.map(
        at: address(of: slot), length: pageBytes, protection: protection,
        flags: [.private, .fixed])
    } else {
      try space.unmap(address(of: slot), length: pageBytes)
    }
  }

  @inline(__always)
  static func changeKernel(_ slot: Int, maps: Bool) {
    let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address(of: slot)))
    if maps {
      let protection = slot & 1 == 0 ? PROT_READ : PROT_READ | PROT_WRITE
      // MAP_FIXED_NOREPLACE, so that nothing of this process can be overwritten.
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | 0x100000
      guard mmap(pointer, 4096, protection, flags, -1, 0) == pointer else {
        fail("mmap failed: \(Errno(rawValue: errno))", code: 71)
      }
    } else if munmap(pointer, 4096) != 0 {
      fail("munmap failed: \(Errno(rawValue: errno))", code: 71)
    }
  }

  /// The lines of the region in a text.
  static func regionLines(_ text: [UInt8]) throws -> [ProcMapsLine] {
    try ProcMapsParser.parse(text).filter { $0.start >= regionStart && $0.end <= regionEnd }
  }
}

/// SplitMix64: the same numbers in every run, so that two sides can do the same.
struct Random {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
