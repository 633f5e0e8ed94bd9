// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: McKenney's benchmark of reading /proc/PID/maps, in four forms. One mapper maps and
// unmaps single pages of a 128 MiB region; scanners dump the address space without pause; queriers
// look addresses up. The latency of every map and unmap is measured, every dump is checked.
// Strategies: the three of this library on the maps of a live process, and the kernel itself by
// real mmap, munmap, /proc/PID/maps and PROCMAP_QUERY.
//
// What it leaves out: the maxima on a machine with few cores are the scheduler's; look at the
// percentiles, and compare within one run.

import ArgumentParser
import Foundation
import ProcessMaps
import SystemPackage

@main
struct MapsRace: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps-race",
    abstract: "Race a mapper against scanners of its address space, and compare strategies.",
    subcommands: [Race.self, KernelMapper.self, KernelScanner.self, KernelQuerier.self],
    defaultSubcommand: Race.self)
}

/// What the race is run with.
struct Race: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "race")

  @Option(help: "Load the maps of this process (default: itself).")
  var pid: Int32?

  @Option(help: "Threads or processes that dump the maps without pause.")
  var scanners = 2

  @Option(help: "Threads or processes that query random addresses without pause.")
  var queriers = 1

  @Option(help: "Seconds per strategy, all its runs together.")
  var seconds = 12.0

  @Option(help: "Runs per strategy.")
  var runs = 6

  @Option(
    help: "Strategies: snapshot, speculative, locked, kernel (may be given more than once).")
  var strategy: [Strategy] = Strategy.allCases

  @Flag(inversion: .prefixedNo, help: "Pause 10 µs between two operations of the mapper.")
  var pause = true

  @Flag(
    inversion: .prefixedNo,
    help: "Beside each scanner a busy task of higher priority that preempts it.")
  var busy = true

  @Flag(
    inversion: .prefixedNo,
    help: "Put the mapper on a core of its own and all others on the other cores.")
  var pin = true

  @Flag(help: "Let the lock of the locked strategy prefer readers, not writers.")
  var readerPreferring = false

  @Flag(help: "Scanners dump in one piece, not in chunks of at most 4,095 bytes.")
  var whole = false

  @Flag(
    inversion: .prefixedNo,
    help: "Before each run, see how long a thread that only spins is kept from running.")
  var calibration = true

  @Option(help: "Write the results as JSON to this file.")
  var json: String?

  @Option(help: "Plot the latency distributions into this SVG file.")
  var plot: String?

  func validate() throws {
    guard (0...64).contains(scanners) else {
      throw ValidationError("--scanners takes 0 to 64, not \(scanners).")
    }
    guard (0...64).contains(queriers) else {
      throw ValidationError("--queriers takes 0 to 64, not \(queriers).")
    }
    guard (1...10_000).contains(runs) else {
      throw ValidationError("--runs takes 1 to 10,000, not \(runs).")
    }
    guard seconds.isFinite, seconds / Double(runs) >= 0.05, seconds <= 86_400 else {
      throw ValidationError(
        "--seconds takes at least 0.05 per run and at most 86,400, not \(seconds).")
    }
    guard pid ?? 1 > 0 else { throw ValidationError("--pid takes a process id, not \(pid!).") }
    guard Set(strategy).count == strategy.count else {
      throw ValidationError("--strategy: each strategy may be given once.")
    }
  }

  func run() throws {
    // A child process that dies is told by its silence, not by a signal.
    signal(SIGPIPE, SIG_IGN)
    let text = try loadMaps()
    let settings = RaceSettings(
      scanners: scanners, queriers: queriers, secondsPerRun: seconds / Double(runs),
      hasPause: pause, hasBusyTasks: busy, isPinned: pin, dumpsWhole: whole,
      prefersReaders: readerPreferring)
    let pidText = pid.map { "process \($0)" } ?? "this process"
    print(
      """
      A mapper maps and unmaps pages while scanners read the whole map, once for each way of reading.
      How long does each map and unmap take, and how often can the map be read meanwhile?

      maps of \(pidText): \(text.split(separator: UInt8(ascii: "\n")).count) lines; region of \
      \(RaceRegion.pageCount) pages; \(scanners) scanners, \(queriers) queriers; mapper \
      \(pause ? "pauses 10 µs" : "never pauses"); \(Scheduling.describe(settings))
      kernel: Linux \(Scheduling.kernelRelease())
      """)

    var results = strategy.map { RaceResult(strategy: $0) }
    var calibration =
      self.calibration ? Calibration(secondsPerRun: settings.secondsPerRun) : nil
    for run in 1...runs {
      if calibration != nil { progress("calibration: run \(run) of \(runs)") }
      calibration?.addRun(settings)
      for index in results.indices {
        progress("\(results[index].strategy.rawValue): run \(run) of \(runs)")
        let outcome: RunOutcome
        do {
          if results[index].strategy == .kernel {
            outcome = try KernelRace(settings: settings, fillerCount: text.lineCount).run()
          } else {
            outcome = try StoreRace(
              settings: settings, strategy: results[index].strategy, text: text
            ).run()
          }
        } catch let violation as DumpViolation {
          print("\nviolation (\(results[index].strategy.rawValue)): \(violation)")
          throw ExitCode(1)
        }
        results[index].add(outcome)
      }
    }
    progress("")
    print(Table.render(results))
    if queriers > 0,
      results.contains(where: { $0.strategy == .kernel && $0.total.queryCount == 0 })
    {
      print("no PROCMAP_QUERY here, which Linux has from 6.11 on: the kernel row makes no queries")
    }
    if let calibration { print(calibration.description) }
    print(
      """

      How to read it: ops are the mapper's map and unmap calls; mean to max, in microseconds, are
      how long one took; >0.5 ms and >1 ms, in which share of the runs the longest took more than
      that; dumps/s and queries/s are the readers'. A reader that holds a lock makes the mapper wait:
      compare p99.9 and max of locked and kernel with those of snapshot. What is below the
      calibration's figure is the machine's scheduler.
      """)
    try write(results, calibration, settings)
  }

  private func loadMaps() throws -> [UInt8] {
    do {
      let maps = try KernelMaps(pid: pid)
      guard let text = try maps.stableText(maximumAttempts: 100), !text.isEmpty else {
        fail("process \(pid ?? getpid()) has no maps, or changes them all the time", code: 66)
      }
      return text
    } catch {
      fail("cannot read the maps of process \(pid ?? getpid()): \(error)", code: 66)
    }
  }

  private func write(
    _ results: [RaceResult], _ calibration: Calibration?, _ settings: RaceSettings
  ) throws {
    do {
      if let json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let report = RaceReport(
          settings: settings, results: results, calibration: calibration)
        try encoder.encode(report).write(to: URL(fileURLWithPath: json))
      }
      if let plot {
        try Plot.svg(of: results).write(toFile: plot, atomically: true, encoding: .utf8)
      }
    } catch {
      fail("cannot write the results: \(error.localizedDescription)", code: 73)
    }
  }

  private func progress(_ text: String) {
    let isTerminal = isatty(2) == 1
    if isTerminal {
      FileHandle.standardError.write(Data("\r\u{1b}[K\(text)".utf8))
    } else if !text.isEmpty {
      FileHandle.standardError.write(Data("\(text)\n".utf8))
    }
  }
}

/// Ends the program with a message on standard error.
func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data("maps-race: \(message)\n".utf8))
  exit(code)
}

extension [UInt8] {
  var lineCount: Int { count { $0 == UInt8(ascii: "\n") } }
}
