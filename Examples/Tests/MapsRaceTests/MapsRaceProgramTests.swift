// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Foundation
import TestSupport
import Testing

@testable import maps_race

/// The program, in a short form: every strategy, in chunks and whole; and what it refuses.
struct MapsRaceProgramTests {
  private static let program = ExampleProgram("maps-race")

  /// What other programs read of the JSON: decoding fails if a key has another name.
  private struct Report: Decodable {
    struct Row: Decodable {
      var strategy: String
      var operations: UInt64
      var latencyMean: Double
      var latencyP50: UInt64
      var latencyP99: UInt64
      var latencyP999: UInt64
      var maximumLatency: UInt64
      var runMaxima: [UInt64]
      var dumpsPerSecond: Double
    }

    var strategies: [Row]
  }

  @Test(arguments: [[], ["--whole"], ["--no-pin"]])
  func everyStrategyRaces(_ form: [String]) throws {
    try withTemporaryDirectory { folder in
      let (json, plot) = (folder + "/race.json", folder + "/race.svg")
      let output = try Self.program.run(
        ["--seconds", "0.5", "--runs", "1"] + form + ["--json", json, "--plot", plot])
      let report = try JSONDecoder().decode(
        Report.self, from: Data(contentsOf: URL(fileURLWithPath: json)))
      let drawing = try String(contentsOfFile: plot, encoding: .utf8)
      let strategies = Strategy.allCases.map(\.rawValue)
      #expect(Set(strategies).isSuperset(of: ["snapshot", "speculative", "locked", "kernel"]))
      #expect(report.strategies.map(\.strategy) == strategies)
      for row in report.strategies {
        try expectLine("^\(row.strategy) +\(row.operations) ", in: output)
        #expect(drawing.contains(">\(row.strategy)</text>"))
        #expect(row.operations > 0 && row.runMaxima == [row.maximumLatency])
        #expect(row.latencyMean > 0 && row.latencyMean.isFinite && row.dumpsPerSecond.isFinite)
        #expect(row.latencyP50 <= row.latencyP99 && row.latencyP99 <= row.latencyP999)
      }
    }
  }

  @Test func oneStrategyRacesWithoutPauses() throws {
    try Self.program.run(
      [
        "--seconds", "0.2", "--runs", "1", "--no-pause", "--no-busy", "--reader-preferring",
        "--strategy", "locked",
      ])
  }

  @Test(arguments: [
    ["--runs", "none"], ["--scanners", "-1"], ["--seconds", "0"], ["--strategy", "fastest"],
    ["--no-such-option"],
  ])
  func badArgumentsAreRefused(_ arguments: [String]) throws {
    try Self.program.run(arguments, exits: 64)
  }

  @Test func aProcessThatIsNotThereIsToldApart() throws {
    try Self.program.run(["--pid", "2147483647"], exits: 66)
  }

  @Test func aFileThatCannotBeWrittenIsToldApart() throws {
    try withTemporaryDirectory { folder in
      let arguments = ["--seconds", "0.05", "--runs", "1", "--strategy", "snapshot"]
      try Self.program.run(arguments + ["--json", folder + "/none/race.json"], exits: 73)
    }
  }
}
