// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: what the library costs, each figure as a ratio to a named baseline that was
// measured in the same run, in turns.
//
// What it leaves out: absolute promises. See README.md.

import ArgumentParser
import Foundation
import ProcessMaps

@main
struct SwiftURCUBenchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "swift-urcu-benchmarks",
    abstract: "Measure the library against baselines in the same run.")

  @Option(help: "Rounds; in each, everything is measured once, in turns. The median counts.")
  var rounds = 7

  @Flag(help: "Measure so briefly that the figures mean nothing: to check that it works.")
  var quick = false

  @Option(help: "Only the groups whose title contains this.")
  var filter: String?

  @Flag(help: "Measure nothing; print “group | row | row that it is divided by” for each row.")
  var list = false

  @Option(help: "Write the results as JSON to this file.")
  var json: String?

  @Option(help: "Where Peers/build.sh put what it built.")
  var peers: String?

  @Option(help: "Only what this file bounds, and fail if a bound is broken; see README.md.")
  var check: String?

  @Option(help: .hidden)
  var slack = 1.0

  @Option(help: "Measure from 100 to 2 million VMAs too, and draw that into this SVG file.")
  var plot: String?

  func validate() throws {
    guard (5...1000).contains(rounds) else {
      throw ValidationError("--rounds takes 5 to 1,000, not \(rounds).")
    }
  }

  func run() throws {
    let peers = Peers(directory: peers)
    let effort = Effort(rounds: rounds, isQuick: quick, peers: peers)
    let thresholds = check.map { Thresholds(path: $0, slack: slack) }
    let entries = try entries(thresholds)
    if list {
      for entry in entries { print(Report.list(try entry.make(effort))) }
      return
    }
    let machine = Machine.current(peers: peers.descriptions)
    print(machine.text)
    print(
      "rounds: \(rounds)"
        + (quick ? ", quick: the figures mean nothing" : "; median of the rounds"))

    let results = try entries.map { try measure($0, effort) }
    print(Report.table(results))
    if let json { try write(Report.json(results, machine, effort), to: json) }
    if let plot {
      let panels = Growth.panels(results, isQuick: quick) + LoadedUpdates.panels(results)
      guard !panels.isEmpty else { fail("--plot: nothing was measured to draw", code: 64) }
      try write(Data(Plot.svg(panels).utf8), to: plot)
    }
    if let thresholds {
      let verdicts = try thresholds.check(results, missing: peers.missing + missingRows) { title in
        try measure(entries.first { $0.title == title }!, effort)
      }
      print(verdicts.map(\.text).joined(separator: "\n"))
      if verdicts.contains(where: \.isBroken) { fail("a bound is broken", code: 1) }
    }
  }

  /// What is asked for.
  private func entries(_ thresholds: Thresholds?) throws -> [BenchmarkGroups.Entry] {
    let growth = plot == nil ? [] : BenchmarkGroups.growth(isQuick: quick)
    let all = BenchmarkGroups.all + growth
    let titles = Set(all.map(\.title))
    if let unknown = thresholds?.groups.subtracting(titles).min() {
      throw ValidationError("--check: there is no group “\(unknown)”.")
    }
    let entries = all.filter { entry in
      filter.map(entry.title.contains) ?? true
        && thresholds?.groups.contains(entry.title) ?? true
    }
    guard !entries.isEmpty else {
      throw ValidationError("--filter: no group's title contains “\(filter ?? "")”.")
    }
    return entries
  }

  private func measure(_ entry: BenchmarkGroups.Entry, _ effort: Effort) throws -> GroupResult {
    FileHandle.standardError.write(Data("measuring: \(entry.title)\n".utf8))
    return try entry.make(effort).measure(effort)
  }

  /// The beginnings of names that older kernels have no rows for.
  private var missingRows: [String] {
    (try? KernelMaps())?.answersQueries == true ? [] : ["kernel, PROCMAP_QUERY"]
  }

  private func write(_ data: Data, to path: String) throws {
    do {
      try data.write(to: URL(fileURLWithPath: path))
    } catch {
      fail("cannot write \(path): \(error.localizedDescription)", code: 73)
    }
  }
}

/// Every group, in the order of the table. One lives at a time.
enum BenchmarkGroups {
  typealias Entry = (title: String, make: (Effort) throws -> Group)

  static var all: [Entry] {
    runtime + collections + queries + maps + mirrors + loadedUpdates + memory
  }

  /// What `--plot` draws.
  static func growth(isQuick: Bool) -> [Entry] {
    Growth.counts(isQuick: isQuick).map { count in
      (Growth.title(count), { try Growth.group(count, $0) })
    }
  }

  private static var runtime: [Entry] {
    [
      (ReadSections.title(1), { ReadSections.group(1, $0) }),
      (ReadSections.title(2), { ReadSections.group(2, $0) }),
      (Retiring.title, Retiring.group),
      (Synchronizing.title(0), { Synchronizing.group(0, $0) }),
      (Synchronizing.title(1), { Synchronizing.group(1, $0) }),
      (Synchronizing.title(2), { Synchronizing.group(2, $0) }),
      (CallbackLatency.title, CallbackLatency.group),
      (StalledReader.title, StalledReader.group),
    ]
      + [8, 32, 64].map { byteCount in
        (SequenceLockReads.title(byteCount), { SequenceLockReads.group(byteCount, $0) })
      }
      + [256, 4_096, 65_536].map { byteCount in
        (SequenceLockReads.title(byteCount), { SequenceLockReads.largeGroup(byteCount, $0) })
      }
  }

  private static var collections: [Entry] {
    [1_000, 1_000_000].flatMap { count in
      [1, 2].map { threadCount in
        (
          HashTables.title(count, threadCount), { HashTables.group(count, threadCount, $0) }
        )
      }
    } + [(Dropping.title, Dropping.group)]
  }

  private static var queries: [Entry] {
    let (few, usual, many, huge) = (1_000, 10_000, 30_000, 1_000_000)
    return [
      (Queries.title(usual), { try Queries.group(usual, $0) }),
      (Queries.title(usual, threadCount: 2), { try Queries.group(usual, threadCount: 2, $0) }),
    ]
      + [few, many, huge].map { count in
        (Queries.title(count), { try Queries.group(count, isBrief: true, $0) })
      }
  }

  private static var maps: [Entry] {
    [
      (Dumps.title, Dumps.group),
      (Allocations.title, Allocations.group),
      (Importing.title, Importing.group),
      (Updates.title, Updates.group),
      (UpdateLoops.pairTitle, UpdateLoops.pairs),
      (UpdateLoops.anywhereTitle, UpdateLoops.anywhere),
      (UpdateLoops.protectTitle, UpdateLoops.protecting),
    ]
  }

  private static var mirrors: [Entry] {
    [
      (Mirrors.lookupTitle, Mirrors.lookups),
      (Mirrors.refreshTitle, Mirrors.refreshes),
      (Mirrors.watchedTitle, Mirrors.watched),
      (Mirrors.latencyTitle, Mirrors.latency),
      (Mirrors.manyTitle, Mirrors.many),
    ]
  }

  private static var loadedUpdates: [Entry] {
    [false, true].flatMap { hasPause in
      LoadedUpdates.scannerCounts.map { count in
        (
          LoadedUpdates.title(count, hasPause: hasPause),
          { try LoadedUpdates.group(count, hasPause: hasPause, $0) }
        )
      }
    }
  }

  private static var memory: [Entry] {
    [
      (Snapshots.title, Snapshots.group),
      (Memory.title(10_000), { try Memory.group(10_000, $0) }),
      (Memory.title(1_000_000), { try Memory.group(1_000_000, $0) }),
      (SmallSpaces.title(100), { SmallSpaces.group(100, spaces: 10_000, $0) }),
      (SmallSpaces.title(1_000), { SmallSpaces.group(1_000, spaces: 1_000, $0) }),
      (Limbo.title, Limbo.group),
    ]
  }
}

/// Ends the program with a message on standard error.
func fail(_ message: String, code: Int32) -> Never {
  // What was printed comes before it, also in a file that takes both.
  fflush(nil)
  FileHandle.standardError.write(Data("swift-urcu-benchmarks: \(message)\n".utf8))
  exit(code)
}
