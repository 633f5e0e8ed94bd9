// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import KernelOracle
import Testing

/// The process behind the scripts.
@Suite(.enabled(if: KernelScript.isUsable, "the kernel can't be the judge"))
struct ServerTests {
  @Test(
    arguments: [
      (0x10_0000_0001, 4096), (0x10_0000_0000, 4095), (0x10_0000_0000, 0), (0, 4096),
      (0x7fff_ffff_e000, 0x2000), (0x7fff_ffff_f000, 0x1000),
    ] as [(UInt64, UInt64)])
  func impossibleWindow(base: UInt64, length: UInt64) {
    var script = KernelScript()
    script.setup.window_base = base
    script.setup.window_length = length
    #expect(
      throws: KernelScript.Failure(
        code: KO_BAD_WINDOW.rawValue, message: "no usable window")
    ) { try script.run([]) }
  }

  @Test func windowOverTheHarness() {
    var script = KernelScript()
    script.setup.window_length = 0x7fff_ffff_f000 - script.base
    #expect(
      throws: KernelScript.Failure(
        code: KO_BAD_WINDOW.rawValue, message: "the harness has something in the window")
    ) { try script.run([]) }
  }

  @Test func scriptAndResultsAreBounded() {
    let script = KernelScript()
    #expect(
      throws: KernelScript.Failure(
        code: KO_TOO_LONG.rawValue, message: "the script is too long")
    ) {
      try script.run(Array(repeating: .dump, count: 1 << 20))
    }
    let maps: [KernelScript.Operation] = (0..<32).map { .fix(script.base + 0x2000 * $0, 0x1000) }
    #expect(
      throws: KernelScript.Failure(
        code: KO_TOO_LONG.rawValue, message: "the results are too long")
    ) {
      try script.run(maps + Array(repeating: .dump, count: 1 << 16))
    }
    #expect(throws: Never.self) { try script.run([]) }
  }

  /// Scripts know nothing of one another.
  @Test func manyThreads() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in UInt64(0)..<8 {
        group.addTask {
          let script = KernelScript(isConfined: number % 2 == 0)
          let start = script.base + number * 0x1000
          let hex = String(start, radix: 16)
          let end = String(start + 0x1000, radix: 16)
          for _ in 0..<50 {
            let results = try script.run([.fix(start, 0x1000), .touch(start), .dump])
            #expect(
              results == ["OK 0x" + hex, "OK", "\(hex)-\(end) rw-p 00000000 00:00 0 ", "."])
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Another takes its place; neither is a child of the test process, or has children left.
  @Test func serverIsReplaced() throws {
    let script = KernelScript()
    #expect(try script.run([]) == [])
    let first = kernel_oracle_server()
    try #require(first > 0)
    #expect(try Self.parent(of: first) != getpid())
    #expect(Glibc.kill(first, SIGKILL) == 0)
    #expect(try script.run([.fix(script.base, 0x1000)]) == ["OK 0x1000000000"])
    let second = kernel_oracle_server()
    #expect(second > 0 && second != first)
  }

  private static func parent(of process: Int32) throws -> Int32 {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // The name, in parentheses, may have blanks.
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    return try #require(Int32(fields[1]))
  }

  /// Without a right that the reference configuration has, the kernel is no judge.
  @Test(arguments: [(14, "CAP_IPC_LOCK"), (17, "CAP_SYS_RAWIO")] as [(Int32, String)])
  func missingRight(_ right: Int32, _ name: String) async {
    await #expect(processExitsWith: .exitCode(0)) { [right, name] in
      // A program that is executed doesn't have what was dropped here.
      precondition(kernel_oracle_drop_right(right) == 0)
      let reason = unsafe kernel_oracle_unusable().map { unsafe String(cString: $0) }
      precondition(reason?.contains(name) == true, "\(reason ?? "none")")
      precondition(Self.failure()?.code == KO_UNUSABLE.rawValue)
      precondition(Self.failure()?.message == reason)
    }
  }

  private static func failure() -> KernelScript.Failure? {
    do throws(KernelScript.Failure) {
      _ = try KernelScript().run([])
      return nil
    } catch {
      return error
    }
  }
}
