// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import SystemPackage
import Testing
import VirtualMemory

/// Memory that is only executable, where processors have protection keys.
///
/// What `mmap`, `mprotect`, `mremap` and `mlock` make of it is compared with the kernel in
/// the tools' tests; here is what scripts can't say.
struct ProtectionKeyTests {
  private static let start: UInt64 = 0x10_0000

  private static func space(_ hasKeys: Bool) -> AddressSpace {
    var configuration = AddressSpaceConfiguration()
    configuration.hasProtectionKeys = hasKeys
    return AddressSpace(configuration: configuration)
  }

  private static func lockError(_ space: AddressSpace) -> Errno? {
    do throws(Errno) {
      try space.systemCalls.mlock(start, length: AddressSpace.pageSize)
      return nil
    } catch {
      return error
    }
  }

  @Test func thereAreNoneUnlessTheConfigurationSaysSo() throws {
    #expect(!AddressSpaceConfiguration().hasProtectionKeys)
    let space = AddressSpace()
    try space.systemCalls.mmap(
      at: Self.start, length: AddressSpace.pageSize, protection: .execute,
      flags: [.private, .fixed])
    #expect(Self.lockError(space) == nil)
  }

  @Test(arguments: [false, true]) func aChildHasTheKeyToo(_ hasKeys: Bool) throws {
    let parent = Self.space(hasKeys)
    try parent.systemCalls.mmap(
      at: Self.start, length: AddressSpace.pageSize, protection: .execute,
      flags: [.private, .fixed])
    #expect(Self.lockError(parent.fork()) == (hasKeys ? .noMemory : nil))
  }

  /// An import can't tell why memory is only executable: it has a key, as nearly all of it has.
  @Test(arguments: [false, true]) func importedMemoryHasTheKey(_ hasKeys: Bool) {
    let mapping = ImportedMapping(
      start: Self.start, end: Self.start + AddressSpace.pageSize, protection: .execute,
      isShared: false,
      source: .anonymous)
    let space = Self.space(hasKeys)
    space.replaceAll(with: [mapping])
    #expect(Self.lockError(space) == (hasKeys ? .noMemory : nil))
  }

  /// Advice to populate asks for the right to read or write, which the key isn't asked about.
  @Test(arguments: [false, true]) func adviceToPopulateFailsAnyway(_ hasKeys: Bool) throws {
    let space = Self.space(hasKeys)
    try space.systemCalls.mmap(
      at: Self.start, length: AddressSpace.pageSize, protection: .execute,
      flags: [.private, .fixed])
    for advice in [Advice.populateRead, .populateWrite] {
      #expect(throws: Errno.invalidArgument) {
        try space.systemCalls.madvise(Self.start, length: AddressSpace.pageSize, advice)
      }
    }
  }

  @Test func thisMachinesConfigurationIsRead() throws {
    let configuration = AddressSpaceConfiguration.current
    let processor = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let flags = processor.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    #expect(configuration.hasProtectionKeys == flags.split(separator: " ").contains("ospke"))
    func number(_ name: String) throws -> UInt64? {
      let text = try String(contentsOfFile: "/proc/sys/vm/" + name, encoding: .utf8)
      return UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    #expect(try number("max_map_count") == UInt64(configuration.maximumMapCount))
    let lowest = try #require(try number("mmap_min_addr"))
    #expect(
      configuration.minimumAddress == (lowest + AddressSpace.pageSize - 1) / AddressSpace.pageSize
        * AddressSpace.pageSize)
    // It is one that an address space takes.
    #expect(AddressSpace(configuration: configuration).count == 0)
  }
}
