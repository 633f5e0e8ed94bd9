// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import TestSupport
import Testing

@testable import VirtualMemory

/// What snapshots hold, and that they hold no more.
@Suite(.serialized) struct SnapshotMemoryTests {
  private static let leafBytes = NodeLayout.blockBytes(NodeLayout.leafClass)

  /// What a change of one VMA replaces at least, and at most.
  private static func pathBytes(height: Int) -> ClosedRange<Int> {
    let innerBytes = NodeLayout.blockBytes(NodeLayout.innerClass)
    let boundsBytes = NodeLayout.blockBytes(NodeLayout.boundsClass)
    return leafBytes + height * innerBytes...leafBytes + height * (innerBytes + boundsBytes)
  }

  private static func space(vmaCount: UInt64) throws -> AddressSpace {
    let space = AddressSpace()
    for page in 0..<vmaCount { try space.mapPages(2 * page..<2 * page + 1) }
    return space
  }

  /// The nodes that `version` consists of, with their bytes.
  private static func nodes(of version: Version) -> [UInt: Int] {
    var nodes: [UInt: Int] = [:]
    func collect(_ node: UnsafeMutableRawPointer, _ level: Int) {
      let sizeClass = level == 0 ? NodeLayout.leafClass : NodeLayout.innerClass
      nodes[UInt(bitPattern: node)] = NodeLayout.blockBytes(sizeClass)
      if level == 0 {
        unsafe nodes[UInt(bitPattern: Leaf(node).payload.base)] =
          NodeLayout.blockBytes(NodeLayout.payloadClass)
        return
      }
      let inner = unsafe InnerNode(node)
      unsafe nodes[UInt(bitPattern: inner.bounds.base)] =
        NodeLayout.blockBytes(NodeLayout.boundsClass)
      for index in 0..<inner.count { unsafe collect(inner.child(index), level - 1) }
    }
    if let root = unsafe version.tree.root { unsafe collect(root, version.tree.height) }
    return nodes
  }

  private static func nodeBytes(of version: Version) -> Int {
    nodes(of: version).values.reduce(0, +)
  }

  /// Waits for what was retired, and for what that retires.
  private static func settle() {
    for _ in 0..<2 { RCU.barrier() }
  }

  @Test func nothingIsHeldWithoutAChange() throws {
    let space = try Self.space(vmaCount: 1000)
    let snapshots = (0..<10).map { _ in space.snapshot() }
    #expect(space.snapshotStatistics.heldBytes == 0)
    withExtendedLifetime(snapshots) {}
  }

  /// A path of nodes per change, until all of the version has been replaced; then no more.
  @Test func oneVersionIsHeldAtMost() throws {
    let space = try Self.space(vmaCount: 1000)
    let snapshot = space.snapshot()
    let bytes = snapshot.withVersion { Self.nodeBytes(of: $0) }
    try space.unmapPages(0..<1)
    let one = space.snapshotStatistics.heldBytes
    let height = space.currentVersion.tree.height
    #expect(height == 2 && Self.pathBytes(height: height).contains(one))
    try space.mapPages(0..<1)
    #expect(space.snapshotStatistics.heldBytes == one)
    try space.unmapPages(0..<2000)
    #expect(space.snapshotStatistics.heldBytes == bytes)
    for page in 0..<1000 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    #expect(space.snapshotStatistics.heldBytes == bytes)
    #expect(snapshot.count == 1000)
  }

  /// A million updates beside one snapshot, and no more memory than for the snapshot and the
  /// working set; and when it is gone, none is held.
  @Test func longLivedSnapshotIsBounded() throws {
    #if DEBUG
      let updates = 100_000
    #else
      let updates = isThreadSanitizerBuild ? 100_000 : 1_000_000
    #endif
    let space = try Self.space(vmaCount: 1000)
    Self.settle()
    let before = space.memoryBytes
    var snapshot: MapsSnapshot? = space.snapshot()
    let text = try #require(snapshot).mapsText().array
    let bytes = try #require(snapshot).withVersion { Self.nodeBytes(of: $0) }
    var random = SeededGenerator(seed: 1)
    for _ in 0..<updates / 2 {
      let page = 2 * random.below(1000)
      try space.unmapPages(page..<page + 1)
      try space.mapPages(page..<page + 1)
    }
    #expect(snapshot?.mapsText().array == text)
    #expect(space.snapshotStatistics.heldBytes == bytes)
    // Limbo has a bound of its own, whatever the number of updates; each replaced kilobytes.
    let after = space.memoryBytes
    #expect(after <= before + bytes + (48 << 20))
    print("\(updates) updates: \(before >> 10) KiB of nodes before, \(after >> 10) KiB after")
    snapshot = nil
    Self.settle()
    #expect(space.snapshotStatistics.heldBytes == 0)
  }

  /// Round after round of a snapshot, a change of everything, and dropping it: the memory of the
  /// first round serves all.
  @Test func heldNodesAreUsedAgain() throws {
    let space = try Self.space(vmaCount: 20_000)
    var afterFirst = 0
    for round in 0..<12 {
      let snapshot = space.snapshot()
      try space.protectPages(0..<1, "r")
      for page in stride(from: 0, to: 40_000 as UInt64, by: 40) {
        try space.protectPages(page..<page + 1, round % 2 == 0 ? "rx" : "rw")
      }
      #expect(space.snapshotStatistics.heldBytes > 20_000 / 32 * Self.leafBytes)
      withExtendedLifetime(snapshot) {}
      Self.settle()
      if round == 1 { afterFirst = space.memoryBytes }
      // What one round retires may be on its way.
    }
    Self.settle()
    #expect(space.snapshotStatistics.heldBytes == 0)
    #expect(space.memoryBytes <= afterFirst + (8 << 20))
  }

  /// A snapshot of a large map, all of it replaced, and back to what it was before.
  @Test(.large) func memoryGoesBackToTheBaseline() throws {
    func mappings(_ protection: Protection) -> [ImportedMapping] {
      (1...100_000).map { page in
        ImportedMapping(
          start: page * 0x2000, end: page * 0x2000 + 0x1000, protection: protection,
          isShared: false, source: .anonymous)
      }
    }
    let space = AddressSpace(importing: mappings(.read))
    let baseline = space.memoryBytes
    let versionBytes = Self.nodeBytes(of: space.currentVersion)
    for round in 1...3 {
      let snapshots = (0..<3).map { number in
        let snapshot = space.snapshot()
        space.replaceAll(with: mappings(number % 2 == 0 ? [.read, .write] : .read))
        return snapshot
      }
      #expect(space.memoryBytes >= 4 * versionBytes)
      withExtendedLifetime(snapshots) {}
      Self.release(space)
      #expect(space.memoryBytes >= 4 * versionBytes)
      _ = consume snapshots
      Self.release(space)
      #expect(space.snapshotStatistics.heldBytes == 0)
      #expect(space.memoryBytes <= baseline + (1 << 20), "round \(round)")
      space._checkInvariants()
    }
    #expect(space.count == 100_000)
  }

  /// Twice: the first time hands over the batch that was being filled.
  private static func release(_ space: AddressSpace) {
    for _ in 0..<2 {
      settle()
      space.releaseFreeMemory()
    }
  }

  /// In whatever order snapshots go, each keeps what it sees and nothing else is held.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func heldIsWhatSnapshotsSee(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let space = try Self.space(vmaCount: 300)
    var alive: [(snapshot: MapsSnapshot, vmas: [VMA])] = []
    for step in 0..<400 {
      switch random.below(4) {
      case 0:
        alive.append((space.snapshot(), space.snapshotVMAs().vmas))
      case 1 where !alive.isEmpty:
        alive.remove(at: Int(random.below(UInt64(alive.count))))
      default:
        for _ in 0..<random.below(4) {
          let page = random.below(600)
          let last = page + 1 + random.below(random.oneIn(20) ? 300 : 3)
          if random.oneIn(2) {
            try space.mapPages(page..<last, random.oneIn(2) ? "rw" : "r")
          } else {
            try space.unmapPages(page..<last)
          }
        }
      }
      guard step % 20 == 0 else { continue }
      for (snapshot, vmas) in alive { #expect(Array(snapshot) == vmas, "seed \(seed)") }
      Self.settle()
      #expect(
        space.snapshotStatistics.heldBytes
          == Self.bytesSeen(by: alive.map(\.snapshot), butNotIn: space), "seed \(seed), \(step)")
      space._checkInvariants()
    }
    alive = []
    Self.settle()
    #expect(space.snapshotStatistics.heldBytes == 0)
  }

  /// Bytes of the nodes that are in a snapshot's version and not in the current one.
  private static func bytesSeen(by snapshots: [MapsSnapshot], butNotIn space: AddressSpace) -> Int {
    var seen: [UInt: Int] = [:]
    for snapshot in snapshots {
      seen.merge(snapshot.withVersion { nodes(of: $0) }) { bytes, _ in bytes }
    }
    let current = space.withCurrentVersion { nodes(of: $0) }
    return seen.reduce(0) { $0 + (current[$1.key] == nil ? $1.value : 0) }
  }

  #if DEBUG
    /// Files and names live as long as a snapshot shows them, and not longer.
    @Test func objectsLiveAsLongAsASnapshotShowsThem() async {
      await #expect(processExitsWith: .success) {
        let space = AddressSpace()
        let before = MapObject.liveCount
        func mapFiles(_ pages: Range<UInt64>) throws {
          for page in pages {
            let file = MappedFile(
              path: "/f/\(page)", device: DeviceNumber(major: 8, minor: 1), inode: page + 1)
            try space.mapPages(page..<page + 1, "r", backing: .file(file))
          }
        }
        try mapFiles(0..<100)
        await RCU.barrier()
        #expect(MapObject.liveCount == before + 100)
        var first: MapsSnapshot? = space.snapshot()
        try mapFiles(100..<200)
        var second: MapsSnapshot? = space.snapshot()
        // What comes and goes beside the snapshots is freed.
        for _ in 0..<10 {
          try mapFiles(200..<300)
          try space.unmapPages(200..<300)
        }
        try space.unmapPages(0..<200)
        for _ in 0..<2 { await RCU.barrier() }
        #expect(MapObject.liveCount == before + 200)
        #expect(first?.mapsText().string.hasSuffix("/f/99\n") == true)
        #expect(second?.mapsText().string.hasSuffix("/f/199\n") == true)
        first = nil
        for _ in 0..<3 { await RCU.barrier() }
        // The second shows all of them.
        #expect(MapObject.liveCount == before + 200)
        #expect(try second?.namedQuery(AddressSpace.testBase).name == Array("/f/0".utf8))
        second = nil
        for _ in 0..<3 { await RCU.barrier() }
        #expect(MapObject.liveCount == before)
        withExtendedLifetime(space) {}
      }
    }
  #endif
}
