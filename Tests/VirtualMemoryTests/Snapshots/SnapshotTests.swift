// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// A snapshot shows its version, whatever becomes of the address space.
@Suite struct SnapshotTests {
  private static let file = MappedFile(
    path: "/lib/libc.so", device: DeviceNumber(major: 8, minor: 1), inode: 77,
    buildID: Array(1...20))

  /// A heap, a stack, a file, shared memory with a name, a special mapping, a gate.
  private static func importedSpace() -> AddressSpace {
    var layout = ImportedLayout()
    layout.breakRange = 0x40_0000..<0x40_3000
    layout.stackStart = 0x7fff_0000_1800
    layout.gateProtection = .execute
    func mapping(
      _ start: UInt64, _ end: UInt64, isShared: Bool = false, _ source: ImportedMapping.Source
    ) -> ImportedMapping {
      ImportedMapping(
        start: start, end: end, protection: [.read, .write], isShared: isShared, source: source)
    }
    return AddressSpace(
      importing: [
        mapping(0x40_0000, 0x40_3000, .anonymous),
        mapping(0x7f00_0000_0000, 0x7f00_0000_4000, .file(file, offset: 0x2000)),
        mapping(0x7f00_0000_4000, 0x7f00_0000_5000, .namedAnonymous(Array("arena".utf8))),
        mapping(
          0x7f00_0000_6000, 0x7f00_0000_7000, isShared: true,
          .namedSharedMemory(file, offset: 0, name: Array("ring".utf8))),
        mapping(0x7fff_0000_0000, 0x7fff_0000_2000, .anonymous),
        mapping(0x7fff_0000_3000, 0x7fff_0000_4000, .special(Array("[vdso]".utf8))),
      ], layout: layout)
  }

  /// All faces of `snapshot` agree with what the address space showed when it was taken.
  @Test func showsWhatTheSpaceShowed() throws {
    let space = Self.importedSpace()
    let text = space.mapsText().array
    let (generation, vmas) = space.snapshotVMAs()
    let (count, mappedBytes) = (space.count, space.mappedBytes)
    let addresses = vmas.flatMap { [$0.start, $0.end - 1, $0.end] } + [0, .max]
    let results = space.lookup(addresses)
    let named = addresses.map { address in
      Result { try space.namedQuery(address, matching: .coveringOrNext) }
    }

    let snapshot = space.snapshot()
    try space.systemCalls.munmap(0, length: space.configuration.taskSize)
    #expect(space.count == 0)
    #expect(space.generation > generation)

    #expect(snapshot.space === space)
    #expect(snapshot.generation == generation)
    #expect(snapshot.count == count)
    #expect(snapshot.mappedBytes == mappedBytes)
    #expect(Array(snapshot) == vmas)
    #expect(snapshot.underestimatedCount == vmas.count)
    #expect(snapshot.mapsText().array == text)
    #expect(snapshot.mapsText().generation == generation)
    #expect(snapshot.lookup(addresses) == results)
    for (address, (result, named)) in zip(addresses, zip(results, named)) {
      #expect(snapshot.lookup(address) == result)
      #expect((try? snapshot.query(address)) == result)
      #expect((try? snapshot.namedQuery(address, matching: .coveringOrNext)) == (try? named.get()))
    }
    #expect(errno { () throws(Errno) in _ = try snapshot.query(0) } == .noSuchFileOrDirectory)
    let unknown = QueryFlags(rawValue: 1 << 40)
    #expect(
      errno { () throws(Errno) in _ = try snapshot.query(0, matching: unknown) } == .invalidArgument
    )
    #expect(
      errno { () throws(Errno) in _ = try snapshot.namedQuery(0, matching: unknown) }
        == .invalidArgument)
    #expect(try snapshot.query(0, matching: [.fileBacked, .coveringOrNext]).inode == 77)
  }

  @Test func emptySpace() {
    let snapshot = AddressSpace().snapshot()
    #expect(snapshot.count == 0 && snapshot.mappedBytes == 0)
    #expect(Array(snapshot) == [])
    #expect(snapshot.mapsText().array == [])
    #expect(snapshot.lookup(0) == nil)
    var reader = MapsReader(snapshot)
    #expect(reader.read(count: 100) == [])
  }

  /// Chunks of a snapshot's reader show one version, though the space changes between them.
  @Test func readerStaysAtItsVersion() throws {
    let space = AddressSpace()
    for page in 0..<1000 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    let text = space.mapsText().array
    let snapshot = space.snapshot()
    var reader = MapsReader(snapshot)
    var live = MapsReader(space)
    #expect(reader.snapshot === snapshot && reader.space === space && live.snapshot == nil)
    var read: [UInt8] = []
    var page: UInt64 = 0
    while true {
      let chunk = reader.read(count: 1 << 16)
      if chunk.isEmpty { break }
      #expect(chunk.count < 4096 && chunk.last == UInt8(ascii: "\n"))
      read += chunk
      _ = live.read(count: 1 << 16)
      try space.unmapPages(page..<page + 100)
      page += 100
    }
    #expect(read == text)
    #expect(!reader.hasChanged && live.hasChanged)
    reader.seek(to: 5000)
    #expect(reader.read(count: 50) == Array(text[5000..<5050]))
  }

  /// A text longer than the first buffer goes on where the buffer ended.
  @Test func longTextIsWhole() throws {
    let space = AddressSpace()
    for page in 0..<5000 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    let text = space.mapsText().array
    let snapshot = space.snapshot()
    try space.unmapPages(100..<9000)
    var buffer = MapsBuffer()
    for _ in 0..<2 {
      snapshot.dump(into: &buffer)
      #expect(buffer.array == text)
    }
  }

  @Test func outlivesItsSpace() async throws {
    let snapshot: MapsSnapshot
    weak var space: AddressSpace?
    do {
      let made = Self.importedSpace()
      try made.systemCalls.munmap(0x7f00_0000_4000, length: 4096)
      snapshot = made.snapshot()
      space = made
    }
    await RCU.barrier()
    #expect(snapshot.count == 5)
    #expect(snapshot.mapsText().string.contains("/lib/libc.so\n"))
    #expect(try snapshot.namedQuery(0x7f00_0000_0000).buildID == Array(1...20))
    #expect(space === snapshot.space)
  }

  @Test func goesBetweenTasks() async throws {
    let space = AddressSpace()
    try space.mapPages(0..<3)
    let counts = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        let snapshot = space.snapshot()
        group.addTask { snapshot.count + Array(snapshot).count }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(counts == Array(repeating: 2, count: 8))
    #expect(space.snapshotStatistics.snapshotCount == 0)
  }

  // MARK: Not in the way

  /// Grace periods pass, and blocks are recycled, while a snapshot is alive; and one may be taken
  /// and dropped in a read section.
  @Test func holdsUpNobody() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1)
    let snapshot = space.snapshot()
    RCU.synchronize()
    let ran = Flag()
    RCU.afterGracePeriod { ran.raise() }
    RCU.barrier()
    #expect(ran.isRaised)
    RCU.withReadSection { _ in
      var inner: MapsSnapshot? = space.snapshot()
      #expect(inner?.count == 1)
      inner = nil
      #expect(space.snapshotStatistics.snapshotCount == 1)
    }
    withExtendedLifetime(snapshot) {}
  }

  @Test func statisticsCountSnapshotsAndVersions() throws {
    let space = AddressSpace()
    func expect(
      _ snapshots: Int, _ versions: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let statistics = space.snapshotStatistics
      #expect(statistics.snapshotCount == snapshots, sourceLocation: sourceLocation)
      #expect(statistics.versionCount == versions, sourceLocation: sourceLocation)
    }
    expect(0, 0)
    var first: MapsSnapshot? = space.snapshot()
    var second: MapsSnapshot? = space.snapshot()
    expect(2, 1)
    try space.mapPages(0..<1)
    let third = space.snapshot()
    expect(3, 2)
    #expect(first?.generation == second?.generation && third.generation > first?.generation ?? 0)
    first = nil
    expect(2, 2)
    second = nil
    expect(1, 1)
    withExtendedLifetime(third) {}
  }
}
