// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import SequenceLocks
import TestSupport
import Testing

@testable import VirtualMemory

/// A reader that stands still in the midst of a version, while the writer goes on.
///
/// In processes of their own: readers of other tests would keep nodes, too.
@Suite(.serialized) struct StalledDumpTests {
  private static let slotCount: UInt64 = 8192
  private static let start: UInt64 = 0x1000_0000
  private static let limboBound = 6 << 20

  /// Its version stays as it was; of what is made later nothing waits for it.
  @Test func keepsItsVersionAndLittleMore() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let space = AddressSpace()
      let limbo = StalledDumpTests.maximumLimbo(of: space) { stays in
        space.withSnapshotVersion { version in
          let before = StalledDumpTests.text(of: version, in: space)
          stays()
          if StalledDumpTests.text(of: version, in: space) != before { exit(1) }
        }
      }
      exit(limbo <= StalledDumpTests.limboBound ? 0 : 2)
    }
  }

  /// What would fail if the bound above meant nothing.
  @Test func othersKeepAll() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let space = AddressSpace()
      let limbo = StalledDumpTests.maximumLimbo(of: space) { stays in
        space.withCurrentVersion { version in
          let before = StalledDumpTests.text(of: version, in: space)
          stays()
          if StalledDumpTests.text(of: version, in: space) != before { exit(1) }
        }
      }
      exit(limbo > 2 * StalledDumpTests.limboBound ? 0 : 2)
    }
  }

  /// Another reader, who isn't a snapshot section, keeps all that comes, up to the limit, at which
  /// the writer waits. When that one has left, the writer goes on, though the dump still stands.
  @Test func whoWaitsForAnotherDoesNotWaitForIt() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let space = AddressSpace()
      var changes = Changes(space)
      let (isInside, mayLeave, isDone) = (Flag(), Flag(), Flag())
      let dump = RunningThread {
        space.withSnapshotVersion { version in
          let before = StalledDumpTests.text(of: version, in: space)
          isInside.raise()
          if !waitUntil({ isDone.isRaised }) { exit(3) }
          if StalledDumpTests.text(of: version, in: space) != before { exit(1) }
        }
      }
      isInside.wait()
      for _ in 0..<3000 { _ = changes.change() }
      let isOtherInside = Flag()
      let other = RunningThread {
        space.withCurrentVersion { _ in
          isOtherInside.raise()
          mayLeave.wait()
        }
      }
      isOtherInside.wait()
      var limbo = 0
      while limbo < 31 << 20 { limbo = changes.change() }
      // The writer waits before this thread has run, most likely.
      let opener = RunningThread {
        usleep(50_000)
        mayLeave.raise()
      }
      let (generation, count) = (space.generation, 20_000)
      for _ in 0..<count { limbo = changes.change() }
      // To wait makes no version.
      if space.generation != generation + 2 * UInt64(count) { exit(4) }
      isDone.raise()
      dump.join()
      other.join()
      opener.join()
      exit(limbo <= StalledDumpTests.limboBound ? 0 : 2)
    }
  }

  /// The lines of one version, made in whatever section is open.
  private static func text(of version: Version, in space: AddressSpace) -> [UInt8] {
    let capacity = 1 << 20
    return unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      let memory = UnsafeMutableRawPointer(buffer.baseAddress!)
      var formatter = unsafe ChunkFormatter(
        out: memory, capacity: capacity, limit: .max, wanted: .max, position: 0)
      formatter.append(version, space.labels)
      precondition(formatter.state == .end)
      count = formatter.count
    }
  }

  /// Random changes of a space, half full.
  private struct Changes {
    let space: AddressSpace
    private var random = SystemRandomNumberGenerator()
    private var isMapped = [Bool](repeating: false, count: Int(slotCount))

    init(_ space: AddressSpace) {
      self.space = space
      for slot in 0..<Int(slotCount) where slot & 1 == 0 { change(slot) }
    }

    private mutating func change(_ slot: Int) {
      let address = start + UInt64(slot) * 8192
      isMapped[slot].toggle()
      do {
        if isMapped[slot] {
          _ = try space.systemCalls.mmap(
            at: address, length: 4096, protection: .read, flags: [.private, .fixed])
        } else {
          try space.systemCalls.munmap(address, length: 4096)
        }
      } catch { preconditionFailure("\(error)") }
    }

    /// - Returns: the bytes of nodes that wait then.
    mutating func change() -> Int {
      change(Int(random.next() % slotCount))
      return space._poolLimboBytes
    }
  }

  /// Changes the space at random beside a reader that stays.
  ///
  /// - Returns: the most bytes of nodes that waited meanwhile.
  private static func maximumLimbo(
    of space: AddressSpace, reader: @escaping @Sendable (_ stays: () -> Void) -> Void
  ) -> Int {
    var changes = Changes(space)
    let (isInside, mayLeave) = (Flag(), Flag())
    let thread = RunningThread {
      reader {
        isInside.raise()
        mayLeave.wait()
      }
    }
    isInside.wait()
    var limbo = 0
    for _ in 0..<12_000 { limbo = max(limbo, changes.change()) }
    mayLeave.raise()
    thread.join()
    return limbo
  }
}

extension AddressSpace {
  fileprivate var _poolLimboBytes: Int {
    mapLock.withReadLock { unsafe writer.pointee.tree.pool.limboBytes }
  }
}
