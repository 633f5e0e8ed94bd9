// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import KernelOracle
import Testing

/// What would break the harness or the machine is not carried out; what the kernel refuses is asked
/// of the kernel.
@Suite(.enabled(if: KernelScript.isUsable, "the kernel can't be the judge"))
struct RefusalTests {
  /// Where the harness has something, without knowing where: whole upper half of the addresses.
  private static let upperHalf: UInt64 = 1 << 46
  private static let upperLength: UInt64 = (1 << 46) - 4096

  @Test func theHarnessIsOutOfReach() throws {
    let script = KernelScript()
    let (start, length) = (Self.upperHalf, Self.upperLength)
    let results = try script.run([
      .unmap(start, length), .fix(start, length, []),
      .map(start, length, [], [.private, .anonymous, .noReplace]),
      .advise(start, length, 10), .fix(script.base, 0x1000),
      .remap(script.base, 0x1000, length, 3, start), .remap(script.base, length * 2, 0x1000, 0),
      .query(script.base), .protect(script.base, .max - script.base - 0xffff, .read),
      .query(script.base), .lock(script.base, length * 2),
    ])
    #expect(
      results == [
        "REFUSED", "REFUSED", "REFUSED", "REFUSED", "OK 0x1000000000", "REFUSED", "REFUSED",
        // These end at the first hole.
        "OK 1000000000-1000001000 rw-p 00000000 00:00 0", "ERR ENOMEM",
        "OK 1000000000-1000001000 r--p 00000000 00:00 0", "ERR ENOMEM",
      ])
  }

  @Test func whatIsOutsideAConfinedWindowIsOutOfReach() throws {
    let script = KernelScript(pageCount: 4, isConfined: true)
    let (base, end) = (script.base, script.end)
    let results = try script.run([
      .unmap(end - 0x1000, 0x2000), .unmap(base - 0x1000, 0x1000),
      .fix(end - 0x1000, 0x2000), .protect(end, 0x1000, .read), .lock(base - 1, 2),
      .advise(base, 0x5000, 10), .remap(end, 0x1000, 0x1000, 1),
      .fix(base, 0x4000), .protect(base, 0x5000, .read), .unlock(base, 0x4001),
      .remap(base, 0x1000, 0x1000, 3, end), .unmap(base, 0x4000), .protect(base, 0x5000, .read),
    ])
    #expect(
      results == Array(repeating: "REFUSED", count: 7) + ["OK 0x1000000000"]
        + Array(repeating: "REFUSED", count: 3) + ["OK", "ERR ENOMEM"])
  }

  @Test func whatIsWrongIsTheKernelsToRefuse() throws {
    let script = KernelScript()
    let results = try script.run([
      .unmap(.max, 1), .unmap(1, 1), .unmap(0, 0), .unmap(0, .max), .unmap(1 << 46, .max),
      .fix(1 << 47, 0x1000), .fix(1, 0x1000), .fix(1 << 46, 0), .fix(1 << 46, 1 << 60),
      .protect(1 << 46, .max, .read), .protect(1 << 46, 0, .read), .advise(1, 1, 10),
      .advise(1 << 46, .max, 10), .advise(1 << 46, 1 << 46, 1000), .lock(1, .max - 0x1000),
      .remap(1, 1, 1, 0), .remap(1 << 46, 1, 0, 0), .remap(1 << 46, 1, 1, 8),
      .remap(0, 1, 1, 0), .query(0, 1 << 20),
      .map(script.base, 0x1000, .read, [.sharedValidate, .anonymous]),
    ])
    #expect(
      results == [
        "ERR EINVAL", "ERR EINVAL", "ERR EINVAL", "ERR EINVAL", "ERR EINVAL",
        "ERR ENOMEM", "ERR EINVAL", "ERR EINVAL", "ERR ENOMEM",
        "ERR ENOMEM", "OK", "ERR EINVAL",
        "ERR EINVAL", "ERR EINVAL", "ERR ENOMEM",
        "ERR EINVAL", "ERR EINVAL", "ERR EINVAL",
        "ERR EFAULT", "ERR EINVAL",
        "ERR EINVAL",
      ])
  }

  /// Each fork leaves a process that waits, and without a heap of its own a script would move the
  /// program's.
  @Test func forksAndBreaksAreBounded() throws {
    let script = KernelScript()
    #expect(
      try script.run(Array(repeating: .fork, count: 65) + [.setBreak(0)])
        == Array(repeating: "OK", count: 64) + ["REFUSED", "REFUSED"])
    var withHeap = KernelScript(pageCount: 1 << 30)
    withHeap.setHeap(withHeap.base)
    #expect(
      try withHeap.run([.setBreak(withHeap.base + 1 << 41), .setBreak(0)])
        == ["REFUSED", "OK 0x1000000000"])
  }

  @Test func theMachineIsSpared() throws {
    let script = KernelScript()
    let base = script.base
    // MADV_DONTNEED, MADV_REMOVE, MADV_HWPOISON, MADV_SOFT_OFFLINE, MADV_GUARD_INSTALL.
    let advices: [UInt64] = [4, 9, 100, 101, 102]
    let gigabyte: UInt64 = 1 << 30
    let window = KernelScript(pageCount: 1 << 20)
    #expect(
      try script.run(advices.map { .advise(base, 0x1000, $0) })
        == advices.map { _ in "REFUSED" })
    let results = try window.run([
      .map(base, gigabyte, .read, [.private, .anonymous, .fixed, .populate]),
      .map(base, gigabyte, .read, [.private, .anonymous, .fixed, .locked]),
      .map(base, 0x1000, .read, [.private, .anonymous, .fixed, .hugePages]),
      .map(base, 1 << 45, [.read, .write], [.private, .anonymous]),
      .fix(base, gigabyte), .lock(base, gigabyte), .lock(base, 0x1000),
      .remap(base + 0x1000, gigabyte - 0x1000, 2 * gigabyte, 1),
      .remap(base + 0x1000, gigabyte - 0x1000, gigabyte - 0x2000, 0),
      .lock(base + gigabyte, gigabyte),
    ])
    #expect(
      results == [
        "REFUSED", "REFUSED", "REFUSED", "REFUSED", "OK 0x1000000000", "REFUSED", "OK",
        "REFUSED", "OK 0x1000001000", "ERR ENOMEM",
      ])
  }
}
