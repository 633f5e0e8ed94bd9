// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Foundation
import Glibc
import TestSupport
import Testing

/// Programs that know nothing of this library print what it tells them.
@Suite(.serialized) struct MapsSuperviseProgramTests {
  private let program = ExampleProgram("maps-supervise")

  /// A process whose map stays as it is.
  private final class Target {
    let pid: pid_t

    init() throws {
      var child: pid_t = 0
      var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
      defer { words.forEach { free($0) } }
      let error = posix_spawnp(&child, "sleep", nil, nil, &words, environ)
      try #require(error == 0)
      pid = child
      while !(try text(of: "stat")).contains("(sleep) S") { usleep(10_000) }
    }

    deinit {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }

    func text(of file: String) throws -> String {
      try String(contentsOfFile: "/proc/\(pid)/\(file)", encoding: .utf8)
    }
  }

  /// Programs that read a process's maps, and what they are asked for.
  private static func clients(_ pid: pid_t) -> [[String]] {
    [
      ["pmap", "\(pid)"],
      ["gdb", "-nx", "-batch", "-ex", "info proc mappings \(pid)"],
      ["lsof", "-n", "-w", "-a", "-d", "mem", "-p", "\(pid)"],
      ["cat", "/proc/\(pid)/maps"],
      [
        // The records that perf makes of the maps when it attaches.
        "bash", "-c",
        "f=$(mktemp) && perf record -q -o $f -p \(pid) -- sleep 0.1 >/dev/null 2>&1"
          + " && perf script -i $f --show-mmap-events | grep -o 'PERF_RECORD_MMAP.*'; rm -f $f",
      ],
    ]
  }

  private static func isInstalled(_ client: [String]) throws -> Bool {
    let name = client[0] == "bash" ? "perf" : client[0]
    if try runProcess("bash", ["-c", "command -v \(name)"]).status == 0 { return true }
    print("skipped: \(name) isn't installed")
    return false
  }

  @Test func clientsPrintTheSameOfAMirror() throws {
    let target = try Target()
    for client in Self.clients(target.pid) where try Self.isInstalled(client) {
      let expected = try runProcess(client[0], Array(client.dropFirst()))
      guard expected.status == 0 else {
        print("skipped: \(client[0]) can't be used here: \(expected.standardError)")
        continue
      }
      let output = try program.run(["--verbose", "--"] + client)
      let answered = output.split(separator: "\n").filter { $0.hasPrefix("maps-supervise: ") }
      #expect(
        answered.contains { $0.contains("/maps: ") && $0.hasSuffix("from a mirror") },
        "\(client): \(answered)")
      let printed = output.replacing(#/maps-supervise: .*\n/#, with: "")
      #expect(printed == expected.standardOutput + expected.standardError, "\(client)")
    }
  }

  /// A model made of the kernel's text: every field of what they print is as it is of the kernel's.
  @Test func clientsPrintTheSameOfAModel() throws {
    let target = try Target()
    try withTemporaryDirectory { folder in
      let file = folder + "/maps"
      try target.text(of: "maps").write(toFile: file, atomically: true, encoding: .utf8)
      for client in Self.clients(target.pid) where try Self.isInstalled(client) {
        let expected = try runProcess(client[0], Array(client.dropFirst()))
        guard expected.status == 0 else {
          print("skipped: \(client[0]) can't be used here: \(expected.standardError)")
          continue
        }
        let output = try program.run(
          ["--verbose", "--model", "\(target.pid)=\(file)", "--"] + client)
        #expect(output.contains("from a model"), "\(client)")
        let printed = output.replacing(#/maps-supervise: .*\n/#, with: "")
        #expect(printed == expected.standardOutput + expected.standardError, "\(client)")
      }
    }
  }

  /// The target has no such mapping: only the model has it.
  @Test func clientsPrintAModel() throws {
    let target = try Target()
    try withTemporaryDirectory { folder in
      let file = folder + "/maps"
      let line = "00010000-00024000 r-xs 00003000 08:01 4242"
      let text = line.padding(toLength: 73, withPad: " ", startingAt: 0) + "/model/name\n"
      try (text + target.text(of: "maps")).write(toFile: file, atomically: true, encoding: .utf8)
      for client in Self.clients(target.pid) where try Self.isInstalled(client) {
        let name = client[0] == "bash" ? "perf" : client[0]
        let output = try program.run(
          ["--verbose", "--model", "\(target.pid)=\(file)", "--"] + client)
        if name == "perf" && !output.contains("PERF_RECORD_MMAP") {
          print("skipped: perf can't be used here")
          continue
        }
        #expect(output.contains("from a model"), "\(client)")
        // lsof leaves out files that it can't find.
        if name != "lsof" { #expect(output.contains("/model/name") || name == "pmap", "\(output)") }
        if name == "pmap" { try expectLine(#"^0*10000 +80K r-xs- "#, in: output) }
        if name == "perf" {
          try expectLine(
            #"\[0x10000\(0x14000\) @ 0x3000 08:01 4242 .*: r-xs /model/name"#, in: output)
        }
        if name == "gdb" { try expectLine(#"0x10000 +0x24000 +0x14000 +0x3000 "#, in: output) }
      }
      #expect(
        try program.run([
          "--model", "\(target.pid)=\(file)", "--", "cat", "/proc/\(target.pid)/maps",
        ])
          == String(contentsOfFile: file, encoding: .utf8))
    }
  }

  @Test func everyWayToOpenIt() throws {
    let target = try Target()
    try withTemporaryDirectory { folder in
      let file = folder + "/maps"
      let text = "00010000-00011000 r--p 00000000 00:00 0 \n"
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let pid = target.pid
      for script in [
        "cat /proc/\(pid)/maps", "cd /proc/\(pid) && cat maps",
        "cd /proc && cat \(pid)/../\(pid)/maps",
        "cat /proc/\(pid)/task/\(pid)/maps", "cat </proc/\(pid)/maps", "cat //proc/\(pid)/./maps",
      ] {
        let output = try program.run(["--model", "\(pid)=\(file)", "--", "sh", "-c", script])
        #expect(output == text, "\(script)")
      }
      // By a folder's descriptor, and again what was read before.
      let python = """
        import os
        folder = os.open("/proc/\(pid)", os.O_RDONLY)
        file = os.open("maps", os.O_RDONLY, dir_fd=folder)
        text = os.read(file, 1 << 20)
        os.lseek(file, 0, 0)
        assert text == os.read(file, 1 << 20) and not os.get_inheritable(file)
        try: os.write(file, b"x")
        except OSError: print(text.decode(), end="")
        """
      guard try Self.isInstalled(["python3"]) else { return }
      let output = try program.run(["--model", "\(pid)=\(file)", "--", "python3", "-c", python])
      #expect(output == text)
    }
  }

  @Test func ownMapsAreMirrorsToo() throws {
    let output = try program.run(["--verbose", "--", "cat", "/proc/self/maps"])
    #expect(output.contains("/cat\n") && output.contains("[stack]"))
    #expect(output.contains("maps-supervise: /proc/self/maps: "))
  }

  @Test func whatIsTheKernels() throws {
    let pid = try Target().pid
    var output = try program.run(["--verbose", "--", "cat", "/proc/\(pid)/maps"], exits: 1)
    #expect(output.contains("No such"))
    let target = try Target()
    output = try program.run([
      "--verbose", "--", "cat", "/proc/\(target.pid)/smaps", "/etc/hostname",
    ])
    #expect(output.contains("Rss:") && !output.contains("maps-supervise: "))
  }

  @Test func statusIsThePrograms() throws {
    try program.run(["--", "sh", "-c", "exit 7"], exits: 7)
    try program.run(["--", "sh", "-c", "kill -KILL $$"], exits: 128 + SIGKILL)
    #expect(
      try program.run(["--", "/nonexistent/program"], exits: 127).contains("/nonexistent/program"))
    #expect(try program.run(["--", "/dev/null"], exits: 126).contains("/dev/null"))
  }

  /// Descendants that outlive the program still get answers.
  @Test func descendantsAndManyAtOnce() throws {
    let target = try Target()
    let script = """
      for i in $(seq 50); do cat /proc/\(target.pid)/maps | wc -l & done
      (sleep 0.3; wc -l </proc/\(target.pid)/maps) &
      """
    let output = try program.run(["--verbose", "--", "bash", "-c", script])
    let count = try target.text(of: "maps").split(separator: "\n").count
    let printed = output.split(separator: "\n").filter { !$0.hasPrefix("maps-supervise") }
    #expect(printed.count == 51 && Set(printed) == ["\(count)"])
    #expect(output.split(separator: "\n").count { $0.hasSuffix("from a mirror") } == 51)
  }

  @Test func badArguments() throws {
    #expect(try program.run([], exits: 64).contains("Name the program to run after --."))
    for model in ["1", "=x", "0=x", "x=y", "-3=x"] {
      #expect(
        try program.run(["--model=\(model)", "--", "true"], exits: 64)
          .contains("--model takes a process ID, = and a file, not “\(model)”."))
    }
    try withTemporaryDirectory { folder in
      let file = folder + "/maps"
      try "00010000-00011000 r--p 00000000 00:00 0 \nwrong\n"
        .write(toFile: file, atomically: true, encoding: .utf8)
      let output = try program.run(["--model", "1=\(file)", "--", "true"], exits: 1)
      #expect(output.contains("\(file): ") && output.contains("line 2"))
      #expect(
        try program.run(["--model", "1=\(folder)/none", "--", "true"], exits: 1).contains("none"))
    }
  }
}
