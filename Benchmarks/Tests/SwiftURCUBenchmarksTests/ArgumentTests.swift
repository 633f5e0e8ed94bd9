// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

/// Arguments that the program refuses, and the list of what it measures.
struct ArgumentTests {
  @Test(arguments: [
    ["--rounds", "1"], ["--rounds", "1001"], ["--filter", "no such group"],
    ["--list", "--filter", "no such group"], ["--no-such-option"],
  ])
  func wrongArgumentsAreRefused(_ arguments: [String]) throws {
    #expect(try BenchmarkProgram.run(["--quick"] + arguments).status == 64)
  }

  @Test func aFileThatCannotBeWrittenIsToldApart() throws {
    let run = try BenchmarkProgram.measure(
      ["--filter", "Reading 8 bytes together", "--json", "/dev/null/none.json"])
    #expect(run.status == 73)
  }

  @Test func theListMeasuresNothingAndObeysTheFilter() throws {
    let run = try BenchmarkProgram.run(
      ["--quick", "--list", "--filter", "Reading 8 bytes together"])
    #expect(run.status == 0 && !run.standardError.contains("measuring: "))
    let rows = try #require(ListedRow.rows(ofList: run.standardOutput))
    #expect(Set(rows.map(\.group)) == ["Reading 8 bytes together"])
  }
}
