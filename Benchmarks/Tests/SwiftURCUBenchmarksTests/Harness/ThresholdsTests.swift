// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing

/// Bounds: those that hold are kept, those that can't hold are broken in each of three
/// measurements, and named.
struct ThresholdsTests {
  private static let group = "Reading 8 bytes together"

  /// Measures against one bound of ``group``.
  private func check(_ bound: String) throws -> ProcessResult {
    try withTemporaryDirectory { folder in
      let file = folder + "/bounds"
      try "\(Self.group) | \(bound)\n".write(toFile: file, atomically: true, encoding: .utf8)
      return try BenchmarkProgram.measure(["--check", file])
    }
  }

  private func lines(_ text: String, _ beginning: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix(beginning) }.map(String.init)
  }

  /// The repository's: they name groups and rows that there are, and hold if a thousand billion
  /// times worse is good enough.
  @Test func theRepositorysBoundsAreCompared() throws {
    let file = BenchmarkProgram.folder + "/thresholds.txt"
    let bounds = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }
    let run = try BenchmarkProgram.measure(
      ["--peers", try BenchmarkProgram.peers.get(), "--slack", "1e12", "--check", file])
    #expect(run.status == 0, "\(run.standardError)")
    let verdicts = lines(run.standardOutput, "kept ") + lines(run.standardOutput, "skipped ")
    #expect(!bounds.isEmpty && verdicts.count == bounds.count)
    for bound in bounds {
      let names = bound.split(separator: " | ").prefix(2).joined(separator: " | ")
      #expect(verdicts.contains { $0.contains(names) }, "\(bound)")
    }
  }

  @Test func aBrokenBoundIsMeasuredThreeTimesAndNamed() throws {
    let run = try check("Swift, SequenceLock | at most 1e-9 | C, plain copy")
    #expect(run.status == 1)
    let broken = lines(run.standardOutput, "BROKEN ")
    try #require(broken.count == 1)
    #expect(broken[0].contains("\(Self.group) | Swift, SequenceLock: at most "))
    #expect(broken[0].contains(/: [0-9][0-9.,]*$/))
    #expect(lines(run.standardError, "measuring: ").count == 3)
  }

  @Test func aBrokenBoundOfAValueFails() throws {
    #expect(try check("Swift, SequenceLock | at least 1e9").status == 1)
  }

  @Test func aBoundThatHoldsIsKeptAndMeasuredOnce() throws {
    let run = try check("Swift, SequenceLock | at least 1e-9 | C, plain copy")
    #expect(run.status == 0, "\(run.standardError)")
    #expect(lines(run.standardOutput, "kept ").count == 1)
    #expect(lines(run.standardError, "measuring: ").count == 1)
  }

  @Test func aBoundOfAMissingPeerIsSkippedAndNamed() throws {
    let run = try check("C, ck sequence | at most 1 | C, plain copy")
    #expect(run.status == 0, "\(run.standardError)")
    let skipped = lines(run.standardOutput, "skipped ")
    #expect(skipped.count == 1)
    #expect(skipped.allSatisfy { $0.hasSuffix(": C, ck sequence is left out") })
  }

  @Test(arguments: [
    "no such row | at most 1", "Swift, SequenceLock | under 1", "Swift, SequenceLock",
    "Swift, SequenceLock | at most one", "Swift, SequenceLock | at most 1 | no such row",
  ])
  func aMalformedBoundIsRefused(_ bound: String) throws {
    #expect(try check(bound).status == 65)
  }

  @Test func aBoundOfNoGroupIsRefused() throws {
    try withTemporaryDirectory { folder in
      let file = folder + "/bounds"
      try "no such group | row | at most 1\n".write(
        toFile: file, atomically: true, encoding: .utf8)
      #expect(try BenchmarkProgram.measure(["--check", file]).status == 64)
      #expect(try BenchmarkProgram.measure(["--check", folder + "/none"]).status == 66)
    }
  }
}
