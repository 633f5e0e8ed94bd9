// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory
import StraceReplay

/// What strace writes, and what is made of it.
@Suite struct TraceParsingTests {
  private static func calls(_ lines: String...) throws -> [StraceCall] {
    try StraceTrace(parsing: lines.joined(separator: "\n") + "\n").calls
  }

  private static func operation(_ line: String) throws -> String {
    let call = try #require(try calls(line).first)
    return String(describing: call.operation)
  }

  // MARK: Calls

  @Test(arguments: [
    (
      "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000",
      "map(address: 0, length: 8192, protection: 3, flags: 34, file: nil, offset: 0)"
    ),
    (
      "mmap(0x1000, 9, PROT_NONE, 0x8 /* MAP_??? */|MAP_ANONYMOUS|21<<MAP_HUGE_SHIFT, -1, 0) = 0",
      "map(address: 4096, length: 9, protection: 0, flags: 1409286184, file: nil, offset: 0)"
    ),
    ("munmap(0x7f0000000000, 4096) = 0", "unmap(address: 139637976727552, length: 4096)"),
    (
      "mprotect(0x1000, 18446744073709551615, PROT_READ|PROT_GROWSDOWN|0x40 /* PROT_??? */) = 0",
      "protect(address: 4096, length: 18446744073709551615, protection: 16777281)"
    ),
    (
      "pkey_mprotect(0x1000, 4096, PROT_READ, -1) = 0",
      "protect(address: 4096, length: 4096, protection: 1)"
    ),
    ("pkey_mprotect(0x1000, 4096, PROT_READ, 1) = 0", "unsupported"),
    (
      "mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x8000) = 0x8000",
      "remap(address: 4096, length: 4096, newLength: 8192, flags: 3, newAddress: 32768)"
    ),
    (
      "mremap(0x1000, 4096, 8192, 0) = -1 ENOMEM (Cannot allocate memory)",
      "remap(address: 4096, length: 4096, newLength: 8192, flags: 0, newAddress: 0)"
    ),
    (
      "madvise(0x1000, 4096, MADV_DONTFORK) = 0",
      "advise(address: 4096, length: 4096, advice: 10)"
    ),
    (
      "madvise(0x1000, 4096, 0x4d /* MADV_??? */) = -1 EINVAL (Invalid argument)",
      "advise(address: 4096, length: 4096, advice: 77)"
    ),
    ("mlock(0x1000, 1) = 0", "lock(address: 4096, length: 1, onFault: false)"),
    ("mlock2(0x1000, 1, MLOCK_ONFAULT) = 0", "lock(address: 4096, length: 1, onFault: true)"),
    ("munlock(0x1000, 1) = 0", "unlock(address: 4096, length: 1)"),
    ("brk(NULL) = 0x5000", "setBreak(address: 0)"),
    ("mlockall(MCL_FUTURE) = 0", "unsupported"),
    (
      "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB, -1, 0) = 0x200000",
      "unsupported"
    ),
    (
      "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, \"a\\tb\") = 0",
      "setName(address: 4096, length: 4096, name: Optional([97, 9, 98]))"
    ),
    (
      "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, NULL) = 0",
      "setName(address: 4096, length: 4096, name: nil)"
    ),
    ("exit_group(3) = ?", "exitProcess"),
    ("execve(\"/bin/true\", [\"true\"], 0x7ff /* 3 vars */) = 0", "execute(path: \"/bin/true\")"),
    ("close(3</etc/x>) = 0", "close(descriptor: 3)"),
    ("openat(AT_FDCWD</tmp>, \"a\", O_RDWR|O_CREAT, 0600) = 3</tmp/a>", "open(access: readWrite)"),
  ])
  func call(line: String, operation: String) throws {
    let found = try Self.operation(line)
      .replacing("VirtualMemory.MappedFile.Access.", with: "")
    #expect(found == operation)
  }

  @Test(arguments: [
    ("fork() = 7", StraceStart(sharesMemory: false, sharesFiles: false, isThread: false)),
    ("vfork() = 7", StraceStart(sharesMemory: true, sharesFiles: false, isThread: false)),
    (
      "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 7",
      StraceStart(sharesMemory: false, sharesFiles: false, isThread: false)
    ),
    (
      "clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, stack=0x7f} => {parent_tid=[7]}, 88) = 7",
      StraceStart(sharesMemory: true, sharesFiles: true, isThread: true)
    ),
  ])
  func start(line: String, expected: StraceStart) throws {
    let call = try #require(try Self.calls(line).first)
    guard case .start(let found) = call.operation else {
      Issue.record("\(call.operation)")
      return
    }
    #expect(found == expected)
    #expect(call.result == .value(7))
  }

  @Test(arguments: [
    ("3</usr/lib/x.so>", "/usr/lib/x.so", false),
    ("3</tmp/gone>(deleted)", "/tmp/gone", true),
    ("3</a\\76b\\74c, \\\"d)\\1\\303\\251\\n\\\\x>", "/a>b<c, \"d)\u{1}é\n\\x", false),
    ("3</dev/zero<char 1:5>>", "/dev/zero", false),
  ])
  func file(descriptor: String, path: String, isDeleted: Bool) throws {
    let line = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, \(descriptor), 0x1000) = 0x7f0000000000"
    let call = try #require(try Self.calls(line).first)
    guard case .map(_, _, _, _, let file, let offset) = call.operation else {
      Issue.record("\(call.operation)")
      return
    }
    #expect(
      file == StraceFile(descriptor: 3, path: Array(path.utf8), isDeleted: isDeleted))
    #expect(offset == 4096)
  }

  @Test(arguments: [
    ("brk(NULL) = 0x5000", StraceResult.value(0x5000)),
    ("brk(NULL)                               = 0x5000 (DELAYED) <0.000012>", .value(0x5000)),
    ("munmap(0x1000, 1) = 0 <0.000007>", .value(0)),
    ("munmap(0x1, 1) = -1 EINVAL (Invalid argument)", .error("EINVAL")),
    ("openat(AT_FDCWD, \"a\", O_RDONLY) = 3</tmp/a>", .value(3)),
    ("fork() = ? ERESTARTNOINTR (To be restarted)", .none),
    ("exit_group(0) = ?", .none),
  ])
  func result(line: String, expected: StraceResult) throws {
    #expect(try Self.calls(line).first?.result == expected)
  }

  // MARK: Lines

  @Test func whatIsNotReplayedIsPassedOver() throws {
    let calls = try Self.calls(
      "", "strace: Process 12 attached", "10 --- SIGCHLD {si_signo=SIGCHLD} ---",
      "10 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 12",
      "10 wait4(-1,  <unfinished ...>", "11 brk(NULL) = 0x5000",
      "10 <... wait4 resumed>0x7ff, 0, NULL) = ? ERESTARTSYS (To be restarted)",
      "10 prctl(PR_SET_NAME, \"a\") = 0", "10 mincore(0x1000, 1, [1]) = 0",
      "10 +++ exited with 0 +++")
    #expect(calls.map(\.threadID) == [11])
  }

  @Test func timesAndNumbers() throws {
    let calls = try Self.calls(
      "10 1795624759.911479 brk(NULL) = 0x1000", "10 12:00:01 brk(NULL) = 0x2000",
      "10 12:00:01.123456 brk(NULL) = 0x3000", "10      0.000012 brk(NULL) = 0x4000",
      "1795624759.911480 brk(NULL) = 0x5000", "brk(NULL) = 0x6000")
    #expect(calls.map(\.threadID) == [10, 10, 10, 10, 0, 0])
    #expect(
      calls.map(\.time) == [
        1_795_624_759_911_479_000, nil, nil, nil, 1_795_624_759_911_480_000, nil,
      ])
    #expect(calls.map(\.result) == (1...6).map { .value($0 << 12) })
  }

  @Test func unfinishedCallsAreResumed() throws {
    let calls = try Self.calls(
      "10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>",
      "11 munmap(0x1000, 4096 <unfinished ...>",
      "10 <... mmap resumed>)              = 0x7f0000000000",
      "11 <... munmap resumed>)            = 0",
      "10 clone3({flags=CLONE_VM, stack=0x1} <unfinished ...>", "12 brk(NULL) = 0x1000",
      "10 <... clone3 resumed> => {parent_tid=[12]}, 88) = 12")
    #expect(calls.map(\.startLine) == [1, 2, 5, 6])
    #expect(calls.map(\.endLine) == [3, 4, 7, 6])
    #expect(calls.map(\.threadID) == [10, 11, 10, 12])
    #expect(calls[0].result == .value(0x7f00_0000_0000) && calls[2].result == .value(12))
  }

  @Test func execveOfAThreadTakesTheProcessesNumber() throws {
    let calls = try Self.calls(
      "11 execve(\"/bin/true\", [\"true\"], 0x1 /* 3 vars */ <unfinished ...>",
      "10 +++ superseded by execve in pid 11 +++", "10 <... execve resumed>) = 0",
      "10 brk(NULL) = 0x1000")
    #expect(calls.map(\.threadID) == [10, 10])
    #expect(calls[0].result == .value(0))
  }

  // MARK: Errors

  @Test(arguments: [
    ("brk(NULL) = 0x1000\nwhat is this", 2, "a line must be a system call"),
    ("[pid 12] brk(NULL) = 0", 1, "-f -o FILE"),
    ("12 [ Process PID=12 runs in 32 bit mode. ]", 1, "64-bit"),
    ("12 brk(NULL = 0", 1, "parentheses"),
    ("12 brk(\"a) = 0", 1, "parentheses"),
    ("12 munmap(0x1000) = 0", 1, "at least 2 arguments"),
    ("12 munmap(0x1g, 1) = 0", 1, "must be a number"),
    ("12 munmap(0x11111111111111111, 1) = 0", 1, "less than 2^64"),
    ("12 mprotect(0x1000, 1, PROT_FLY) = 0", 1, "protections (PROT_…)"),
    ("12 madvise(0x1000, 1, MADV_FLY) = 0", 1, "an advice (MADV_…)"),
    ("12 mmap(NULL, 1, PROT_READ, MAP_PRIVATE, 3, 0) = 0x1000", 1, "strace -y"),
    ("12 brk(NULL)", 1, "must end in ="),
    ("12 brk(NULL) = yes", 1, "must end in ="),
    ("12 <... brk resumed>) = 0", 1, "left unfinished"),
    ("12 brk(NULL <unfinished ...>\n12 <... mmap resumed>) = 0", 2, "left unfinished"),
    ("12 brk(NULL <unfinished ...>\n12 brk(NULL) = 0", 2, "must finish its call"),
    ("12 execve(\"/bin/t\"..., [], NULL) = 0", 1, "not shortened"),
  ])
  func error(text: String, line: Int, rule: String) {
    do {
      _ = try StraceTrace(parsing: text)
      Issue.record("no error")
    } catch {
      #expect(error.line == line)
      #expect(error.description.contains(rule), "\(error)")
      #expect(error.description.hasPrefix("line \(line): “"))
    }
  }
}
