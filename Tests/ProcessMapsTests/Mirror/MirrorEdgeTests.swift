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

/// What goes wrong around a mirror: records that are lost, threads that end, loops that are over.
@Suite(.serialized) struct MirrorEdgeTests {
  private static let base = MappingChild.window

  private static func configuration(_ source: MirrorSource) -> MirrorConfiguration {
    MirrorSources.configuration(source, every: .seconds(1))
  }

  private static func mirror(_ child: MappingChild, _ source: MirrorSource) throws -> ProcessMirror?
  {
    let mirror = try ProcessMirror(pid: child.pid, configuration: configuration(source))
    return MirrorSources.isAvailable(source, mirror) ? mirror : nil
  }

  // MARK: Sources

  /// The kernel says that records were lost in the next record, and there may be none for long.
  @Test func recordsLostAtTheEndAreNoticed() throws {
    let child = MappingChild()
    child.perform(.map, Self.base, 4096, 3)
    var configuration = Self.configuration(.systemCalls)
    configuration.perf.ringPages = 2
    let mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
    guard MirrorSources.isAvailable(.systemCalls, mirror) else { return }
    for _ in 0..<200 {
      child.perform(.map, Self.base + 0x10000, 4096, 3)
      child.perform(.unmap, Self.base + 0x10000, 4096)
    }
    child.perform(.unmap, Self.base, 4096)
    try mirror.refreshChanges()
    #expect(mirror.lookup(Self.base).vma == nil)
  }

  /// The events of a thread that has ended tell of that for ever: nobody is to be woken for ever.
  @Test(.enabled(if: !isThreadSanitizerBuild))
  func aFirstThreadThatEndsWakesNobody() async throws {
    let child = MappingChild()
    child.perform(.startThread)
    guard let mirror = try Self.mirror(child, .mappings) else { return }
    let watched = try WatchedDescriptors()
    for descriptor in mirror.records!.descriptors { watched.add(descriptor, tag: 1) }
    // The system call that ends one thread.
    #if arch(x86_64)
      child.send(.systemCall, 60)
    #else
      child.send(.systemCall, 93)
    #endif
    #expect(
      await eventually {
        ProcessStatus(FilePath("/proc/\(child.pid)"))?.isZombie == true
      })
    var count = 0
    let end = ContinuousClock.now + .milliseconds(100)
    while ContinuousClock.now < end {
      // At most 10 ms.
      _ = watched.wait(until: now() + 10_000_000)
      count += 1
    }
    #expect(count < 100)
    #expect(try mirror.refresh().state == .live, "the process lives on")
  }

  private func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Records say which process did something, and a thread's number is none.
  @Test(.enabled(if: !isThreadSanitizerBuild)) func threadsNumbersArePolled() throws {
    let child = MappingChild()
    child.perform(.startThread)
    let threads = try ProcessFolder.numbers(in: FilePath("/proc/\(child.pid)/task"))
    let thread = try #require(threads.first { $0 != child.pid })
    let mirror = try ProcessMirror(
      pid: thread, configuration: Self.configuration(.systemCalls))
    #expect(mirror.source == .polling)
  }

  /// What was told before a reading that fails is looked at later.
  @Test func whatIsToldBeforeAnErrorIsKept() throws {
    let child = MappingChild()
    child.perform(.map, Self.base, 4096, 3)
    guard let mirror = try Self.mirror(child, .systemCalls) else { return }
    child.perform(.unmap, Self.base, 4096)
    try withTemporaryDirectory { folder in
      try Data("nonsense\n".utf8).write(to: URL(fileURLWithPath: folder + "/maps"))
      let other = try FileDescriptor.open(FilePath(folder + "/maps"), .readOnly)
      let descriptor = mirror.file.maps.descriptor
      let kept = try descriptor.duplicate()
      _ = try other.duplicate(as: descriptor)
      #expect(throws: Errno.badMessage) { try mirror.refresh() }
      _ = try kept.duplicate(as: descriptor)
      try kept.close()
      try other.close()
    }
    try mirror.refreshChanges()
    #expect(mirror.lookup(Self.base).vma == nil)
  }

  /// Which leaves the mappings there cut.
  @Test func refusedMappingsAreSeen() throws {
    // In the child, too.
    let limit = UnsafeMutablePointer<rlimit>.allocate(capacity: 1)
    defer { unsafe limit.deallocate() }
    unsafe limit.initialize(to: rlimit(rlim_cur: 4096, rlim_max: 4096))
    let child = MappingChild()
    child.perform(.map, Self.base, 3 * 4096, 3)
    guard let mirror = try Self.mirror(child, .systemCalls) else { return }
    #if arch(x86_64)
      let prlimit = 302
    #else
      let prlimit = 261
    #endif
    // RLIMIT_DATA, of itself.
    #expect(child.systemCall(prlimit, 0, 2, UInt64(UInt(bitPattern: limit)), 0) == 0)
    #expect(child.perform(.map, Self.base + 4096, 4096, 3) == .max)
    try mirror.refreshChanges()
    let text = String(decoding: try KernelMaps(pid: child.pid).text(), as: UTF8.self)
    #expect(mirror.space.mapsText().string == text)
  }

  /// A program that may not be watched ends the events.
  @Test func eventsThatEndAreNotTrusted() async throws {
    guard getuid() == 0 else { return print("skipped: needs another user") }
    let folder = NSTemporaryDirectory() + "events-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // By another process: children of other tests could have the file open for writing.
    _ = try runProcess("cp", ["/bin/sleep", folder + "/sleep"])
    unsafe chmod(folder, 0o755)
    unsafe chmod(folder + "/sleep", 0o111)
    // In the child, too.
    let path = unsafe strdup(folder + "/sleep")!
    let arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 3)
    unsafe arguments.initialize(repeating: nil, count: 3)
    unsafe arguments[0] = path
    unsafe arguments[1] = strdup("1000")
    let child = MappingChild()
    child.perform(.map, Self.base, 4096, 3)
    guard let mirror = try Self.mirror(child, .systemCalls) else { return }
    #if arch(x86_64)
      let (setresuid, execve) = (117, 59)
    #else
      let (setresuid, execve) = (147, 221)
    #endif
    #expect(child.systemCall(setresuid, 65534, 65534, 65534) == 0)
    child.send(
      .systemCall, UInt64(execve), UInt64(UInt(bitPattern: path)),
      UInt64(UInt(bitPattern: arguments)))
    #expect(
      await eventually {
        (try? String(decoding: KernelMaps(pid: child.pid).text(), as: UTF8.self))?.contains("sleep")
          == true
      })
    #expect(await eventually { (try? mirror.refresh())?.state == .live })
    #expect(mirror.lookup(Self.base).vma == nil)
    let last = mirror.asOf
    let outcome = try mirror.refreshChanges()
    #expect(outcome.readingCount > 0 || mirror.asOf == last, "nothing can be told")
    #expect(mirror.source == .polling)
  }

  /// What wasn't read isn't confirmed, however often it is looked at.
  @Test func contentionConfirmsNothing() throws {
    let child = MappingChild()
    guard let mirror = try Self.mirror(child, .mappings) else { return }
    child.perform(.storm, Self.base, 2 * 4096)
    let end = ContinuousClock.now + StressOptions.duration
    while ContinuousClock.now < end {
      let last = mirror.asOf
      let outcome = try mirror.refreshChanges()
      #expect(outcome.readingCount > 0 || mirror.asOf == last)
    }
    child.perform(.unmap, Self.base, 4096)
  }

  /// Between two queries of one refresh a mapping may grow over the one before.
  @Test func queriesThatOverlap() throws {
    let child = MappingChild()
    guard let mirror = try Self.mirror(child, .mappings) else { return }
    child.perform(.storm, Self.base, 8 * 4096)
    let end = ContinuousClock.now + StressOptions.duration
    while ContinuousClock.now < end { try mirror.refreshChanges() }
    mirror.space._checkInvariants()
    child.perform(.unmap, Self.base, 8 * 4096)
    try mirror.refresh()
    #expect(mirror.lookup(Self.base).vma == nil)
  }

  /// A text that the copy prints otherwise is known, but only for the copy that there was then.
  @Test func inexactTextsAreOfOneCopy() throws {
    let child = MappingChild()
    guard let mirror = try Self.mirror(child, .mappings) else { return }
    let text = try KernelMaps(pid: child.pid).text()
    mirror.reading.withLock { $0.inexactText = text }
    child.perform(.map, Self.base, 4096, 3)
    try mirror.refreshChanges()
    #expect(mirror.lookup(Self.base).vma != nil)
    child.perform(.unmap, Self.base, 4096)
    try mirror.refresh()
    #expect(mirror.lookup(Self.base).vma == nil)
  }

  /// Inodes of two file systems may be the same.
  @Test func devicesAreVerified() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let line = try #require(
      ProcMapsParser.parse(try KernelMaps(pid: child.pid).text()).first { $0.inode != 0 })
    var query = ProcMapQuery()
    query.queryAddress = line.start
    guard mirror.file.maps.ask(&query) == nil else { return }
    let file = MappedFile(
      path: Array("/other".utf8), device: DeviceNumber(major: 77, minor: 7), inode: line.inode)
    try mirror.space.replace(
      line.range,
      with: [
        ImportedMapping(
          start: line.start, end: line.end, protection: line.protection, isShared: line.isShared,
          source: .file(file, offset: line.offset))
      ])
    #expect(try mirror.verifiedLookup(line.start).vma?.device == line.device)
  }

  /// Some are left out.
  @Test func singleCallsConfirmNothing() throws {
    guard let all = MirrorSources.tracepoints?.allCalls else { return }
    let child = MappingChild()
    var configuration = Self.configuration(.systemCalls)
    configuration.perf.tracepoints = SystemCallTracepoints(singleCalls: [all])
    let mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
    guard MirrorSources.isAvailable(.systemCalls, mirror) else { return }
    let last = mirror.asOf
    try mirror.refreshChanges()
    #expect(mirror.asOf == last)
  }

  // MARK: Forks

  /// The rings aren't in a forked process.
  @Test(.enabled(if: !isThreadSanitizerBuild)) func aForkedProcessReadsTheText() throws {
    let child = MappingChild()
    guard let mirror = try Self.mirror(child, .systemCalls) else { return }
    child.perform(.map, Self.base, 4096, 3)
    let copy = forkProcess()
    if copy == 0 {
      alarm(20)
      let isRead = (try? mirror.refreshChanges())?.state == .live
      _exit(isRead && mirror.lookup(Self.base).vma != nil ? 0 : 1)
    }
    var status: Int32 = 0
    unsafe waitpid(copy, &status, 0)
    #expect(status == 0)
  }

  // MARK: Loops

  /// For ever, as some would say it.
  @Test func timesAreOfAnyLength() async throws {
    let child = MappingChild()
    let longest = Duration.seconds(Int64.max)
    var configuration = Self.configuration(.polling)
    configuration.interval = longest
    configuration.history = MirrorHistoryLimits(maximumVersionCount: 2, maximumAge: longest)
    let mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
    #expect(mirror.lookup(0, at: longest)?.freshness != .current)
    #expect(mirror.lookup(0, at: .seconds(Int64.min)) == nil)
    #expect(mirror.lookup(0, at: mirror.asOf) != nil)
    // More nanoseconds than a floating-point number tells apart.
    #expect(Duration.nanoseconds(1 << 53 + 1).nanosecondsOrLimit == 1 << 53 + 1)
    let run = Task { try await mirror.run() }
    #expect(await eventually { mirror.loop.withLock { $0 } != nil })
    run.cancel()
    try await run.value
  }

  @Test func aLoopThatIsOverFollowsNothing() async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let loop = try MirrorLoop(endsWhenEmpty: false)
    let run = Task { try await loop.run() }
    run.cancel()
    try await run.value
    try? loop.add(mirror)
    #expect(mirror.loop.withLock { $0 } == nil, "another loop may")
  }

  @Test func mirrorsTakenOutAtOnceAreFree() async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let loop = try MirrorLoop(endsWhenEmpty: false)
    try loop.add(mirror)
    loop.remove(mirror)
    let run = Task { try await loop.run() }
    #expect(await eventually { mirror.loop.withLock { $0 } == nil })
    run.cancel()
    try await run.value
  }

  /// While the loop waits for others, or for nothing.
  @Test func loopsKeepNoMirrorsThatWereTakenOut() async throws {
    let child = MappingChild()
    let loop = try MirrorLoop(endsWhenEmpty: false)
    let run = Task { try await loop.run() }
    var mirror: ProcessMirror? = try ProcessMirror(pid: child.pid)
    weak let weakly = mirror
    try loop.add(mirror!)
    let asOf = mirror!.asOf
    #expect(await eventually { weakly!.asOf > asOf })
    try await Task.sleep(for: .milliseconds(5))
    loop.remove(mirror!)
    mirror = nil
    #expect(await eventually { weakly == nil })
    run.cancel()
    try await run.value
  }
}
