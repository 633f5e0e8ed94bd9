// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Testing

private let program = ExampleProgram("rcu-torture")

/// What the program calls the flavors.
private let flavors = ["bp", "memb", "mb", "qsbr"]

/// No flavor has errors, under every load.
struct RCUTortureTests {
  @Test func everyFlavorHoldsUnderEveryLoad() throws {
    let output = try program.run(["--seconds", "1.2"])
    for flavor in flavors {
      // Seconds, reads, updates; no errors at the end.
      try expectLine("^\(flavor) +[0-9.]+ +[1-9][0-9]* +[1-9][0-9]* .* 0$", in: output)
    }
  }

  @Test func loadsCanBeLeftOut() throws {
    let loads = ["stalls", "floods", "churn", "forks", "nesting", "signals"].map { "--no-" + $0 }
    try program.run(
      ["--seconds", "0.2", "--readers", "1", "--updaters", "1", "--flavor", "memb"] + loads)
  }

  @Test(arguments: [
    ["--flavor", "fastest"], ["--readers", "0"], ["--seconds", "0"],
    ["--mutant", "no-such-mutant"], ["--flavor", "bp", "--mutant", "no-registration"],
  ])
  func badArgumentsAreRefused(_ arguments: [String]) throws {
    try program.run(arguments, exits: 64)
  }
}

/// What is broken on purpose is caught.
struct RCUTortureMutantTests {
  /// Mutants that are caught with the flavors, each.
  private static let mutantsOfFlavors = [
    "no-section": flavors, "no-grace-period": flavors, "late-words": flavors,
    // Threads of bp register by themselves.
    "no-registration": flavors.filter { $0 != "bp" },
  ]
  /// Mutants of what all flavors share.
  private static let mutantsOfAll = ["no-stall-monitor", "no-limits"]

  @Test(arguments: mutantsOfFlavors.keys.sorted())
  func aMutantIsCaughtWithEachFlavor(_ mutant: String) throws {
    let output = try program.run(["--seconds", "20", "--mutant", mutant], exits: 1)
    for flavor in Self.mutantsOfFlavors[mutant]! {
      try expectLine("^error \\(\(flavor)\\): ", in: output)
    }
  }

  @Test(arguments: mutantsOfAll)
  func aMutantIsCaught(_ mutant: String) throws {
    try program.run(
      ["--seconds", "20", "--flavor", "memb", "--mutant", mutant, "--expect-error"])
  }

  @Test func whereNothingIsBrokenAnErrorIsExpectedInVain() throws {
    try program.run(["--seconds", "0.2", "--flavor", "mb", "--expect-error"], exits: 1)
  }

  /// A new mutant is tested too.
  @Test func everyMutantIsTested() throws {
    let help = try program.run(["--help"]).split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    let list = try #require(help.firstMatch(of: /Break something on purpose: ([a-z, -]+)\./)).1
    let mutants = Set(list.split(separator: ", ").map(String.init))
    let tested = Set(Self.mutantsOfFlavors.keys).union(Self.mutantsOfAll)
    #expect(mutants == tested.union(["none"]))
  }
}
