// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SequenceLocks
import TestSupport
import Testing

@testable import VirtualMemory

/// The search for free ranges through the inner nodes' gaps, against a scan of all VMAs.
@Suite struct GapSearchTests {
  @Test(arguments: [(1, 40), (2, 1500), (3, 20_000)] as [(UInt64, UInt64)])
  func agreesWithAScan(_ seed: UInt64, _ pageCount: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let first: UInt64 = 0x1000
    let space = AddressSpace()
    for _ in 0..<pageCount / 4 {
      try space.systemCalls.mmap(
        at: (first + random.below(pageCount)) * 4096, length: 4096 * (1 + random.below(4)),
        protection: random.oneIn(2) ? .read : [.read, .write], flags: [.private, .fixed])
    }
    let vmas = space.snapshotVMAs().vmas
    for _ in 0..<1000 {
      let low = first - 20 + random.below(pageCount + 20)
      let request = GapRequest(
        length: 4096 * (1 + random.below(random.oneIn(4) ? 64 : 8)), minimumAddress: low * 4096,
        limit: (low + random.below(pageCount + 40)) * 4096)
      Self.expectEqual(space, vmas, request, "seed \(seed)")
    }
  }

  @Test func emptySpaceIsOneGap() {
    let space = AddressSpace()
    let request = GapRequest(length: 4096, minimumAddress: 8192, limit: 1 << 30)
    let found = Self.search(space, request)
    #expect(found.highest == 1 << 30 - 4096)
    #expect(found.lowest == 8192)
  }

  @Test func gapsAtTheEdges() throws {
    let space = AddressSpace()
    try space.systemCalls.mmap(
      at: 0x10000, length: 4096, protection: .read, flags: [.private, .fixed])
    try space.systemCalls.mmap(
      at: 0x14000, length: 4096, protection: .read, flags: [.private, .fixed])
    let vmas = space.snapshotVMAs().vmas
    for length in 1...5 as ClosedRange<UInt64> {
      for low in 0xe...0x16 as ClosedRange<UInt64> {
        for high in 0xe...0x18 as ClosedRange<UInt64> {
          let request = GapRequest(
            length: length * 4096, minimumAddress: low * 4096, limit: high * 4096)
          Self.expectEqual(space, vmas, request, "edges")
        }
      }
    }
  }

  private static func expectEqual(
    _ space: AddressSpace, _ vmas: [VMA], _ request: GapRequest, _ what: Comment
  ) {
    let (lowest, highest) = scan(vmas, request)
    if search(space, request) != (lowest, highest) {
      Issue.record(
        "\(what): \(request): \(highest ?? 0), \(lowest ?? 0) expected")
    }
  }

  private static func search(
    _ space: AddressSpace, _ request: GapRequest
  ) -> (lowest: UInt64?, highest: UInt64?) {
    space.mapLock.withReadLock {
      unsafe (
        space.writer.pointee.tree.lowestGap(request), space.writer.pointee.tree.highestGap(request)
      )
    }
  }

  /// The first and the last place, by looking at every gap.
  private static func scan(
    _ vmas: [VMA], _ request: GapRequest
  ) -> (lowest: UInt64?, highest: UInt64?) {
    var lowest: UInt64?
    var highest: UInt64?
    let starts = vmas.map(\.start) + [.max]
    for (low, high) in zip([0] + vmas.map(\.end), starts) {
      let low = max(low, request.minimumAddress)
      let high = min(high, request.limit)
      guard low <= high, high - low >= request.length else { continue }
      lowest = lowest ?? low
      highest = high - request.length
    }
    return (lowest, highest)
  }
}
