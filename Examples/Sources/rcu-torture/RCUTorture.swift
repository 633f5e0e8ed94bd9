// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: that read sections hold and grace periods wait, in every flavor, under loads that
// are made to break them: stalled readers, floods of deferred calls, threads that come and go,
// forks, processes that can't start threads, nested sections, sections in signal handlers and in
// the destructors of ending threads. Elements that were taken out of a pointer grow older with each
// grace period; a reader that sees one which is too old has found an error. After the idea of
// Linux's rcutorture.
//
// What it leaves out: a proof. A processor that orders memory as strongly as x86-64 hides some
// errors; run it on others too, and for hours. Collections have tests of their own.

import ArgumentParser
import CTorture
import Foundation

@main
struct RCUTorture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rcu-torture",
    abstract: "Torture the library's read sections and grace periods, and look for errors.")

  @Option(help: "Flavors: bp, memb, mb, qsbr (may be given more than once; default: all in turn).")
  var flavor: [TorturedFlavor] = []

  @Option(help: "Seconds per flavor.")
  var seconds = 10.0

  @Option(help: "Threads that read.")
  var readers = 3

  @Option(help: "Threads that publish, take out, and wait for grace periods.")
  var updaters = 2

  @Flag(inversion: .prefixedNo, help: "Readers that stay; the stall monitor must name them.")
  var stalls = true

  @Flag(inversion: .prefixedNo, help: "Floods of deferred calls; the limits must hold.")
  var floods = true

  @Flag(inversion: .prefixedNo, help: "Threads that read a little and end.")
  var churn = true

  @Flag(inversion: .prefixedNo, help: "Child processes that read, retire and wait.")
  var forks = true

  @Flag(inversion: .prefixedNo, help: "Child processes that do the same and can't start threads.")
  var threadless = true

  @Flag(
    inversion: .prefixedNo,
    help: "Sections in destructors of ending threads, interrupted by signals (not with qsbr).")
  var ends = true

  @Flag(inversion: .prefixedNo, help: "Sections nested in each other.")
  var nesting = true

  @Flag(inversion: .prefixedNo, help: "Sections in signal handlers (not with qsbr).")
  var signals = true

  @Option(
    help: ArgumentHelp(
      "Break something on purpose: \(Mutant.allCases.map(\.rawValue).joined(separator: ", "))."))
  var mutant = Mutant.none

  @Flag(help: "Exit with 0 if each flavor's run finds an error, with 1 otherwise.")
  var expectError = false

  func validate() throws {
    guard (1...64).contains(readers) else {
      throw ValidationError("--readers takes 1 to 64, not \(readers).")
    }
    guard (1...64).contains(updaters) else {
      throw ValidationError("--updaters takes 1 to 64, not \(updaters).")
    }
    guard seconds.isFinite, seconds >= 0.05, seconds <= 604_800 else {
      throw ValidationError("--seconds takes 0.05 to 604,800, not \(seconds).")
    }
    guard Set(flavor).count == flavor.count else {
      throw ValidationError("--flavor: each flavor may be given once.")
    }
    if mutant == .noRegistration, flavor.contains(.bp) {
      throw ValidationError("--mutant no-registration: the threads of bp register by themselves.")
    }
    if mutant == .noStallMonitor, !stalls {
      throw ValidationError("--mutant no-stall-monitor needs --stalls.")
    }
    if mutant == .noLimits, !floods {
      throw ValidationError("--mutant no-limits needs --floods.")
    }
  }

  func run() throws {
    var flavors = flavor.isEmpty ? TorturedFlavor.allCases : flavor
    if mutant == .noRegistration { flavors.removeAll { !$0.registersThreads } }
    var outcomes: [Outcome] = []
    var cleanCount = 0
    for flavor in flavors {
      if mutant == .none {
        let outcome = torture(flavor, settings(for: flavor))
        outcomes.append(outcome)
        if outcome.failureCount == 0 { cleanCount += 1 }
        // With an error the other flavors are of no interest any more.
        if outcome.failureCount > 0 { break }
      } else if !isFailing(inChildOf: flavor) {
        cleanCount += 1
      }
    }
    if !outcomes.isEmpty { show(outcomes) }
    if expectError { throw cleanCount == 0 ? ExitCode.success : ExitCode(1) }
    throw cleanCount == flavors.count ? ExitCode.success : ExitCode(1)
  }

  /// Runs a mutant in a process of its own: what it does to memory may kill it.
  private func isFailing(inChildOf flavor: TorturedFlavor) -> Bool {
    let child = torture_fork(0)
    precondition(child >= 0, "rcu-torture: no child process, errno \(errno)")
    if child == 0 {
      // No backtrace of an end that is expected.
      for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] { signal(number, SIG_DFL) }
      let outcome = torture(flavor, settings(for: flavor))
      show([outcome])
      Foundation.exit(outcome.failureCount == 0 ? 0 : 1)
    }
    let status = torture_wait(child)
    if status < 0 {
      printLine("error (\(flavor.rawValue)): the process was ended by signal \(-status)")
    }
    return status != 0
  }

  private func settings(for flavor: TorturedFlavor) -> Settings {
    var loads: [Load] = []
    if stalls { loads.append(.stall) }
    if floods { loads.append(.flood) }
    if churn { loads.append(.churn) }
    if forks { loads.append(.fork) }
    if threadless { loads.append(.threadless) }
    // qsbr's sections are not for handlers.
    if signals && flavor != .qsbr { loads.append(.signals) }
    if ends { loads.append(.ends) }
    return Settings(
      seconds: seconds, readerCount: readers, updaterCount: updaters, loads: loads, nests: nesting,
      mutant: mutant)
  }

  private func show(_ outcomes: [Outcome]) {
    printLine("\n" + Report.render(outcomes) + "\n")
    for outcome in outcomes {
      for line in outcome.failureLines { printLine("error (\(outcome.flavor)): \(line)") }
    }
  }
}
