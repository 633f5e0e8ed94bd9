// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing

/// The table and the JSON: the program checks itself that all sides find the same; this checks that
/// what it prints and writes is whole and agrees. Times are never looked at.
struct ReportTests {
  @Test func theReportIsWholeWithoutPeers() throws {
    #expect(ReportCheck(try BenchmarkRun.withoutPeers.get()).problems() == [])
  }

  @Test func theReportIsWholeWithThePeersThatAreInstalled() throws {
    #expect(ReportCheck(try BenchmarkRun.withPeers.get()).problems() == [])
  }

  /// Rows that only some machines have, by the beginnings of their names: those that may read
  /// tracefs. The run in Results/output.txt is from another one.
  private static let seldom = [
    "Refreshes of a mirror, 10,000 VMAs | refreshChanges, told of system calls",
    "A watched process maps and unmaps a page | system calls",
    "From mmap's return to the answer of the mirror | system calls",
  ]

  /// A row or a group that is lost is lost in the list too: what is published must still be
  /// measured, and what is measured must be published, or is named above.
  @Test func whatIsPublishedIsMeasured() throws {
    let file = BenchmarkProgram.folder + "/Results/output.txt"
    let table = PrintedTable(try String(contentsOfFile: file, encoding: .utf8))
    try #require(table.malformed == [] && !table.rows.isEmpty)
    // --plot measures these besides, in the short form at other numbers of VMAs.
    let published = Set(
      table.rows.map(\.names).filter { !$0.group.hasPrefix("Growth, ") }.map(\.groupAndName))
    let peers = try BenchmarkProgram.peers.get()
    let rows = try #require(ListedRow.rows(ofList: try BenchmarkRun.list(["--peers", peers])))
    let listed = Set(rows.map(\.groupAndName))

    // Not each kernel answers queries. In the short form it does where a process couldn't have so
    // many mappings.
    let kernelQueries = " | kernel, PROCMAP_QUERY"
    let missing =
      try PeersTests.missingPeers(in: peers).map { " | " + $0 }
      + (listed.contains { $0.contains(kernelQueries) } ? [] : [kernelQueries])
    let lost =
      published.subtracting(listed).filter { row in !missing.contains { row.contains($0) } }
    #expect(lost.sorted() == [])
    let added = listed.subtracting(published).filter { row in
      !row.contains(kernelQueries) && !Self.seldom.contains { row.hasPrefix($0) }
    }
    #expect(added.sorted() == [])
  }

  // MARK: - The check itself

  /// A damaged report, and what must be said of it.
  struct Damage: Sendable, CustomTestStringConvertible {
    var part: Part
    var old: String
    var new: String
    var problem: String

    enum Part: Sendable { case list, table, json }

    var testDescription: String { "\(part): “\(new)” for “\(old)”" }
  }

  static let damages = [
    Damage(part: .json, old: "minimumRatio", new: "minimalRatio", problem: "minimumRatio"),
    Damage(part: .json, old: "\"cores\"", new: "\"coreCount\"", problem: "cores"),
    Damage(part: .json, old: "\"rounds\" : 5", new: "\"rounds\" : 7", problem: "rounds"),
    Damage(part: .json, old: "\"unit\" : \"ns\"", new: "\"unit\" : \"ms\"", problem: "unit"),
    Damage(part: .json, old: "\"ratio\" : 1,", new: "\"ratio\" : 1.5,", problem: "ratio"),
    Damage(part: .json, old: "\"ratio\" : 1,", new: "\"ratio\" : 0,", problem: "positive"),
    Damage(part: .json, old: "\"ratio\" : 1,", new: "\"ratio\" : 1e999,", problem: "JSON"),
    Damage(part: .json, old: "\"median\" : ", new: "\"median\" : 9", problem: "median"),
    Damage(part: .json, old: "\"Swift, SequenceLock\"", new: "\"Swift\"", problem: "JSON: no row"),
    Damage(part: .table, old: "## Reading 8 bytes", new: "## Reading", problem: "other groups"),
    Damage(part: .table, old: "Swift, SequenceLock ", new: "Swift ", problem: "table: no row"),
    Damage(part: .table, old: "  ns  ", new: "  ms  ", problem: "not a row of the table"),
    Damage(part: .table, old: "(baseline)", new: "", problem: "not a row of the table"),
    Damage(part: .table, old: "cores: ", new: "core: ", problem: "doesn't say"),
    Damage(
      part: .list, old: "C, plain copy | C, plain copy", new: "C, plain copy | C, other",
      problem: "no baseline"),
    Damage(
      part: .list, old: "Swift, SequenceLock |", new: "C, plain copy |", problem: "twice"),
    Damage(
      part: .list, old: "Reading 8 bytes together | C, plain copy | C, plain copy\n",
      new: "Reading 8 bytes together | C, plain copy | C, plain copy\nLost | row | row\n",
      problem: "no row Lost | row"),
    Damage(part: .list, old: " | Swift, SequenceLock | ", new: " | ", problem: "--list"),
  ]

  @Test func theBriefReportIsWhole() throws {
    #expect(ReportCheck(try BenchmarkRun.brief.get()).problems() == [])
  }

  @Test(arguments: damages)
  func aDamagedReportIsRefused(_ damage: Damage) throws {
    let run = try BenchmarkRun.brief.get()
    func part(_ part: Damage.Part, _ text: String) throws -> String {
      if part != damage.part { return text }
      try #require(text.contains(damage.old))
      return text.replacingOccurrences(of: damage.old, with: damage.new)
    }
    let problems = ReportCheck(
      list: try part(.list, run.list), table: try part(.table, run.table),
      json: Data(try part(.json, String(decoding: run.json, as: UTF8.self)).utf8)
    ).problems()
    #expect(problems.contains { $0.contains(damage.problem) }, "\(problems)")
  }
}
