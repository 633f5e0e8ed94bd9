// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: a live process's address space, through a `ProcessMirror` that polls it. A picture
// to scale with its holes, what changes as it changes, what has grown since the start, how many
// mappings are left before vm.max_map_count: from snapshots, from the differences between them, and
// from the mirror's freshness.
//
// What it leaves out: what comes and goes between two readings isn't seen; how much of the memory
// is resident is another file's business (/proc/PID/smaps).

import ArgumentParser
import Foundation
import ProcessMaps
import VirtualMemory

@main
struct MapsWatch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps-watch",
    abstract: "Watch the address space of a live process.",
    discussion: """
      Without an option, the terminal shows a picture of the address space and what changes, until \
      the process exits or Ctrl-C is pressed. If standard output is no terminal, the changes are \
      written as they are seen. Colours are left out if NO_COLOR is set.
      """)

  @Argument(help: "The process's ID.")
  var pid: Int32

  @Flag(help: "Print one report in plain text, and end.")
  var once = false

  @Flag(help: "Print JSON: an object per update, a line each; with --once or --diff, one object.")
  var json = false

  @Option(help: "Draw the picture into this SVG file, and end.")
  var svg: String?

  @Option(help: "Report what differs after this many seconds, and end.")
  var diff: Double?

  @Option(help: "Milliseconds from one reading of the process's map to the next (default: 500).")
  var interval: Int?

  func validate() throws {
    guard pid > 0 else { throw ValidationError("PID takes a process ID, not \(pid).") }
    guard svg == nil || !json else {
      throw ValidationError("--svg and --json are two forms of output: give one of them.")
    }
    guard [once, svg != nil, diff != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("--once, --svg and --diff each end the program: give one of them.")
    }
    guard svg?.isEmpty != true else { throw ValidationError("--svg takes the name of a file.") }
    if let diff {
      guard diff.isFinite, (0.001...1_000_000).contains(diff) else {
        throw ValidationError("--diff takes 0.001 to 1,000,000 seconds, not \(diff).")
      }
    }
    if let interval {
      guard (1...3_600_000).contains(interval) else {
        throw ValidationError("--interval takes 1 to 3,600,000 milliseconds, not \(interval).")
      }
      guard !once, svg == nil else {
        throw ValidationError("--interval has no meaning with --once and --svg, which read once.")
      }
    }
  }

  func run() async throws {
    do {
      let process = try WatchedProcess(pid: pid, interval: .milliseconds(interval ?? 500))
      let reporter = Reporter(process: process)
      if let svg {
        try reporter.draw(into: svg)
      } else if once {
        try reporter.reportOnce(asJSON: json)
      } else if let diff {
        try await reporter.reportDifference(after: diff, asJSON: json)
      } else if json {
        try await reporter.streamJSON()
      } else if Terminal.isUsable {
        try await reporter.showLive()
      } else {
        try await reporter.streamText()
      }
    } catch let failure as WatchFailure {
      fail(failure.description)
    }
  }
}
