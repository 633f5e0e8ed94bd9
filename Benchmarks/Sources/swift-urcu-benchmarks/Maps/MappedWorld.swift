// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ProcessMaps
import SequenceLocks
import SystemPackage
import VirtualMemory

/// Many mappings of one page, really in this process if the kernel allows so many, and the same
/// ones in whatever is compared.
///
/// The region has twice as many slots of two pages, far away from where the kernel puts anything by
/// itself. A slot's first page is mapped or not; the second never is, so that no two merge. Half of
/// the slots are mapped to begin with. Even slots are readable, odd ones writable too. No page is
/// touched.
///
/// Then each side ages by the same random changes, as many as there are slots: what has just been
/// built lies better in memory than what has lived for a while.
final class MappedWorld {
  static let slotBytes: UInt64 = 2 * AddressSpace.pageSize
  static let regionStart: UInt64 = 0x2000_0000_0000
  /// Above every region.
  static let maximumRegionEnd = regionStart + 1 << 40
  /// The kernel's default limit is 65,530 mappings.
  static let maximumKernelCount = 30_000

  let slotCount: Int
  /// This process; `nil` for more mappings than it may have.
  let kernel: KernelSide?
  /// What is mapped after all changes.
  let mapped: [Bool]
  /// Lines of the text.
  let lineCount: Int

  // The process's text before the changes, with the region in it.
  private let initialText: [UInt8]?
  private let initiallyMapped: [Bool]
  private let agingSeed: Random

  /// - Parameter vmaCount: about how many are mapped at a time.
  init(vmaCount: Int, hasKernel: Bool = true) throws {
    slotCount = vmaCount * 2
    var random = Random(seed: 1)
    initiallyMapped = (0..<slotCount).map { _ in random.next() & 1 == 0 }
    agingSeed = random
    let isInKernel = hasKernel && vmaCount <= Self.maximumKernelCount
    kernel = isInKernel ? try KernelSide(MappedRegion(slotCount: slotCount)) : nil
    if let kernel {
      for slot in 0..<slotCount where initiallyMapped[slot] {
        kernel.change(slot, maps: true)
      }
      initialText = try kernel.text()
    } else {
      initialText = nil
    }
    mapped = Self.age(initiallyMapped, agingSeed) { [kernel] in kernel?.change($0, maps: $1) }
    lineCount =
      try kernel?.text().count { $0 == UInt8(ascii: "\n") } ?? mapped.count { $0 }
  }

  @inline(__always)
  static func address(of slot: Int) -> UInt64 { regionStart + UInt64(slot) * slotBytes }

  @inline(__always)
  static func isWritable(_ slot: Int) -> Bool { slot & 1 == 1 }

  private static func age(
    _ mapped: [Bool], _ random: Random, _ change: (Int, Bool) throws -> Void
  ) rethrows -> [Bool] {
    var (mapped, random) = (mapped, random)
    for _ in mapped.indices {
      let slot = Int(random.next() % UInt64(mapped.count))
      mapped[slot].toggle()
      try change(slot, mapped[slot])
    }
    return mapped
  }

  private func aged<Side: MapSide>(_ side: Side) throws -> Side {
    _ = try Self.age(initiallyMapped, agingSeed) { try side.change($0, maps: $1) }
    return side
  }
}

// MARK: - Sides

extension MappedWorld {
  /// An address space with what this process had to begin with, before any change.
  func makeImported(preferring preference: AddressSpaceConfiguration.LockPreference = .writers)
    throws -> AddressSpace
  {
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = .max
    configuration.lockPreference = preference
    if let initialText {
      return try AddressSpace(procMaps: initialText, configuration: configuration)
    }
    let slots = initiallyMapped.indices.lazy.filter { self.initiallyMapped[$0] }
    return AddressSpace(
      importing: slots.map { slot in
        let start = Self.address(of: slot)
        return ImportedMapping(
          start: start, end: start + AddressSpace.pageSize,
          protection: StoreSide.protection(of: slot),
          isShared: false, source: .anonymous)
      }, configuration: configuration)
  }

  /// An address space.
  func makeStore(
    _ name: String = "store",
    preferring preference: AddressSpaceConfiguration.LockPreference = .writers
  ) throws -> StoreSide {
    try aged(StoreSide(name, makeImported(preferring: preference), .snapshot))
  }

  /// Another library's map.
  func makePeer(_ peer: Peer<baselines_map_peer>) throws -> PeerSide {
    let side = PeerSide(peer)
    if let initialText {
      for line in try ProcMapsParser.parse(initialText) { side.add(line, of: initialText) }
    } else {
      for slot in initiallyMapped.indices where initiallyMapped[slot] {
        side.change(slot, maps: true)
      }
    }
    return try aged(side)
  }

  /// A sorted array: it lies in memory as if it had just been built, whatever was changed.
  func makeArray() throws -> SortedArray {
    let array = SortedArray()
    if let kernel {
      try array.load(kernel.text())
    } else {
      for slot in mapped.indices where mapped[slot] { array.change(slot, maps: true) }
    }
    return array
  }
}
