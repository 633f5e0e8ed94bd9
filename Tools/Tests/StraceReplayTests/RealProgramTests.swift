// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing
import StraceReplay

/// Whole programs, recorded with strace and made again on address spaces: at the end of each of
/// their processes the map is the kernel's, to the byte.
///
/// What a trace can't tell comes from elsewhere, as ``StraceReplay`` says: the maps after `execve`,
/// the inodes of files, and page faults, from the kernel's performance events.
@Suite(
  .serialized, .enabled(if: RealProgram.reasonToSkip == nil, RealProgram.skipComment), .processes)
struct RealProgramTests {
  /// The driver, the compiler itself, and whatever else it starts.
  @Test(.enabled(if: RealProgram.compiler != nil, "no C compiler: cc, gcc or clang"))
  func compiler() throws {
    let compiler = try #require(RealProgram.compiler)
    try withTemporaryDirectory { folder in
      try Self.source.write(toFile: folder + "/a.c", atomically: true, encoding: .utf8)
      try RealProgram.expectEqual([compiler, "-O2", "-c", folder + "/a.c", "-o", folder + "/a.o"])
    }
  }

  @Test(.enabled(if: RealProgram.python != nil, "no python3 with its standard library"))
  func pythonStart() throws {
    let python = try #require(RealProgram.python)
    try RealProgram.expectEqual([
      python, "-c",
      """
      import decimal, json, socket, subprocess, sys, threading
      texts = [json.loads(json.dumps(list(range(1000)))) for _ in range(100)]
      def work(): return [str(number) for number in range(20000)]
      threads = [threading.Thread(target=work) for _ in range(4)]
      for thread in threads: thread.start()
      for thread in threads: thread.join()
      subprocess.run([sys.executable, "-S", "-c", ""])
      """,
    ])
  }

  /// Threads that serve connections, with memory of their own, mapped files, stacks that come and
  /// go.
  @Test func threadedServer() throws {
    try withTemporaryDirectory { folder in
      let server = try RealProgram.compile("server", in: folder)
      let recording = try RealProgram.expectEqual([server, server])
      let calls = try StraceTrace(parsing: recording.trace).calls
      #expect(Set(calls.map(\.threadID)).count > 12, "it has threads")
    }
  }

  /// Processes that fork, with memory that children don't get or get empty.
  @Test func forks() throws {
    try withTemporaryDirectory { folder in
      let program = try RealProgram.compile("forks", in: folder)
      let recording = try RealProgram.expectEqual([program])
      #expect(recording.maps.count { $0.moment == .end } == 4, "three children")
    }
  }

  /// Two ranges that were written to apart stay apart when what lies between is mapped: page faults
  /// matter, and a replay that leaves them out is told from one that doesn't.
  @Test func faultsAreMissed() throws {
    try withTemporaryDirectory { folder in
      let program = try RealProgram.compile("faults", in: folder)
      let recording = try RealProgram.expectEqual([program])
      let replay = try StraceReplay(
        StraceTrace(parsing: recording.trace), maps: recording.maps, faults: .none)
      try replay.run()
      let comparison = try #require(replay.comparisons.first)
      #expect(!comparison.isEqual && !comparison.differences.isEmpty)
      #expect(comparison.isEqualButForSplits)
    }
  }

  /// Memory that is only executable, on this machine's kind of processor; a replay for the other
  /// kind is told from it.
  @Test func executeOnlyMemory() throws {
    try withTemporaryDirectory { folder in
      let program = try RealProgram.compile("executeonly", in: folder)
      var recording = try RealProgram.expectEqual([program])
      recording.hasProtectionKeys.toggle()
      let replay = try StraceReplay(recording)
      try replay.run()
      #expect(replay.statistics.disagreeingCount == 1, "one call to mlock")
    }
  }

  /// So is one that leaves a call out, whichever it is.
  @Test func callsAreMissed() throws {
    try withTemporaryDirectory { folder in
      let program = try RealProgram.compile("faults", in: folder)
      let recording = try StraceRecorder().record([program])
      let lines = recording.trace.split(separator: UInt8(ascii: "\n"))
      let start = try #require(lines.lastIndex { $0.contains("execve(\"\(program)") })
      // The program's own calls come last: not what the loader has cleared away again.
      let candidates = lines.indices.suffix(from: start).filter { index in
        ["mmap(", "mprotect("].contains { lines[index].contains($0) }
      }
      for candidate in candidates.suffix(3) {
        var changed = recording
        changed.trace = []
        for (index, line) in lines.enumerated() where index != candidate {
          changed.trace += line
          changed.trace.append(UInt8(ascii: "\n"))
        }
        // The lines that maps belong to are one less.
        changed.maps = changed.maps.map { map in
          var map = map
          if let line = map.line, line > candidate { map.line = line - 1 }
          return map
        }
        let replay = try StraceReplay(changed)
        try replay.run()
        #expect(replay.comparisons.map(\.isEqualButForSplits) == [false])
      }
    }
  }

  private static let source = """
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    int main(void) { char text[80]; strcpy(text, getenv("HOME")); return puts(text) < 0; }
    """
}

extension ArraySlice<UInt8> {
  fileprivate func contains(_ text: String) -> Bool {
    String(decoding: self, as: UTF8.self).contains(text)
  }
}
