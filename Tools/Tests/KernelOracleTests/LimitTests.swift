// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import KernelOracle
import Testing

/// Limits count what the script maps, not what its process needs.
@Suite(.enabled(if: KernelScript.isUsable, "the kernel can't be the judge"))
struct LimitTests {
  @Test(arguments: [false, true])
  func addressSpaceAndData(isConfined: Bool) throws {
    var script = KernelScript(isConfined: isConfined)
    script.limit(KO_LIMIT_AS, 5 * 4096)
    script.limit(KO_LIMIT_DATA, 2 * 4096)
    let base = script.base
    let results = try script.run([
      .fix(base, 0x2000), .fix(base + 0x4000, 0x1000), .fix(base + 0x4000, 0x3000, .read),
      .fix(base + 0x8000, 0x1000, .read), .unmap(base, 0x1000), .fix(base + 0x4000, 0x1000),
      .dump,
    ])
    #expect(
      results == [
        "OK 0x1000000000", "ERR ENOMEM", "OK 0x1000004000", "ERR ENOMEM", "OK",
        "OK 0x1000004000",
        "1000001000-1000002000 rw-p 00000000 00:00 0 ",
        "1000004000-1000005000 rw-p 00000000 00:00 0 ",
        "1000005000-1000007000 r--p 00000000 00:00 0 ", ".",
      ])
  }

  /// The limit on data is one on the heap's extent too, whatever of it is mapped.
  @Test func dataOfTheHeap() throws {
    var script = KernelScript()
    let base = script.base
    script.setHeap(base)
    script.limit(KO_LIMIT_DATA, 4 * 4096)
    let results = try script.run([
      .setBreak(base + 0x4001), .setBreak(base + 0x4000), .unmap(base, 0x3000),
      .setBreak(base + 0x4001), .setBreak(base + 0x3001), .dump,
    ])
    #expect(
      results.prefix(5) == [
        "OK 0x1000000000", "OK 0x1000004000", "OK", "OK 0x1000004000", "OK 0x1000003001",
      ])
    #expect(results.dropFirst(5).first?.hasPrefix("1000003000-1000004000 rw-p") == true)
  }

  @Test func lockedMemory() throws {
    var script = KernelScript()
    let base = script.base
    let operations: [KernelScript.Operation] = [
      .fix(base, 0x4000), .lock(base, 0x3000), .lock(base, 0x2000), .lock(base + 0x2000, 0x1000),
      .map(base + 0x8000, 0x1000, .read, [.private, .anonymous, .fixed, .locked]),
    ]
    #expect(
      try script.run(operations) == ["OK 0x1000000000", "OK", "OK", "OK", "OK 0x1000008000"])
    script.limit(KO_LIMIT_MEMLOCK, 2 * 4096)
    #expect(
      try script.run(operations)
        == ["OK 0x1000000000", "ERR ENOMEM", "OK", "ERR ENOMEM", "ERR EAGAIN"])
    script.limit(KO_LIMIT_MEMLOCK, 0)
    #expect(
      try script.run(operations)
        == ["OK 0x1000000000", "ERR EPERM", "ERR EPERM", "ERR EPERM", "ERR EPERM"])
  }

  @Test func stack() throws {
    var script = KernelScript()
    let base = script.base
    let operations: [KernelScript.Operation] = [
      .map(
        base + 0x2_0000, 0x1000, [.read, .write],
        [.private, .anonymous, .fixed, .growsDown]),
      .touch(base + 0x1_d000), .touch(base + 0x1_e000), .query(base + 0x2_0000),
    ]
    #expect(
      try script.run(operations)
        == ["OK 0x1000020000", "OK", "OK", "OK 100001d000-1000021000 rw-p 00000000 00:00 0"])
    script.limit(KO_LIMIT_STACK, 3 * 4096)
    #expect(
      try script.run(operations) == [
        "OK 0x1000020000", "ERR SIGSEGV", "OK", "OK 100001e000-1000021000 rw-p 00000000 00:00 0",
      ])
  }

  /// A mapping fails only when there are more than the limit: there is one more than it says.
  @Test(arguments: [false, true], [0, 3])
  func mappings(isConfined: Bool, room: UInt64) throws {
    var script = KernelScript(isConfined: isConfined)
    script.limit(KO_LIMIT_MAPS, room)
    let base = script.base
    let results = try script.run((0..<room + 2).map { .fix(base + 0x2000 * $0, 0x1000) })
    #expect(
      results == (0...room).map { "OK 0x" + String(base + 0x2000 * $0, radix: 16) }
        + ["ERR ENOMEM"])
  }

  @Test func roomForMoreThanThereIs() {
    var script = KernelScript()
    script.limit(KO_LIMIT_MAPS, 1 << 40)
    #expect(
      throws: KernelScript.Failure(
        code: KO_BAD_LIMIT.rawValue,
        message: "there is no room for so many maps: 1099511627776")
    ) { try script.run([]) }
  }
}
