// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Testing

/// Scripts whose results on Linux are known.
@Suite(.enabled(if: KernelScript.isUsable, "the kernel can't be the judge"))
struct KernelOracleTests {
  /// A line of the kernel's text, of which `head` is what precedes the name.
  private func line(_ head: String, _ name: String = "") -> String {
    name.isEmpty
      ? head + " " : (head + " ").padding(toLength: 73, withPad: " ", startingAt: 0) + name
  }

  @Test func noOperations() throws {
    #expect(try KernelScript().run([]) == [])
  }

  @Test func mappingsMergeAndSplit() throws {
    let script = KernelScript()
    let base = script.base
    let results = try script.run([
      .fix(base, 0x1000), .fix(base + 0x1000, 0x2000), .dump,
      .protect(base + 0x1000, 0x1000, .read), .dump,
      .unmap(base, 0x1000), .query(base), .query(base, 0x10), .query(base + 0x1000, 2),
    ])
    #expect(
      results == [
        "OK 0x1000000000", "OK 0x1000001000",
        line("1000000000-1000003000 rw-p 00000000 00:00 0"), ".",
        "OK",
        line("1000000000-1000001000 rw-p 00000000 00:00 0"),
        line("1000001000-1000002000 r--p 00000000 00:00 0"),
        line("1000002000-1000003000 rw-p 00000000 00:00 0"), ".",
        "OK", "ERR ENOENT", "OK 1000001000-1000002000 r--p 00000000 00:00 0", "ERR ENOENT",
      ])
  }

  @Test func filesHaveTheNamesOfTheFormat() throws {
    let script = KernelScript()
    let base = script.base
    let results = try script.run([
      .map(base, 0x1000, .read, [.private, .fixed], file: 0),
      .map(base + 0x2000, 0x1000, [.read, .write], [.shared, .fixed], file: 1, offset: 0x3000),
      .map(base + 0x4000, 0x1000, [.read, .execute], [.private, .fixed], file: 2),
      .map(base + 0x6000, 0x1000, .read, [.shared, .fixed], file: 3),
      .map(base + 0x8000, 0x1000, [.read, .write], [.shared, .anonymous, .fixed]),
      .map(base + 0xa000, 0x1000, [.read, .write], [.shared, .fixed], file: 3),
      .map(base + 0xa000, 0x1000, .read, [.sharedValidate, .sync, .fixed], file: 0),
      .map(base + 0xa000, 0x1000, .read, [.shared, .fixed]),
      .dump,
      .query(base + 0x2000), .query(base + 0x6000, 0x20), .query(base + 0x7000, 0x30),
      .query(base + 0x8000),
    ])
    #expect(
      results == [
        "OK 0x1000000000", "OK 0x1000002000", "OK 0x1000004000", "OK 0x1000006000",
        "OK 0x1000008000", "ERR EACCES", "ERR EOPNOTSUPP", "ERR EBADF",
        line("1000000000-1000001000 r--p 00000000 00:01 1", "/tmp/trace/A"),
        line("1000002000-1000003000 rw-s 00003000 00:01 2", "/tmp/trace/B"),
        line("1000004000-1000005000 r-xp 00000000 00:01 3", "/tmp/trace/C"),
        line("1000006000-1000007000 r--s 00000000 00:01 4", "/tmp/trace/RO"),
        line("1000008000-1000009000 rw-s 00000000 00:01 0", "/dev/zero (deleted)"), ".",
        "OK 1000002000-1000003000 rw-s 00003000 00:01 2 /tmp/trace/B",
        "OK 1000006000-1000007000 r--s 00000000 00:01 4 /tmp/trace/RO",
        "OK 1000008000-1000009000 rw-s 00000000 00:01 0 /dev/zero (deleted)",
        "OK 1000008000-1000009000 rw-s 00000000 00:01 0 /dev/zero (deleted)",
      ])
  }

  /// Touched apart, two ranges stay apart: no other system call shows that a write took place.
  @Test func touchesAreWrites() throws {
    let script = KernelScript()
    let base = script.base
    let results = try script.run([
      .fix(base, 0x1000), .fix(base + 0x2000, 0x1000), .touch(base), .touch(base + 0x2fff),
      .fix(base + 0x1000, 0x1000), .dump,
      .fix(base + 0x8000, 0x1000, .read), .touch(base + 0x8000), .touch(base + 0x7000),
      .map(base + 0x8000, 0x1000, [.read, .write], [.shared, .fixed], file: 0, offset: 1 << 20),
      .touch(base + 0x8000), .touch(0), .touch(1 << 47), .touch(.max),
    ])
    #expect(
      results == [
        "OK 0x1000000000", "OK 0x1000002000", "OK", "OK", "OK 0x1000001000",
        line("1000000000-1000002000 rw-p 00000000 00:00 0"),
        line("1000002000-1000003000 rw-p 00000000 00:00 0"), ".",
        "OK 0x1000008000", "ERR SIGSEGV", "ERR SIGSEGV", "OK 0x1000008000",
        "ERR SIGBUS", "ERR SIGSEGV", "ERR SIGSEGV", "ERR SIGSEGV",
      ])
  }

  @Test func movesAdvicesAndLocks() throws {
    let script = KernelScript()
    let base = script.base
    let results = try script.run([
      .fix(base, 0x2000), .fix(base + 0x2000, 0x1000, .read),
      // Several mappings at once.
      .remap(base, 0x3000, 0x3000, 3, base + 0x8000), .dump,
      .remap(base + 0x8000, 0x1000, 0x4000, 0), .remap(base + 0x20000, 0x1000, 0x1000, 1),
      .advise(base + 0x8000, 0x1000, 10), .lock(base + 0x9000, 1), .lock(base, 1), .dump,
      .unlock(base + 0x9000, 1), .advise(base + 0x8000, 0x1000, 11),
      .advise(base + 0x8000, 0x1000, 4711), .query(base + 0x8000),
    ])
    #expect(
      results == [
        "OK 0x1000000000", "OK 0x1000002000", "OK 0x1000008000",
        line("1000008000-100000a000 rw-p 00000000 00:00 0"),
        line("100000a000-100000b000 r--p 00000000 00:00 0"), ".",
        "ERR ENOMEM", "ERR EFAULT", "OK", "OK", "ERR ENOMEM",
        line("1000008000-1000009000 rw-p 00000000 00:00 0"),
        line("1000009000-100000a000 rw-p 00000000 00:00 0"),
        line("100000a000-100000b000 r--p 00000000 00:00 0"), ".",
        "OK", "OK", "ERR EINVAL", "OK 1000008000-100000a000 rw-p 00000000 00:00 0",
      ])
  }

  /// What was touched before a fork stays apart in the child; what isn't to be copied is gone.
  @Test func forksGoOnInTheChild() throws {
    let script = KernelScript()
    let base = script.base
    let results = try script.run([
      .fix(base, 0x2000), .touch(base), .fix(base + 0x8000, 0x1000),
      .advise(base + 0x8000, 0x1000, 10), .fork, .fix(base + 0x2000, 0x1000), .dump,
      .fork, .lock(base, 0x1000, 1), .query(base), .lock(base, 0x1000, 2),
    ])
    #expect(
      results == [
        "OK 0x1000000000", "OK", "OK 0x1000008000", "OK", "OK", "OK 0x1000002000",
        line("1000000000-1000002000 rw-p 00000000 00:00 0"),
        line("1000002000-1000003000 rw-p 00000000 00:00 0"), ".",
        "OK", "OK", "OK 1000000000-1000001000 rw-p 00000000 00:00 0", "ERR EINVAL",
      ])
  }

  /// It is where the script wants it, whatever the program's own heap is like.
  @Test(arguments: [false, true]) func theHeapIsInTheWindow(isConfined: Bool) throws {
    var script = KernelScript(isConfined: isConfined)
    let start = script.base + 0x1800
    script.setHeap(start)
    let results = try script.run([
      .setBreak(0), .setBreak(start + 0x1000), .dump, .setBreak(start - 1),
      .fork, .setBreak(0), .query(script.base + 0x2000), .setBreak(start), .dump,
    ])
    #expect(
      results == [
        "OK 0x1000001800", "OK 0x1000002800",
        line("1000002000-1000003000 rw-p 00000000 00:00 0", "[heap]"), ".",
        "OK 0x1000002800", "OK", "OK 0x1000002800",
        "OK 1000002000-1000003000 rw-p 00000000 00:00 0 [heap]", "OK 0x1000001800", ".",
      ])
  }

  /// What the kernel puts elsewhere is said to be elsewhere, and goes.
  @Test func unconfinedPlacesAreOutside() throws {
    let script = KernelScript()
    let results = try script.run([
      .map(0, 0x1000, .read, [.private, .anonymous]), .dump,
      .fix(script.base, 0x1000), .remap(script.base, 0x1000, 0x1000, 5), .dump,
      .map(script.end, 0x1000, .read, [.private, .anonymous, .fixed]),
      .map(script.end - 0x1000, 0x2000, .read, [.private, .anonymous, .fixed]), .dump,
      .query(script.end, 0), .query(script.end + 0x1000, 0x10),
    ])
    let whole = line("100003f000-1000041000 r--p 00000000 00:00 0")
    let first = line("1000000000-1000001000 rw-p 00000000 00:00 0")
    #expect(
      results == [
        "OK OUTSIDE", ".", "OK 0x1000000000", "OK OUTSIDE", first, ".",
        "OK OUTSIDE", "OK 0x100003f000", first, whole, ".",
        "OK 100003f000-1000041000 r--p 00000000 00:00 0", "ERR ENOENT",
      ])
  }

  @Test func confinedPlacesAreInside() throws {
    let script = KernelScript(pageCount: 1025, isConfined: true)
    let results = try script.run([
      .map(0, 0x1000, .read, [.private, .anonymous]),
      .map(0, 0x20_0000, [.read, .write], [.private, .anonymous]),
      .map(0, 0x40_0000, .read, [.private, .anonymous]),
      .map(script.end, 0x1000, .read, [.private, .anonymous, .noReplace]),
      .map(script.end, 0x1000, .read, [.private, .anonymous]),
      .query(script.end), .query(0x1000, 0x10), .touch(script.end), .dump,
    ])
    #expect(
      results == [
        "OK 0x1000400000", "OK 0x1000200000", "ERR ENOMEM", "ERR EEXIST", "OK 0x10001ff000",
        "ERR ENOENT", "ERR ENOENT", "ERR SIGSEGV",
        line("10001ff000-1000200000 r--p 00000000 00:00 0"),
        line("1000200000-1000400000 rw-p 00000000 00:00 0"),
        line("1000400000-1000401000 r--p 00000000 00:00 0"), ".",
      ])
  }
}
