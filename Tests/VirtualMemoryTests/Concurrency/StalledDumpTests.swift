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
      let limbo = StalledDumpTests.limboMax(of: space) { stays in
        space.withSealedVersion { version in
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
      let limbo = StalledDumpTests.limboMax(of: space) { stays in
        space.withCurrentVersion { version in
          let before = StalledDumpTests.text(of: version, in: space)
          stays()
          if StalledDumpTests.text(of: version, in: space) != before { exit(1) }
        }
      }
      exit(limbo > 2 * StalledDumpTests.limboBound ? 0 : 2)
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

  /// Changes the space at random beside a reader that stays, and again after it has left.
  ///
  /// - Returns: the most bytes of nodes that waited meanwhile.
  private static func limboMax(
    of space: AddressSpace, reader: @escaping @Sendable (_ stays: () -> Void) -> Void
  ) -> Int {
    var random = SystemRandomNumberGenerator()
    var isMapped = [Bool](repeating: false, count: Int(slotCount))
    func change(_ slot: Int) {
      let address = start + UInt64(slot) * 8192
      isMapped[slot].toggle()
      do {
        if isMapped[slot] {
          _ = try space.map(
            at: address, length: 4096, protection: .read, flags: [.private, .fixed])
        } else {
          try space.unmap(address, length: 4096)
        }
      } catch { preconditionFailure("\(error)") }
    }
    for slot in 0..<Int(slotCount) where slot & 1 == 0 { change(slot) }
    let (isInside, mayLeave) = (Flag(), Flag())
    let thread = RunningThread {
      reader {
        isInside.raise()
        mayLeave.wait()
      }
    }
    isInside.wait()
    var limbo = 0
    for _ in 0..<12_000 {
      change(Int(random.next() % slotCount))
      limbo = max(limbo, space.mapLock.withReadLock { unsafe space.writer.pointee.pool.limboBytes })
    }
    mayLeave.raise()
    thread.join()
    return limbo
  }
}
