// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

@Suite(.serialized) struct MirrorTests {
  private static let base = MappingChild.window

  // MARK: Equality

  @Test func equalsTheKernelsText() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    #expect(try child.differences(from: mirror) == [])
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
    #expect(try child.differences(from: mirror) == [])
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

  /// After each part of a script, the mirror equals the kernel's text: of all operations where the
  /// source tells of system calls, without a reading; else after one.
  @Test(arguments: MirrorSource.allCases)
  func randomScriptsOfAChild(_ source: MirrorSource) throws {
    let end = ContinuousClock.now + StressOptions.duration
    var (scripts, changes, readings, contended) = (0, 0, 0, 0)
    repeat {
      var random = SeededGenerator(seed: UInt64(scripts))
      let child = MappingChild()
      var mirror = try ProcessMirror(
        pid: child.pid, configuration: MirrorSources.configuration(source))
      guard MirrorSources.isAvailable(source, mirror) else { return }
      var script = MappingScript(child: child)
      for part in 0..<20 {
        for _ in 0..<random.below(8) {
          script.perform(&random)
          changes += 1
        }
        let outcome =
          try source == .systemCalls ? mirror.refreshChanges() : mirror.refresh()
        readings += outcome.readingCount
        if outcome.state == .contended { contended += 1 }
        let differences = try child.differences(from: mirror)
        #expect(differences == [], "script \(scripts), part \(part): \(script.log.suffix(8))")
        if differences != [] { return }
        // Attached later, it finds the same, with the threads that there are.
        if random.below(20) == 0 {
          mirror = try ProcessMirror(
            pid: child.pid, configuration: MirrorSources.configuration(source))
        }
      }
      mirror.space._checkInvariants()
      scripts += 1
    } while ContinuousClock.now < end
    print(
      "mirror, \(source): \(scripts) scripts, \(changes) changes, \(readings) readings, "
        + "\(contended) contended")
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
    #expect(try child.differences(from: mirror) == [])
    print("mirror: \(readings) readings of a process that changes, \(contended) times contended")
  }

  /// A text that differs each time that it is read is no state: answers say so, and nothing hangs.
  @Test func whatChangesFasterThanItIsReadIsContended() throws {
    try withTemporaryDirectory { folder in
      let process = folder + "/42"
      try FileManager.default.createDirectory(atPath: process, withIntermediateDirectories: true)
      try Data("42 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n".utf8)
        .write(to: URL(fileURLWithPath: process + "/stat"))
      let path = process + "/maps"
      let head = "00010000-00020000 r--p "
      try Data((head + "00000000 08:01 42                                 /a\n").utf8)
        .write(to: URL(fileURLWithPath: path))
      var configuration = MirrorConfiguration()
      configuration.root = FilePath(folder)
      let mirror = try ProcessMirror(pid: 42, configuration: configuration)
      #expect(mirror.lookup(0x10000).vma?.inode == 42 && mirror.source == .polling)
      let stop = Flag()
      let deadline = ContinuousClock.now + .seconds(60)
      let outcome = Locked(MirrorState.live)
      runThreads([
        {
          let file = try! FileDescriptor.open(FilePath(path), .writeOnly)
          var offset: UInt64 = 0
          while !stop.isRaised {
            offset += 4096
            let digits = String(offset % (1 << 31), radix: 16)
            let field = String(repeating: "0", count: 8 - digits.count) + digits
            _ = try! file.writeAll(toAbsoluteOffset: Int64(head.utf8.count), field.utf8)
          }
          try! file.close()
        },
        {
          var state = MirrorState.live
          while state == .live && ContinuousClock.now < deadline {
            state = (try? mirror.refresh().state) ?? .live
          }
          #expect(mirror.lookup(0x10000).freshness == .contended)
          outcome.withLock { $0 = state }
          stop.raise()
        },
      ])
      #expect(outcome.withLock { $0 } == .contended)
      #expect(try mirror.refresh().state == .live)
      #expect(
        mirror.space.mapsText().array == Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    }
  }

  // MARK: Exec and exit

  @Test(arguments: MirrorSource.allCases)
  func anotherProgramIsFollowed(_ source: MirrorSource) async throws {
    let child = MappingChild()
    child.perform(.map, Self.base, 4096, 3)
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(source))
    guard MirrorSources.isAvailable(source, mirror) else { return }
    let before = mirror.space.snapshot()
    child.perform(.execute)
    #expect(
      await eventually {
        (try? String(decoding: KernelMaps(pid: child.pid).text(), as: UTF8.self))?.contains("sleep")
          == true
      })
    #expect(
      await eventually {
        // Told of, where the source tells of programs.
        (try? mirror.refreshChanges().state) == .live && mirror.lookup(Self.base).vma == nil
      })
    #expect(try mirror.refresh().state == .live)
    // The program is still being loaded.
    #expect(
      await eventually {
        _ = try? mirror.refresh()
        return (try? child.differences(from: mirror)) == []
      })
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
    if MirrorSources.hasQuery { #expect(try mirror.verifiedLookup(Self.base).freshness == .exited) }
    var last: MapsUpdate?
    for await update in mirror.updates() { last = update }
    guard case .ended(.exited) = last else { Issue.record("\(String(describing: last))"); return }
    #expect(throws: isReaped ? Errno.noSuchFileOrDirectory : .noSuchProcess) {
      try ProcessMirror(pid: child.pid)
    }
  }

  /// At whatever step a process dies: the mirror says that it has exited, and has no error.
  @Test(arguments: MirrorSource.allCases)
  func processesKilledAtAnyTime(_ source: MirrorSource) async throws {
    let end = ContinuousClock.now + StressOptions.duration
    var random = SeededGenerator(seed: 7)
    var count = 0
    repeat {
      let child = MappingChild()
      let mirror = try ProcessMirror(
        pid: child.pid, configuration: MirrorSources.configuration(source))
      guard MirrorSources.isAvailable(source, mirror) else { return }
      child.perform(.storm, Self.base, 64 * 4096)
      let delay = Duration.microseconds(Int(random.below(3000)))
      async let killed: Void = {
        try? await Task.sleep(for: delay)
        child.kill()
      }()
      while mirror.state != .exited {
        switch random.below(3) {
        case 0: try mirror.refresh()
        case 1: try mirror.refreshChanges()
        default: if MirrorSources.hasQuery { _ = try mirror.verifiedLookup(Self.base) }
        }
      }
      await killed
      #expect(mirror.lookup(Self.base).freshness == .exited)
      mirror.space._checkInvariants()
      count += 1
    } while ContinuousClock.now < end
    print("mirror, \(source): \(count) processes killed")
  }

  /// A pid that another process has now is none of ours.
  @Test func pidsThatAreUsedAgain() throws {
    let child = MappingChild()
    let file = MirrorFile(try KernelMaps(pid: child.pid), startTime: 1)
    #expect(try file.reopened() == nil)
    let status = try #require(ProcessStatus(FilePath("/proc/\(child.pid)")))
    let own = MirrorFile(try KernelMaps(pid: child.pid), startTime: status.startTime)
    #expect(try own.reopened() != nil)
  }

  // MARK: Answers

  @Test func verifiedAnswersAreTheKernels() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(pid: child.pid)
    guard MirrorSources.hasQuery else {
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
    var configuration = MirrorConfiguration()
    configuration.history = MirrorHistoryLimits(maximumVersionCount: 2)
    let mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
    let empty = mirror.asOf
    child.perform(.map, Self.base, 4096, 3)
    try mirror.refresh()
    let mapped = mirror.asOf
    child.perform(.unmap, Self.base, 4096)
    try mirror.refresh()
    let unmapped = mirror.asOf
    #expect(mirror.lookup(Self.base, at: empty)?.vma == nil)
    #expect(mirror.lookup(Self.base, at: mapped)?.vma?.start == Self.base)
    // Confirmed at that time; a little later it is as old as that.
    #expect(mirror.lookup(Self.base, at: mapped)?.freshness == .unverified(for: .zero))
    let later = mirror.lookup(Self.base, at: mapped + .nanoseconds(10))
    #expect(later?.asOf == mapped && later?.freshness == .unverified(for: .nanoseconds(10)))
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
}
