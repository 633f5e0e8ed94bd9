// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import MapScripts

/// What a replay prints, byte by byte, and what it starts with.
struct ReplayTests {
  private func output(_ script: String) throws -> String {
    let script = try MapScript(parsing: script)
    var replay = ScriptReplay(script)
    return script.operations.map { replay.perform($0) }.joined()
  }

  @Test func everyResultIsALine() throws {
    let results = try output(
      """
      window 0x100000 0x10000
      dump
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mprotect 0x100000 0x1000 r
      mmap 0x102000 0x1000 rw shared|fixed file:C 0x1000
      mmap 0x103000 0x1000 rw shared|anon|fixed - 0
      madvise 0x100000 0x1000 1000
      touch 0x100000
      touch 0x101000
      query 0x102fff w|s
      query 0x103000 -
      query 0x104000 next
      munmap 0x101000 0x1000
      dump
      """)
    let expected = """
      .
      OK 0x100000
      OK
      OK 0x102000
      OK 0x103000
      ERR EINVAL
      ERR SIGSEGV
      OK
      OK 00102000-00103000 rw-s 00001000 00:01 3 /tmp/trace/C
      OK 00103000-00104000 rw-s 00000000 00:01 0 /dev/zero (deleted)
      ERR ENOENT
      OK
      00100000-00101000 r--p 00000000 00:00 0\u{20}
      00102000-00103000 rw-s 00001000 00:01 3                                  /tmp/trace/C
      00103000-00104000 rw-s 00000000 00:01 0                                  /dev/zero (deleted)
      .

      """
    #expect(results == expected)
  }

  @Test func namesStartAtTheirColumn() throws {
    let results = try output(
      """
      window 0x7f0000000000 0x3000
      mmap 0x7f0000000000 0x1000 rw shared|anon|fixed - 0
      mmap 0x7f0000001000 0x1000 r shared|fixed file:RO 0x7fffffffffffe000
      dump
      """)
    let lines = results.split(separator: "\n")
    #expect(
      lines[2] == "7f0000000000-7f0000001000 rw-s 00000000 00:01 0"
        + String(repeating: " ", count: 26) + "/dev/zero (deleted)")
    #expect(
      lines[3] == "7f0000001000-7f0000002000 r--s 7fffffffffffe000 00:01 4"
        + String(repeating: " ", count: 18) + "/tmp/trace/RO")
    #expect(lines[2].utf8.prefix { $0 != UInt8(ascii: "/") }.count == 73)
  }

  @Test func whatReachesOutOfTheWindowIsShownWhole() throws {
    let results = try output(
      """
      window 0x100800 0x1000
      mmap 0xff000 0x3000 r private|anon|fixed - 0
      mmap 0x102000 0x1000 rw private|anon|fixed - 0
      mmap 0x104000 0x1000 rw private|anon - 0
      dump
      query 0x102000 -
      query 0x103000 next
      """)
    let expected = """
      OK 0xff000
      OK OUTSIDE
      OK OUTSIDE
      000ff000-00102000 r--p 00000000 00:00 0\u{20}
      .
      ERR ENOENT
      ERR ENOENT

      """
    #expect(results == expected)
  }

  @Test func aMoveOutOfTheWindowDoesNotStay() throws {
    let results = try output(
      """
      window 0x100000 0x10000
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mremap 0x101000 0x1000 0x1000 maymove|fixed 0x400000
      mremap 0x400000 0x1000 0x1000 -
      dump
      """)
    let expected = """
      OK 0x100000
      OK OUTSIDE
      ERR EFAULT
      00100000-00101000 rw-p 00000000 00:00 0\u{20}
      .

      """
    #expect(results == expected)
  }

  @Test(arguments: [
    "window 0x100000 0x3000", "window 0x1000 0x3000", "window 0x7fffffffc000 0x3000",
    "window 0x100800 0x1801",
  ])
  func aConfinedWindowIsTheOnlyPlace(_ window: String) throws {
    let results = try output(
      """
      \(window)
      confine
      limit as 0x3000
      limit maps 2
      dump
      mmap 0 0x1000 rw private|anon - 0
      mmap 0 0x1000 rw shared|anon - 0
      mmap 0 0x1000 r private|anon - 0
      mmap 0 0x1000 r private|anon - 0
      """
    )
    let lines = results.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines[0] == ".")
    // What is below 0x10000 is not chosen by the kernel.
    let isLow = window.hasPrefix("window 0x1000 ")
    #expect(lines[1...3].allSatisfy { isLow ? $0 == "ERR ENOMEM" : $0.hasPrefix("OK 0x") })
    #expect(lines[4] == "ERR ENOMEM")
  }

  @Test func whatConfinesCountsAgainstNoLimit() throws {
    let results = try output(
      """
      window 0x100000 0x10000
      confine
      limit as 0x2000
      limit data 0x1000
      limit maps 1
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 rw private|anon|fixed - 0
      mmap 0x102000 0x1000 rw shared|anon|fixed - 0
      mmap 0x103000 0x1000 r private|anon|fixed - 0
      munmap 0x102000 0x1000
      mmap 0x103000 0x1000 r private|anon|fixed - 0
      mmap 0x103000 0x1000 r private|anon|noreplace - 0
      """)
    #expect(
      results.split(separator: "\n") == [
        "OK 0x100000", "ERR ENOMEM", "OK 0x102000", "ERR ENOMEM", "OK", "OK 0x103000",
        "ERR ENOMEM",
      ])
  }

  @Test func hugeLimitsAreNone() throws {
    let results = try output(
      """
      window 0x100000 0x10000
      confine
      limit as 18446744073709551615
      limit data 18446744073709551615
      limit stack 18446744073709551615
      limit memlock 18446744073709551615
      limit maps 18446744073709551615
      mmap 0 0x10000 rw private|anon|locked - 0
      munmap 0x104000 0x1000
      """)
    #expect(results == "OK 0x100000\nOK\n")
  }

  @Test func theUpperHalfOfAProtectionIsUnknown() throws {
    let results = try output(
      """
      window 0x100000 0x10000
      mmap 0x100000 0x1000 r|0x100000000 private|anon|fixed - 0
      mprotect 0x100000 0x1000 r|0x100000000
      mprotect 0x100000 0x1000 0x100000001
      """)
    #expect(results == "OK 0x100000\nERR EINVAL\nERR EINVAL\n")
  }

  @Test func anAdviceOfAnySizeIsUnknown() throws {
    // 2^32 + 4 would be the number of an advice if its upper half were cut off.
    let results = try output(
      """
      window 0x100000 0x10000
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      madvise 0x100000 0x1000 4294967300
      madvise 0x100000 0x1000 18446744073709551615
      """)
    #expect(results == "OK 0x100000\nERR EINVAL\nERR EINVAL\n")
  }

  @Test func replaysDoNotDisturbEachOther() throws {
    let script = try MapScript(
      parsing: """
        window 0x100000 0x10000
        mmap 0x100000 0x1000 rw shared|fixed file:A 0
        dump
        """)
    var first = ScriptReplay(script)
    var second = ScriptReplay(script)
    #expect(first.perform(script.operations[0]) == "OK 0x100000\n")
    #expect(second.perform(.dump) == ".\n")
    #expect(first.perform(.dump).hasSuffix("/tmp/trace/A\n.\n"))
  }
}
