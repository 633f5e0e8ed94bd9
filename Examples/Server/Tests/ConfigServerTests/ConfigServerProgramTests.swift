// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import ServerSupport
import Synchronization
import Testing

/// The program as its users run it, with each store.
@Suite(.serialized) struct ConfigServerProgramTests {
  private func withServer(
    _ store: String, _ body: (ServerProgram, _ write: (String) throws -> Void) throws -> Void
  ) throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("config-server-\(UUID().uuidString.prefix(8)).json").path
    func write(_ text: String) throws {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
    defer { try? FileManager.default.removeItem(atPath: file) }
    try write(Self.configuration(1))
    try body(ServerProgram("config-server", [file, "--store", store]), write)
  }

  /// Each part names its version.
  private static func configuration(_ version: Int) -> String {
    """
    {"version": \(version), "routes": {"/": "root-\(version)", "/a": "a-\(version)"},
     "features": {"f\(version)": 1, "none": 0}}
    """
  }

  private static func answer(_ version: Int) -> String { "\(version) a-\(version) [f\(version)]\n" }

  @Test(arguments: ["rcu", "mutex", "actor"])
  func reloads(_ store: String) throws {
    try withServer(store) { server, write in
      #expect(try server.get("/a").body == Self.answer(1))
      #expect(try server.get("/").body == "1 root-1 [f1]\n")
      #expect(try server.get("/b").status == 404)
      // By a change of the file.
      try write(Self.configuration(2))
      while try server.get("/a").body != Self.answer(2) { usleep(20_000) }
      // A mistake is reported, and changes nothing.
      try write(#"{"version": 3, "routes": {"a": "x"}, "features": {}}"#)
      while !server.output.contains("“a” doesn't begin with “/”") { usleep(20_000) }
      try write(#"{"version": 3, "routes": {}}"#)
      while !server.output.contains("“features” is missing") { usleep(20_000) }
      try write("{")
      while !server.output.contains("no JSON") { usleep(20_000) }
      #expect(try server.get("/a").body == Self.answer(2))
      // By a signal.
      try write(Self.configuration(4))
      kill(server.pid, SIGHUP)
      while try server.get("/a").body != Self.answer(4) { usleep(20_000) }
      // A route that is gone, be it that of the root.
      try write(#"{"version": 5, "routes": {"/a": "x"}, "features": {}}"#)
      kill(server.pid, SIGHUP)
      while try server.get("/").status != 404 { usleep(20_000) }
      #expect(server.end() == 0)
    }
  }

  /// No answer mixes two configurations, however often they are replaced.
  @Test(arguments: ["rcu", "mutex", "actor"])
  func answersAreOfOneConfiguration(_ store: String) throws {
    try withServer(store) { server, write in
      _ = try server.get("/a")
      let isOver = Atomic(false)
      let client = server.client
      let wrong = Mutex<[String]>([])
      let counts = Mutex<[Int]>([])
      for _ in 0..<2 {
        Thread.detachNewThread {
          var count = 0
          while !isOver.load(ordering: .relaxed) {
            let body = (try? client.get("/a").body) ?? ""
            let version = Int(body.prefix { $0.isNumber }) ?? 0
            if body != Self.answer(version) { wrong.withLock { $0.append(body) } }
            count += 1
          }
          counts.withLock { $0.append(count) }
        }
      }
      for version in 2...30 {
        try write(Self.configuration(version))
        kill(server.pid, SIGHUP)
        usleep(10_000)
      }
      isOver.store(true, ordering: .relaxed)
      while counts.withLock({ $0.count }) < 2 { usleep(1_000) }
      #expect(wrong.withLock { $0 } == [])
      #expect(counts.withLock { $0.allSatisfy { $0 > 0 } })
      #expect(server.end() == 0)
    }
  }

  @Test func badArguments() throws {
    for (arguments, text) in [
      (["/nonexistent"], "/nonexistent"), (["--port", "-1", "x"], "--port"), ([], "file"),
      (["x", "--store", "disk"], "disk"),
    ] {
      let server = try ServerProgram("config-server", arguments, usesSocket: false)
      #expect(server.waitForEnd() != 0)
      #expect(server.output.contains(text), "\(arguments): \(server.output)")
    }
  }
}
