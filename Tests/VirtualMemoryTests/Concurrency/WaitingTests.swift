// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@testable import VirtualMemory

/// Where writers wait for the reclaimer, and where they must not.
@Suite(.serialized) struct WaitingTests {
  /// A writer past the bound waits outside of its lock: a deferred call that changes the same
  /// address space gets through.
  @Test func deferredCallsMayChangeTheSpaceThatWaits() throws {
    let space = AddressSpace()
    let base: UInt64 = 0x10_0000_0000
    let ran = Flag()
    let opened = Flag()
    let closed = Flag()
    let reader = RunningThread {
      RCU.withReadSection { _ in
        opened.raise()
        _ = waitUntil { closed.isRaised }
      }
    }
    _ = waitUntil { opened.isRaised }
    RCU.afterGracePeriod {
      try? space.systemCalls.munmap(base, length: 4096)
      ran.raise()
    }
    // Retires until it has to wait; then the section ends, and the deferred call runs first.
    let watcher = RunningThread {
      _ = waitUntil { space._poolBytes.limbo > 32 << 20 }
      closed.raise()
    }
    var operations = 0
    while !ran.isRaised && operations < 200_000 {
      let page = UInt64(operations % 4096)
      try space.systemCalls.mmap(
        at: base + page * 8192, length: 4096, protection: .read, flags: [.private, .fixed])
      try space.systemCalls.munmap(base + page * 8192, length: 4096)
      operations += 1
    }
    watcher.join()
    reader.join()
    RCU.barrier()
    #expect(ran.isRaised)
    space._checkInvariants()
  }

  /// The part behind the last page of a file's offsets begins at 0 again, as in the kernel's text.
  @Test func fileOffsetsAtTheTopDontTrap() throws {
    let file = MappedFile(path: "/f", device: DeviceNumber(major: 8, minor: 1), inode: 1)
    let space = AddressSpace(
      importing: [
        ImportedMapping(
          start: 0x400000, end: 0x402000, protection: .read, isShared: false,
          source: .file(file, offset: 0xffff_ffff_ffff_f000))
      ])
    try space.systemCalls.munmap(0x400000, length: 4096)
    #expect(space.snapshotVMAs().vmas.count == 1)
    #expect(try space.query(0x401000).offset == 0)
    #expect(space.mapsText().string.hasPrefix("00401000-00402000 r--p 00000000 08:01 1"))
  }
}
