// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

@Suite(.serialized) struct MirrorTests {
  private static let base = MappingChild.window

  private static func text(of child: MappingChild) throws -> String {
    String(decoding: try KernelMaps(pid: child.pid).text(), as: UTF8.self)
  }

  /// Whether the kernel has the ioctl, as from 6.11 on.
  private static var hasQuery: Bool {
    (try? KernelMaps().query(0, matching: .coveringOrNext)) != nil
  }

  // MARK: Equality

  @Test func equalsTheKernelsText() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    #expect(mirror.space.mapsText().string == (try Self.text(of: child)))
    #expect(mirror.state == .live)
    let first = try mirror.refresh()
    #expect(first == MirrorRefresh(isChanged: false, state: .live, readingCount: 1))
    let generation = mirror.space.generation
    child.perform(.map, Self.base, 4096, 3)
    #expect(mirror.lookup(Self.base).vma == nil)
    let second = try mirror.refresh()
    #expect(second == MirrorRefresh(isChanged: true, state: .live, readingCount: 2))
    #expect(mirror.space.generation == generation + 2, "one change")
    #expect(mirror.lookup(Self.base).vma?.range == Self.base..<Self.base + 4096)
    #expect(mirror.space.mapsText().string == (try Self.text(of: child)))
  }

  /// What didn't change is what it was: the difference is what the process did.
  @Test func differencesAreThoseOfTheProcess() throws {
    let child = MappingChild()
    child.perform(.map, Self.base, 4 * 4096, 3)
    let mirror = try ProcessMirror(pid: child.pid)
    let before = mirror.space.snapshot()
    child.perform(.protect, Self.base + 4096, 4096, 1)
    try mirror.refresh()
    let changes = Array(AddressSpace.difference(from: before, to: mirror.space.snapshot()))
    #expect(changes.map { String("\($0)".prefix(1)) } == ["-", "+", "+", "+"])
    let difference = AddressSpace.difference(from: before, to: mirror.space.snapshot())
    var iterator = difference.makeIterator()
    while iterator.next() != nil {}
    #expect(iterator._openedCount <= 8, "the rest is shared")
  }

  @Test func randomScriptsOfAChild() throws {
    let duration = StressOptions.duration
    let start = ContinuousClock.now
    var (scripts, changes) = (0, 0)
    repeat {
      var random = SeededGenerator(seed: UInt64(scripts))
      let child = MappingChild()
      let mirror = try ProcessMirror(pid: child.pid)
      for _ in 0..<20 {
        for _ in 0..<random.below(8) {
          let page = random.below(64)
          let length = (1 + random.below(8)) * 4096
          let address = Self.base + page * 4096
          switch random.below(3) {
          case 0: child.perform(.map, address, length, random.below(8))
          case 1: child.perform(.unmap, address, length)
          default: child.perform(.protect, address, length, random.below(8))
          }
          changes += 1
        }
        try mirror.refresh()
        let (mirrored, actual) = (mirror.space.mapsText().string, try Self.text(of: child))
        #expect(mirrored == actual, "script \(scripts)")
        if mirrored != actual { return }
      }
      mirror.space._checkInvariants()
      scripts += 1
    } while ContinuousClock.now < start + duration
    print("mirror: \(scripts) scripts with \(changes) changes")
  }

  // MARK: While it changes

  /// What the process has all the time is found all the time, however much changes beside it; and
  /// once it is quiet again, the copy is right.
  @Test func whatStaysIsNeverMissing() throws {
    let child = MappingChild()
    let pages: UInt64 = 32
    // Between the windows: guards that stay.
    for index in 0..<4 as Range<UInt64> {
      child.perform(.map, Self.base + index * (pages + 2) * 4096, 4096, 4)
    }
    let mirror = try ProcessMirror(pid: child.pid)
    child.perform(.storm, Self.base + 4096, (pages + 1) * 4096 - 4096)
    let start = ContinuousClock.now
    var (readings, contended) = (0, 0)
    repeat {
      let outcome = try mirror.refresh()
      readings += outcome.readingCount
      if outcome.state == .contended { contended += 1 }
      for index in 0..<4 as Range<UInt64> {
        let guardPage = Self.base + index * (pages + 2) * 4096
        let answer = mirror.lookup(guardPage)
        #expect(answer.vma?.range == guardPage..<guardPage + 4096)
        if outcome.state == .contended { #expect(answer.freshness == .contended) }
      }
      mirror.space._checkInvariants()
    } while ContinuousClock.now < start + StressOptions.duration
    // Ends the storm.
    child.perform(.unmap, Self.base + 4096, pages * 4096)
    #expect(try mirror.refresh().state == .live)
    #expect(mirror.space.mapsText().string == (try Self.text(of: child)))
    print("mirror: \(readings) readings of a process that changes, \(contended) times contended")
  }

  // MARK: Exec and exit

  @Test func anotherProgramIsFollowed() async throws {
    let child = MappingChild()
    child.perform(.map, Self.base, 4096, 3)
    let mirror = try ProcessMirror(pid: child.pid)
    let before = mirror.space.snapshot()
    child.perform(.execute)
    #expect(
      await eventually {
        (try? String(decoding: KernelMaps(pid: child.pid).text(), as: UTF8.self))?.contains("sleep")
          == true
      })
    #expect(
      await eventually {
        (try? mirror.refresh().state) == .live && mirror.lookup(Self.base).vma == nil
      })
    #expect(mirror.space.mapsText().string == (try Self.text(of: child)))
    #expect(before.lookup(Self.base) != nil)
  }

  @Test func anAdoptedFileEndsWithItsProgram() async throws {
    let child = MappingChild()
    let descriptor = try FileDescriptor.open(FilePath("/proc/\(child.pid)/maps"), .readOnly)
    let mirror = try ProcessMirror(adopting: descriptor)
    #expect(mirror.pid == nil && mirror.space.count > 3)
    child.perform(.execute)
    #expect(await eventually { (try? mirror.refresh().state) == .exited })
    #expect(mirror.lookup(Self.base).freshness == .exited)
    var ends: [MapsUpdate.End] = []
    for await update in mirror.updates() { if case .ended(let end) = update { ends.append(end) } }
    #expect(ends == [.replaced])
  }

  @Test(arguments: [false, true])
  func exitedProcesses(_ isReaped: Bool) async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let count = mirror.space.count
    if isReaped { child.end() } else { child.kill() }
    #expect(try mirror.refresh().state == .exited)
    #expect(mirror.space.count == count, "the last that was read")
    #expect(try mirror.verifiedLookup(Self.base).freshness == .exited)
    var last: MapsUpdate?
    for await update in mirror.updates() { last = update }
    guard case .ended(.exited) = last else { Issue.record("\(String(describing: last))"); return }
    #expect(throws: isReaped ? Errno.noSuchFileOrDirectory : .noSuchProcess) {
      try ProcessMirror(pid: child.pid)
    }
  }

  /// A pid that another process has now is none of ours.
  @Test func pidsThatAreUsedAgain() throws {
    let child = MappingChild()
    let file = MirrorFile(try KernelMaps(pid: child.pid), startTime: 1)
    #expect(file.reopened() == nil)
    let status = try #require(ProcessStatus(FilePath("/proc/\(child.pid)")))
    let own = MirrorFile(try KernelMaps(pid: child.pid), startTime: status.startTime)
    #expect(own.reopened() != nil)
  }

  // MARK: Answers

  @Test func verifiedAnswersAreTheKernels() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    guard Self.hasQuery else {
      print("skipped: this kernel has no PROCMAP_QUERY")
      return
    }
    #expect(try mirror.verifiedLookup(Self.base).vma == nil)
    child.perform(.map, Self.base, 8192, 3)
    #expect(mirror.lookup(Self.base).vma == nil)
    let answer = try mirror.verifiedLookup(Self.base)
    #expect(answer.vma?.range == Self.base..<Self.base + 8192 && answer.freshness == .current)
    child.perform(.protect, Self.base, 4096, 1)
    #expect(mirror.lookup(Self.base).vma?.flags == [.readable, .writable])
    #expect(try mirror.verifiedLookup(Self.base).vma?.flags == .readable)
    child.perform(.unmap, Self.base, 4096)
    let none = try mirror.verifiedLookup(Self.base)
    #expect(none.vma == nil && none.freshness == .current)
  }

  @Test func answersSayHowOldTheyAre() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let first = mirror.lookup(Self.base)
    guard case .unverified(let age) = first.freshness else {
      Issue.record("\(first.freshness)")
      return
    }
    #expect(age >= .zero)
    try mirror.refresh()
    #expect(mirror.lookup(Self.base).asOf > first.asOf && mirror.asOf > first.asOf)
  }

  @Test func earlierVersionsAnswer() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, history: MirrorHistoryLimits(maximumVersionCount: 2))
    let empty = mirror.asOf
    child.perform(.map, Self.base, 4096, 3)
    try mirror.refresh()
    let mapped = mirror.asOf
    child.perform(.unmap, Self.base, 4096)
    try mirror.refresh()
    let unmapped = mirror.asOf
    #expect(mirror.lookup(Self.base, at: empty)?.vma == nil)
    #expect(mirror.lookup(Self.base, at: mapped)?.vma?.start == Self.base)
    #expect(mirror.lookup(Self.base, at: mapped)?.freshness == .current)
    #expect(mirror.lookup(Self.base, at: unmapped)?.vma == nil)
    #expect(mirror.lookup(Self.base, at: empty - .seconds(1)) == nil)
    // A third version, and a fourth: the first is dropped.
    child.perform(.map, Self.base, 4096, 1)
    try mirror.refresh()
    #expect(mirror.lookup(Self.base, at: empty) == nil)
    #expect(mirror.lookup(Self.base, at: mapped)?.vma?.start == Self.base)
    #expect(mirror.space.snapshotStatistics.versionCount == 3)
  }

  @Test func aMirrorOfThisProcess() throws {
    let mirror = try ProcessMirror.ofSelf()
    let mapped = unsafe mmap(nil, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    let page = unsafe mapped!
    defer { unsafe munmap(page, 4096) }
    try mirror.refresh()
    let address = UInt64(UInt(bitPattern: page))
    #expect(mirror.lookup(address).vma?.flags == .readable)
  }

  // MARK: Polling

  @Test func pollingFollows() async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let run = Task { try await mirror.run(every: .milliseconds(2)) }
    child.perform(.map, Self.base, 4096, 3)
    #expect(await eventually { mirror.lookup(Self.base).vma != nil })
    child.perform(.unmap, Self.base, 4096)
    #expect(await eventually { mirror.lookup(Self.base).vma == nil })
    run.cancel()
    try await run.value
    child.perform(.map, Self.base, 4096, 3)
    #expect(mirror.lookup(Self.base).vma == nil, "nobody reads any more")
  }

  @Test func pollingEndsWithTheProcess() async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    async let end: Void = mirror.run(every: .milliseconds(2))
    child.end()
    try await end
    #expect(mirror.state == .exited)
  }

  @Test func notedChangesAreReadAtOnce() async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    let run = Task { try await mirror.run(every: .seconds(3600)) }
    child.perform(.map, Self.base, 4096, 3)
    #expect(
      await eventually {
        mirror.noteChange()
        return mirror.lookup(Self.base).vma != nil
      })
    run.cancel()
    try await run.value
  }
}
