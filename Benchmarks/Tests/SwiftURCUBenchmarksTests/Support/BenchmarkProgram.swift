// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing

/// The benchmarks' program, as it was built with these tests. It measures threads: one runs at a
/// time.
enum BenchmarkProgram {
  /// As few as it takes.
  static let rounds = 5

  /// What was built of the peers that are installed.
  static let peers: Result<String, any Error> = Result {
    let build = try runProcess("bash", [folder + "/Peers/build.sh"])
    try #require(build.status == 0, "\(build.standardError)")
    return folder + "/.build/peers"
  }

  /// The package's folder.
  static let folder =
    // Support/BenchmarkProgram.swift, SwiftURCUBenchmarksTests, Tests, the package.
    (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    .path

  private static let lock = NSLock()

  static func run(_ arguments: [String]) throws -> ProcessResult {
    try lock.withLock {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let program = URL(filePath: tests).deletingLastPathComponent()
        .appending(path: "swift-urcu-benchmarks").path()
      return try runProcess(program, arguments)
    }
  }

  /// Measures briefly.
  static func measure(_ arguments: [String]) throws -> ProcessResult {
    try run(["--quick", "--rounds", "\(rounds)"] + arguments)
  }
}

/// A brief run of the benchmarks, and what the program says that it measures.
struct BenchmarkRun: Sendable {
  let table: String
  let json: Data
  let list: String

  /// Every group, without peers.
  static let withoutPeers = Result { try BenchmarkRun([]) }

  /// Every group, with the peers that are installed.
  static let withPeers = Result {
    try BenchmarkRun(["--peers", try BenchmarkProgram.peers.get()])
  }

  /// One group, which takes a moment.
  static let brief = Result { try BenchmarkRun(["--filter", "Reading 8 bytes together"]) }

  init(_ arguments: [String]) throws {
    (table, json) = try withTemporaryDirectory { folder in
      let file = folder + "/results.json"
      let run = try BenchmarkProgram.measure(arguments + ["--json", file])
      try #require(run.status == 0, "\(run.standardError)")
      return (run.standardOutput, try Data(contentsOf: URL(filePath: file)))
    }
    list = try Self.list(arguments)
  }

  static func list(_ arguments: [String]) throws -> String {
    let run = try BenchmarkProgram.run(["--quick", "--list"] + arguments)
    try #require(run.status == 0, "\(run.standardError)")
    return run.standardOutput
  }
}
