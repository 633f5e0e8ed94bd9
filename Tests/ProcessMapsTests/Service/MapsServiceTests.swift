// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import ReadCopyUpdate
import SystemPackage
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

@Suite struct MapsServiceTests {
  private let page = AddressSpace.pageSize

  // MARK: Models

  @Test func modelsHaveTheirPid() throws {
    let service = MapsService()
    #expect(throws: Errno.noSuchProcess) { try service.lookup(0, in: 7) }
    let space = try service.create(7)
    #expect(throws: Errno.fileExists) { try service.create(7) }
    let range = try space.map(length: 3 * page)
    #expect(try service.lookup(range.lowerBound, in: 7).vma?.range == range)
    #expect(try service.lookup(range.lowerBound, in: 7).freshness == .current)
    #expect(try service.verifiedLookup(0, in: 7).vma == nil)
    #expect(try service.lookup([range.lowerBound, 0], in: 7).map { $0?.range } == [range, nil])
    #expect(try service.query(range.lowerBound, in: 7).range == range)
    #expect(try service.snapshot(of: 7).count == 1 && service.totals(of: 7).count == 1)
    let text = try service.mapsText(of: 7)
    #expect(text.string == space.mapsText().string)
    #expect(try service.mirror(of: 7) == nil)
    #expect(service.pids == [7])
    #expect(throws: Errno.invalidArgument) { try service.detach(7) }
    try service.exit(7)
    #expect(throws: Errno.noSuchProcess) { try service.exit(7) }
    #expect(service.pids.isEmpty)
  }

  @Test func importedSpacesAreModels() throws {
    let service = MapsService()
    let text = "00010000-00011000 r--p 00000000 00:00 0 \n"
    let space = try AddressSpace(procMaps: text)
    try service.add(space, as: 7)
    #expect(throws: Errno.fileExists) { try service.add(AddressSpace(), as: 7) }
    #expect(try service.space(of: 7) === space)
    let served = try service.mapsText(of: 7).string
    #expect(served == text)
    try service.exit(7)
    #expect(throws: Errno.noSuchProcess) { try service.totals(of: 7) }
  }

  @Test func forksAreCopies() throws {
    let service = MapsService()
    let parent = try service.create(1)
    let range = try parent.map(length: page)
    let child = try service.fork(1, as: 2)
    try child.unmap(range)
    #expect(parent.count == 1 && child.count == 0)
    #expect(throws: Errno.noSuchProcess) { try service.fork(3, as: 4) }
    #expect(throws: Errno.fileExists) { try service.fork(1, as: 2) }
    #expect(service.pids == [1, 2])
  }

  /// As in Linux, an open file stays the old program's.
  @Test func readersOfAnotherProgramReachTheEnd() throws {
    let service = MapsService()
    let old = try service.create(1)
    for index in 0..<200 as Range<UInt64> {
      try old.map(length: page, at: .fixed(0x10000 + index * 2 * page))
    }
    var reader = try service.makeReader(of: 1)
    let first = try reader.read(count: 100)
    #expect(first.count == 100)
    let new = try service.exec(1)
    // What was made is handed out.
    let second = try reader.read(count: 10_000)
    #expect(!second.isEmpty && second.count < 4096)
    let end = try reader.read(count: 100)
    #expect(end.isEmpty)
    #expect(try service.space(of: 1) === new && new.count == 0)
    #expect(throws: Errno.noSuchProcess) { try service.exec(2) }
  }

  @Test func readersOfAProcessThatEnds() throws {
    let service = MapsService()
    let space = try service.create(1)
    for index in 0..<200 as Range<UInt64> {
      try space.map(length: page, at: .fixed(0x10000 + index * 2 * page))
    }
    let snapshot = try service.snapshot(of: 1)
    var reader = try service.makeReader(of: 1)
    _ = try reader.read(count: 100)
    try service.exit(1)
    let rest = try reader.read(count: 10_000)
    #expect(!rest.isEmpty)
    var thrown: Errno?
    do throws(Errno) { _ = try reader.read(count: 1) } catch { thrown = error }
    #expect(thrown == .noSuchProcess)
    #expect(snapshot.count == 200)
  }

  // MARK: Totals

  @Test func totalsAreTheSumsOfTheText() throws {
    let space = AddressSpace()
    let file = MappedFile(path: "/lib/a", device: DeviceNumber(major: 8, minor: 1), inode: 5)
    var random = SeededGenerator(seed: 1)
    let base: UInt64 = 0x10_0000
    for round in 0..<2_000 {
      let start = base + random.below(64) * page
      let range = start..<start + (1 + random.below(8)) * page
      let protection = Protection(rawValue: UInt32(random.below(8)))
      switch random.below(6) {
      case 0: try? space.unmap(range)
      case 1: try? space.protect(range, protection)
      case 2: try? space.lock(range)
      case 3:
        _ = try? space.map(
          length: UInt64(range.count), at: .fixed(start), protection: protection,
          sharing: .shared)
      case 4:
        _ = try? space.map(
          length: UInt64(range.count), at: .fixed(start), protection: protection,
          backing: .file(file, offset: 0))
      default:
        _ = try? space.map(
          length: UInt64(range.count), at: .fixed(start), protection: protection)
      }
      if round % 50 == 0 {
        expectTotals(of: space)
        space._checkInvariants()
      }
    }
    expectTotals(of: space)
    expectTotals(of: space.fork())
  }

  private func expectTotals(of space: AddressSpace) {
    func bytes(where isMeant: (VMA) -> Bool) -> UInt64 {
      space.snapshot().reduce(0) { $0 + (isMeant($1) ? $1.end - $1.start : 0) }
    }
    let totals = space.totals
    #expect(totals == space.snapshot().totals && totals.generation == space.generation)
    #expect(totals.count == space.snapshot().count)
    #expect(totals.mappedBytes == bytes { _ in true })
    #expect(totals.sharedBytes == bytes { $0.isShared })
    #expect(totals.fileBytes == bytes { $0.inode != 0 && !$0.isShared })
    #expect(totals.anonymousBytes == bytes { $0.inode == 0 && !$0.isShared })
    #expect(totals.dataBytes == bytes { $0.protection.contains(.write) && !$0.isShared })
    #expect(totals.executableBytes == bytes { $0.protection.contains(.execute) })
    #expect(
      totals.writableExecutableBytes == bytes { $0.protection.isSuperset(of: [.write, .execute]) })
  }

  @Test func growthIsByFileAndByName() throws {
    let space = AddressSpace()
    let file = MappedFile(path: "/lib/a", device: DeviceNumber(major: 8, minor: 1), inode: 5)
    let old = try space.map(length: 4 * page)
    let before = space.snapshot()
    try space.map(length: 8 * page, protection: .read, backing: .file(file, offset: 0))
    try space.unmap(old.lowerBound..<old.lowerBound + page)
    let growth = AddressSpace.difference(from: before, to: space.snapshot()).growth()
    #expect(growth.map(\.name) == [Array("/lib/a".utf8), []])
    #expect(growth.map(\.bytes) == [Int64(8 * page), -Int64(page)])
    #expect(growth.map(\.count) == [1, 0] && growth[0].inode == 5)
    #expect(AddressSpace.difference(from: before, to: before).growth().isEmpty)
  }

  // MARK: Mirrors

  @Test func mirrorsComeAndGo() async throws {
    let service = MapsService()
    let child = MappingChild()
    let mirror = try service.attach(child.pid)
    #expect(try service.mirror(of: child.pid) === mirror)
    #expect(throws: Errno.fileExists) { try service.attach(child.pid) }
    #expect(throws: Errno.invalidArgument) { try service.exit(child.pid) }
    #expect(throws: Errno.invalidArgument) { try service.exec(child.pid) }
    let text = try service.mapsText(of: child.pid)
    #expect(Array(text.string.utf8) == (try KernelMaps(pid: child.pid).text()))
    let model = try service.fork(child.pid, as: 1_000_000)
    #expect(model.count == mirror.space.count)
    try service.detach(child.pid)
    #expect(mirror.state == .detached)
    #expect(throws: Errno.noSuchProcess) { try service.detach(child.pid) }
    try service.attach(child.pid)
    // Nobody runs the service: the next who wants the pid finds out.
    child.end()
    #expect(throws: Errno.noSuchFileOrDirectory) { try service.attach(child.pid) }
    #expect(service.pids == [1_000_000])
    #expect(throws: (any Error).self) { try service.attach(-1) }
  }

  @Test func runningFollowsAndNoticesTheEnd() async throws {
    var configuration = MirrorConfiguration()
    configuration.interval = .milliseconds(2)
    let service = MapsService(mirrors: configuration)
    let run = Task { try await service.run() }
    let children = (0..<4).map { _ in MappingChild() }
    for child in children.prefix(2) { try service.attach(child.pid) }
    for child in children.suffix(2) {
      let descriptor = try FileDescriptor.open(FilePath("/proc/\(child.pid)/maps"), .readOnly)
      try service.attach(adopting: descriptor, as: child.pid)
    }
    let base = MappingChild.window
    for child in children {
      child.perform(.map, base, 4096, 3)
      #expect(
        await eventually { (try? service.lookup(base, in: child.pid))?.vma?.start == base })
    }
    await #expect(throws: Errno.resourceBusy) { try await service.run() }
    for child in children.dropLast() { child.end() }
    let last = children[3].pid
    #expect(await eventually { service.pids == [last] })
    run.cancel()
    try await run.value
    // It can be run again, and finds what it had.
    let second = Task { try await service.run() }
    children[3].perform(.unmap, base, 4096)
    #expect(await eventually { (try? service.lookup(base, in: last))?.vma == nil })
    second.cancel()
    try await second.value
  }

  @Test func forksAreFollowed() async throws {
    var configuration = MirrorConfiguration()
    configuration.sources = [.mappings]
    let service = MapsService(mirrors: configuration, followsForks: true)
    let child = MappingChild()
    let mirror = try service.attach(child.pid)
    guard MirrorSources.isAvailable(.mappings, mirror) else { return }
    let run = Task { try await service.run() }
    let forked = pid_t(child.perform(.forkChild))
    #expect(await eventually { service.pids.contains(forked) })
    run.cancel()
    try await run.value
    // The child's child ends with its parent, and leaves the service when it is run again.
    child.end()
    let again = Task { try await service.run() }
    #expect(await eventually { service.pids.isEmpty })
    again.cancel()
    try await again.value
  }

  @Test func discoveryFindsDescendants() throws {
    let service = MapsService()
    let children = (0..<3).map { _ in MappingChild() }
    let found = try service.discover(.tree(of: getpid()))
    #expect(Set(found.attached).isSuperset(of: [getpid()] + children.map(\.pid)))
    // Those of other tests may come and go.
    #expect(try service.discover(.tree(of: getpid())).attached.allSatisfy { $0 != getpid() })
    #expect(try service.discover(.tree(of: children[0].pid)).attached.isEmpty)
    #expect(throws: Errno.noSuchFileOrDirectory) {
      try service.discover(.controlGroup("/nowhere"))
    }
    let all = try MapsService().discover()
    #expect(all.attached.contains(getpid()))
  }

  /// How many descriptors of this process are of `child`'s maps.
  private static func descriptorCount(of child: MappingChild) throws -> Int {
    try ProcessFolder.numbers(in: "/proc/self/fd").count { descriptor in
      var path = [CChar](repeating: 0, count: 256)
      let count = unsafe readlink("/proc/self/fd/\(descriptor)", &path, path.count)
      let bytes = path.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }
      return String(decoding: bytes, as: UTF8.self) == "/proc/\(child.pid)/maps"
    }
  }

  /// Attaching leaves nothing behind.
  @Test func attachedAndDetachedAThousandTimes() async throws {
    let service = MapsService()
    let run = Task { try await service.run() }
    let child = MappingChild()
    try service.attach(child.pid)
    try service.detach(child.pid)
    for _ in 0..<(StressOptions.seconds <= 1 ? 50 : 1_000) {
      let mirror = try service.attach(child.pid)
      #expect(mirror.lookup(0).vma == nil)
      try service.detach(child.pid)
    }
    // With its file a mirror's events are closed.
    #expect(await eventually { (try? Self.descriptorCount(of: child)) == 0 })
    run.cancel()
    try await run.value
  }

  // MARK: Memory

  private static let variable = "SWIFT_URCU_MEASURES_MEMORY"
  private static let isMeasuring = ProcessInfo.processInfo.environment[variable] != nil

  /// The memory of mirrors that are detached is used again: a process of its own measures that. Not
  /// by an exit test, which holds up a thread of the pool until all copies of its pipes are closed,
  /// those of children that other tests fork, too.
  @Test(.enabled(if: !isMeasuring && !isSanitizerBuild))
  func detachedMirrorsMemoryIsUsedAgain() throws {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let result = try runProcess(
      program,
      ["--testing-library", "swift-testing", "--filter", "memoryOfDetachedMirrors"],
      environment: [Self.variable: "1"])
    #expect(result.status == 0, "\(result.standardOutput)\(result.standardError)")
    #expect(result.standardOutput.contains("mirrors attached and detached"))
  }

  @Test(.enabled(if: isMeasuring)) func memoryOfDetachedMirrors() throws {
    let service = MapsService()
    let child = MappingChild()
    func attachAndDetach(_ count: Int) throws {
      for _ in 0..<count {
        let mirror = try service.attach(child.pid)
        #expect(mirror.lookup(0).vma == nil)
        try service.detach(child.pid)
      }
      RCU.barrier()
    }
    func residentBytes() throws -> Int {
      let text = try ProcessFolder.contents(of: "/proc/self/statm")
      let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
      return try #require(Int(fields[1])) * 4096
    }
    let count = StressOptions.seconds <= 1 ? 200 : 1_000
    try attachAndDetach(count)
    let before = try residentBytes()
    try attachAndDetach(count)
    let growth = try residentBytes() - before
    print("\(count) mirrors attached and detached: \(growth) bytes more")
    // A mirror's address space alone is 10 KB; the allocator takes some more at a time.
    #expect(growth < max(count * 2_000, 1 << 20))
  }
}
