// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory
import StraceReplay

/// Replays of short traces that were made up: what agrees, what doesn't, and which process has
/// which address space.
@Suite struct ReplayTests {
  /// The map of process 10 after `execve`: one page of program and the stack.
  private static let map = StraceMap(
    threadID: 10, moment: .start,
    text: line("00400000-00401000 r-xp 00000000 08:01 10", "/bin/p")
      + line("7ffff7ffe000-7ffff7fff000 r-xp 00000000 00:00 0", "[vdso]")
      + line("7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0", "[stack]"))

  private static func line(_ header: String, _ name: String) -> [UInt8] {
    Array((header + String(repeating: " ", count: 73 - header.count) + name + "\n").utf8)
  }

  private static let start = "10 execve(\"/bin/p\", [\"p\"], 0x1 /* 3 vars */) = 0"
  private static let anonymous = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"

  private static func replay(
    _ lines: [String], maps: [StraceMap] = [map], faults: StraceReplay.Faults = .everywhere
  ) throws -> StraceReplay {
    let trace = try StraceTrace(parsing: ([start] + lines).joined(separator: "\n"))
    return try StraceReplay(
      trace, maps: maps, files: StraceFiles(namedIn: maps, usesFileSystem: false), faults: faults)
  }

  private static func steps(_ replay: StraceReplay) throws -> [StraceStep] {
    var steps: [StraceStep] = []
    while let step = try replay.next() { steps.append(step) }
    return steps
  }

  private static func outcomes(_ lines: String...) throws -> [StraceStep.Outcome] {
    // Not that of `execve`.
    try steps(replay(lines)).map(\.outcome).dropFirst().map { $0 }
  }

  /// The lines of the map after `lines`, without the three of the start.
  private static func addedLines(_ lines: String...) throws -> [String] {
    let space = try #require(try steps(replay(lines)).last?.space)
    return space.mapsText().string.split(separator: "\n").map(String.init).filter { line in
      !["[stack]", "[vdso]", "/bin/p"].contains { line.hasSuffix($0) }
    }
  }

  // MARK: Results

  /// What can't be populated where there are protection keys is populated elsewhere.
  @Test(arguments: [false, true]) func executeOnlyMemory(_ hasProtectionKeys: Bool) throws {
    func outcomes(_ result: String) throws -> [StraceStep.Outcome] {
      let trace = try StraceTrace(
        parsing: """
          \(Self.start)
          10 mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ffd000
          10 mlock(0x7ffff7ffd000, 4096) = \(result)
          """)
      let replay = try StraceReplay(
        trace, maps: [Self.map],
        files: StraceFiles(namedIn: [Self.map], usesFileSystem: false),
        hasProtectionKeys: hasProtectionKeys)
      return try Self.steps(replay).map(\.outcome).dropFirst().map { $0 }
    }
    let refused = StraceResult.error("ENOMEM")
    #expect(
      try outcomes("0") == [.agrees, hasProtectionKeys ? .disagrees(refused) : .agrees])
    #expect(
      try outcomes("-1 ENOMEM (Cannot allocate memory)")
        == [.agrees, hasProtectionKeys ? .agrees : .disagrees(.value(0))])
  }

  @Test func resultsAgree() throws {
    let outcomes = try Self.outcomes(
      "10 brk(NULL) = 0x555000", "10 brk(0x557000) = 0x557000",
      "10 mmap(NULL, 8192, \(Self.anonymous)) = 0x7ffff7ffc000",
      "10 mprotect(0x7ffff7ffc000, 4096, PROT_READ) = 0",
      "10 mremap(0x7ffff7ffd000, 4096, 12288, MREMAP_MAYMOVE) = 0x7ffff7ff9000",
      "10 madvise(0x7ffff7ff9000, 4096, MADV_DONTFORK) = 0",
      "10 munmap(0x7ffff7ffd001, 4096) = -1 EINVAL (Invalid argument)",
      "10 munmap(0x7ffff7ff9000, 12288) = 0")
    #expect(outcomes == Array(repeating: .agrees, count: 8))
  }

  @Test func resultsDisagreeAndTheKernelIsFollowed() throws {
    let lines = [
      "10 mmap(NULL, 8192, \(Self.anonymous)) = 0x7ffff7000000",
      "10 mmap(NULL, 4096, \(Self.anonymous)) = -1 ENOMEM (Cannot allocate memory)",
      "10 brk(NULL) = 0x555000", "10 brk(0x556000) = 0x555000",
      "10 mremap(0x7ffff7000000, 4096, 8192, MREMAP_MAYMOVE) = 0x7ffff6000000",
      "10 munmap(0x400000, 4096) = -1 ENOMEM (Cannot allocate memory)",
    ]
    let replay = try Self.replay(lines)
    let outcomes = try Self.steps(replay).map(\.outcome)
    #expect(
      outcomes == [
        .notCompared, .disagrees(.value(0x7fff_f7ff_c000)), .disagrees(.value(0x7fff_f7ff_d000)),
        .agrees, .disagrees(.value(0x556000)), .disagrees(.value(0x7fff_f7ff_c000)),
        .disagrees(.value(0)),
      ])
    #expect(replay.statistics.disagreeingCount == 5 && replay.statistics.agreeingCount == 1)
    #expect(
      try Self.addedLines(lines[0], lines[1], lines[2], lines[3], lines[4]).map { $0.prefix(25) }
        == ["7ffff6000000-7ffff6002000", "7ffff7001000-7ffff7002000"])
  }

  @Test func unsupportedCallsAndUnknownMaps() throws {
    #expect(
      try Self.outcomes(
        "10 mlockall(MCL_FUTURE) = 0", "10 mlockall(MCL_FUTURE) = -1 EPERM (No permission)",
        "10 prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, \"a\") = -1 EINVAL (No)",
        "11 brk(NULL) = 0x555000", "10 execve(\"/bin/q\", [], NULL) = -1 ENOENT (No file)",
        "10 execve(\"/bin/q\", [], NULL) = 0", "10 brk(NULL) = 0x555000")
        == [.unsupported, .agrees, .agrees, .unknownMap, .notCompared, .unknownMap])
  }

  @Test func mapThatIsNone() throws {
    var map = Self.map
    map.text = Array("00400000".utf8)
    let replay = try Self.replay(["10 brk(NULL) = 0x1000"], maps: [map])
    let error = #expect(throws: StraceError.self) { try replay.run() }
    #expect(error?.line == 1 && error?.value == "/bin/p")
  }

  /// A trace that starts in the middle, as of `strace -p`.
  @Test func attached() throws {
    let trace = try StraceTrace(parsing: "10 munmap(0x400000, 4096) = 0")
    let replay = try StraceReplay(trace, maps: [Self.map])
    let steps = try Self.steps(replay)
    #expect(steps.map(\.outcome) == [.agrees])
    #expect(steps[0].space?.count == 2)
  }

  // MARK: Files

  @Test func aFileIsTheSameUntilItsDescriptorIsClosed() throws {
    func map(_ address: String, offset: String) -> String {
      "10 mmap(\(address), 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3</lib/x>, \(offset)) = \(address)"
    }
    let one = map("0x10000000", offset: "0x1000")
    let two = map("0x10001000", offset: "0x2000")
    #expect(try Self.addedLines(one, two).count == 1)
    #expect(try Self.addedLines(one, "10 close(3</lib/x>) = 0", two).count == 2)
    #expect(
      try Self.addedLines(one, "10 openat(AT_FDCWD, \"x\", O_RDONLY) = 3</lib/x>", two).count == 2)
  }

  @Test func accessOfAFile() throws {
    let map = "10 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</lib/x>, 0) = 0x7ffff7ffd000"
    let protect = "10 mprotect(0x7ffff7ffd000, 4096, PROT_READ|PROT_WRITE) = "
    #expect(
      try Self.outcomes(
        "10 openat(AT_FDCWD, \"x\", O_RDONLY) = 3</lib/x>", map,
        protect + "-1 EACCES (Permission denied)") == [.agrees, .agrees])
    #expect(
      try Self.outcomes("10 openat(AT_FDCWD, \"x\", O_RDWR) = 3</lib/x>", map, protect + "0")
        == [.agrees, .agrees])
  }

  // MARK: Processes

  @Test func forkCopiesAndThreadsShare() throws {
    let replay = try Self.replay([
      "10 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 11",
      "11 mmap(NULL, 4096, \(Self.anonymous)) = 0x7ffff7ffd000",
      "10 fork( <unfinished ...>", "12 munmap(0x7ffff7ffd000, 4096) = 0",
      "10 <... fork resumed>) = 12",
      "12 exit_group(0) = ?", "10 munmap(0x400000, 4096) = 0",
    ])
    let steps = try Self.steps(replay)
    let spaces = steps.compactMap(\.space)
    #expect(spaces.count == steps.count)
    let parent = spaces[0]
    #expect(spaces[1] === parent && spaces[2] === parent && spaces.last === parent)
    let child = try #require(steps.first { $0.call.threadID == 12 }?.space)
    #expect(child !== parent)
    // The program, the special mapping, the stack; and what the parent mapped and unmapped.
    #expect(child.count == 3 && parent.count == 3)
    #expect(parent.lookup(0x7fff_f7ff_d000) != nil && child.lookup(0x40_0000) != nil)
    #expect(parent.lookup(0x40_0000) == nil && child.lookup(0x7fff_f7ff_d000) == nil)
  }

  @Test func vforkSharesUntilExecve() throws {
    let replay = try Self.replay(
      [
        "10 vfork( <unfinished ...>", "12 munmap(0x400000, 4096) = 0",
        "12 execve(\"/bin/p\", [\"p\"], 0x1 /* 3 vars */ <unfinished ...>",
        "10 <... vfork resumed>) = 12", "12 <... execve resumed>) = 0", "12 brk(NULL) = 0x1000",
        "10 brk(NULL) = 0x2000",
      ],
      maps: [Self.map, StraceMap(threadID: 12, moment: .start, text: Self.map.text)])
    let steps = try Self.steps(replay)
    #expect(steps.last?.space?.count == 2)
    #expect(steps.last { $0.call.threadID == 12 }?.space?.count == 3)
  }

  @Test func comparisonAtTheEnd() throws {
    var end = Self.map
    end.moment = .end
    end.text =
      Self.line("00400000-00401000 r-xp 00000000 08:01 10", "/bin/p")
      + Self.line("7ffff7ffc000-7ffff7ffd000 rw-s 00000000 00:01 4711", "/dev/zero (deleted)")
      + Self.line("7ffff7ffe000-7ffff7fff000 r-xp 00000000 00:00 0", "[vdso]")
      + Self.line("7fffffeee000-7ffffffff000 rw-p 00000000 00:00 0", "[stack]")
    let map = "10 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0)"
    let lines = [
      "10 mmap(NULL, 4096, \(Self.anonymous)) = 0x7ffff7ffd000", map + " = 0x7ffff7ffc000",
      "10 munmap(0x7ffff7ffd000, 4096) = 0", "10 exit_group(0) = ?",
    ]
    let replay = try Self.replay(lines, maps: [Self.map, end])
    try replay.run()
    let comparison = try #require(replay.comparisons.first)
    #expect(comparison.isEqual, "\(comparison.differences)")
    #expect(comparison.program == "/bin/p" && comparison.processID == 10)

    // Without one of the calls: one line more.
    let other = try Self.replay(Array(lines.dropLast(2) + lines.suffix(1)), maps: [Self.map, end])
    try other.run()
    #expect(other.comparisons.first?.isEqual == false)
    #expect(
      other.comparisons.first?.differences
        == ["+ 7ffff7ffd000-7ffff7ffe000 rw-p 00000000 00:00 0 "])
  }

  /// A map at the end is read while `exit_group` is held up, between two lines of it perhaps.
  @Test func mapsBelongToTheirLines() throws {
    func map(_ moment: StraceMap.Moment, line: Int) -> StraceMap {
      StraceMap(threadID: 10, moment: moment, line: line, text: Self.map.text)
    }
    let lines = [
      Self.start, "10 munmap(0x400000, 4096) = 0", Self.start,
      "10 clone(flags=CLONE_VM|CLONE_THREAD) = 11", "10 exit_group(0 <unfinished ...>",
      "11 +++ exited with 0 +++", "10 <... exit_group resumed>) = ?",
    ]
    // Of the three programs, the first has no map.
    let replay = try Self.replay(
      lines, maps: [map(.start, line: 2), map(.start, line: 4), map(.end, line: 6)])
    let steps = try Self.steps(replay)
    #expect(steps.map { $0.space?.count } == [nil, 2, 2, 3, 3, 3])
    #expect(replay.comparisons.map(\.isEqual) == [true])
  }

  // MARK: Order

  /// The results of calls that were made at the same time tell their order, whichever line comes
  /// first.
  @Test func overlappingCallsAreOrderedByTheirResults() throws {
    let thread = "10 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 11"
    let start10 = "10 mmap(NULL, 4096, \(Self.anonymous) <unfinished ...>"
    let start11 = "11 mmap(NULL, 8192, \(Self.anonymous) <unfinished ...>"
    let end10 = "10 <... mmap resumed>) = 0x7ffff7ffb000"
    let end11 = "11 <... mmap resumed>) = 0x7ffff7ffc000"
    for lines in [
      [start10, start11, end10, end11], [start10, start11, end11, end10],
      [start11, start10, end10, end11], [start11, start10, end11, end10],
    ] {
      let replay = try Self.replay([thread] + lines)
      try replay.run()
      #expect(replay.statistics.agreeingCount == 2, "\(lines)")
    }
    // Not overlapping: there is one order only.
    let replay = try Self.replay([
      thread, "10 mmap(NULL, 4096, \(Self.anonymous)) = 0x7ffff7ffb000",
      "11 mmap(NULL, 8192, \(Self.anonymous)) = 0x7ffff7ffc000",
    ])
    try replay.run()
    #expect(replay.statistics.disagreeingCount == 1)
  }

  /// Where the kernel puts something, nothing lay: what another thread was taking away was gone
  /// already, and isn't taken away later from what has come there.
  @Test func placesTellTheOrder() throws {
    let threads = [11, 12].map { "10 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = \($0)" }
    let old = "10 mmap(NULL, 8192, \(Self.anonymous)) = 0x7ffff7ffc000"
    let small = ["b", "a"].map { "10 mmap(NULL, 4096, \(Self.anonymous)) = 0x7ffff7ff\($0)000" }
    let unmapping = "10 munmap(0x7ffff7ffc000, 8192 <unfinished ...>"
    let unmapped = "10 <... munmap resumed>) = 0"

    // A mapping that moves there.
    let moved =
      "11 mremap(0x7ffff7ffa000, 4096, 8192, MREMAP_MAYMOVE) = 0x7ffff7ffc000"
    // One of two that come at the same time, and fill the gap together.
    let first = "11 mmap(NULL, 4096, \(Self.anonymous) <unfinished ...>"
    let firstEnd = "11 <... mmap resumed>) = 0x7ffff7ffd000"
    let second = "12 mmap(NULL, 4096, \(Self.anonymous)) = 0x7ffff7ffc000"
    for lines in [
      [unmapping, moved, unmapped], [unmapping, first, second, firstEnd, unmapped],
      [first, unmapping, second, unmapped, firstEnd],
    ] {
      let replay = try Self.replay(threads + [old] + small + lines)
      let space = try #require(try Self.steps(replay).last?.space)
      #expect(space.lookup(0x7fff_f7ff_c000) != nil && space.lookup(0x7fff_f7ff_d000) != nil)
      #expect(replay.statistics.disagreeingCount == 0, "\(lines)")
    }
  }

  /// A call isn't made before its line without need, nor kept where it can't have been made yet.
  @Test func callsAreNotMadeTooEarly() throws {
    let threads = [11, 12].map { "10 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = \($0)" }
    let begins = [10, 12, 11].map { "\($0) mmap(NULL, 4096, \(Self.anonymous) <unfinished ...>" }
    func end(_ thread: Int, _ page: String) -> String {
      "\(thread) <... mmap resumed>) = 0x7ffff7ff\(page)000"
    }
    func unmap(_ page: String) -> String { "11 munmap(0x7ffff7ff\(page)000, 4096) = 0" }
    for lines in [
      // What 10 gets is free only after 11 has had it; or after 12 has had it, which ends later.
      [end(11, "c"), end(12, "d"), unmap("c"), end(10, "c")],
      [end(11, "c"), end(12, "d"), unmap("d"), end(10, "d")],
    ] {
      let last = "12 mmap(NULL, 4096, \(Self.anonymous)) = 0x7ffff7ffb000"
      let replay = try Self.replay(threads + begins + lines + [last])
      try replay.run()
      #expect(replay.statistics.disagreeingCount == 0, "\(lines)")
    }
  }

  /// Nor where another one has its place first, although it would fit.
  @Test func callsAreNotMadeInEachOthersWay() throws {
    let threads = [11, 12].map { "10 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = \($0)" }
    func map(_ length: Int, _ result: String) -> String {
      "mmap(NULL, \(length), \(Self.anonymous)\(result)"
    }
    let replay = try Self.replay(
      threads + [
        // A gap of one page, which 12 gets.
        "10 " + map(4096, ") = 0x7ffff7ffd000"), "10 " + map(4096, ") = 0x7ffff7ffc000"),
        "10 munmap(0x7ffff7ffd000, 4096) = 0",
        "10 " + map(12288, " <unfinished ...>"), "11 " + map(4096, " <unfinished ...>"),
        "12 " + map(4096, " <unfinished ...>"),
        "11 <... mmap resumed>) = 0x7ffff7ffb000", "12 <... mmap resumed>) = 0x7ffff7ffd000",
        "11 munmap(0x7ffff7ffb000, 4096) = 0", "10 <... mmap resumed>) = 0x7ffff7ff9000",
        "10 mprotect(0x7ffff7ff9000, 12288, PROT_READ) = 0",
      ])
    try replay.run()
    #expect(replay.statistics.agreeingCount == 8)
  }

  // MARK: Faults

  @Test func faultsMakeTheStackGrowAndKeepMappingsApart() throws {
    func line(_ microseconds: Int, _ call: String) -> String {
      "10 1795624759.00000\(microseconds) \(call)"
    }
    func map(_ address: String) -> String {
      "mmap(\(address), 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = \(address)"
    }
    let lines = [
      line(1, map("0x10000000")), line(2, map("0x10002000")), line(4, map("0x10001000")),
      line(6, "munmap(0x400000, 4096) = 0"),
    ]
    func fault(_ microseconds: UInt64, _ address: UInt64) -> StraceFault {
      StraceFault(
        time: (1_795_624_759_000_000 + microseconds) * 1000 + 500, threadID: 10, address: address)
    }
    func count(_ faults: [StraceFault]) throws -> Int {
      let space = try #require(
        try Self.steps(Self.replay(lines, faults: .recorded(faults))).last?.space)
      #expect(space.lookup(0x7fff_fffd_d000) != nil || faults.count < 3)
      return space.count
    }
    // The special mapping, the stack; and one, or one and two that were written to apart.
    #expect(try count([]) == 3)
    #expect(try count([fault(3, 0x1000_0000), fault(3, 0x1000_2000)]) == 4)
    #expect(
      try count([fault(5, 0x1000_0000), fault(5, 0x1000_2000), fault(5, 0x7fff_fffd_d008)]) == 3)
    #expect(
      try count([fault(3, 0x1000_0000), fault(5, 0x1000_2000), fault(5, 0x7fff_fffd_d008)]) == 3)
  }
}
