// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import VirtualMemory

/// The ways to report on a process.
struct Reporter: Sendable {
  let process: WatchedProcess

  // MARK: Once

  func reportOnce(asJSON: Bool) throws {
    let watch = Watch(process)
    if asJSON {
      Terminal.write(try JSONReport(watch, .state).line())
    } else {
      printLines(watch.report(columns: Terminal.size.columns))
    }
  }

  func draw(into file: String) throws {
    let watch = Watch(process)
    let svg = SVGPicture.svg(
      of: Array(watch.snapshot), title: "Process \(process.pid): \(watch.command)")
    do {
      try Data(svg.utf8).write(to: URL(fileURLWithPath: file))
    } catch {
      throw WatchFailure("cannot write \(file): \(error.localizedDescription)")
    }
    Terminal.write("\(Harmless.text(file)): \(Numbers.mappings(watch.snapshot.count))\n")
  }

  // MARK: Twice

  func reportDifference(after seconds: Double, asJSON: Bool) async throws {
    var watch = Watch(process)
    let events = WatchEvents(process: process, duration: .seconds(seconds))
    try await events.forEach { event in
      switch event {
      case .failure(let message): throw WatchFailure(message)
      case .update(.ended(let end)): throw Self.early(end, process, seconds)
      case .timeIsOver: return false
      case .update, .tick, .signal: return true
      }
    }
    let refresh: MirrorRefresh
    do {
      refresh = try process.mirror.refresh()
    } catch {
      throw WatchFailure(WatchedProcess.explanation(of: error, pid: process.pid))
    }
    guard refresh.state != .exited else { throw Self.early(.exited, process, seconds) }
    let changes = watch.apply(
      AddressSpace.difference(from: watch.snapshot, to: process.mirror.space.snapshot()))
    if asJSON {
      Terminal.write(try JSONReport(watch, changes: changes).line())
      return
    }
    let columns = Int.max / 2
    let sections = Sections(watch: watch, columns: columns, hasColors: false)
    var lines = sections.head() + [Line()]
    lines.append(Line("changes: \(Numbers.grouped(changes.count))"))
    let now = Date()
    for change in changes {
      lines += Sections.lines(of: Watch.SeenChange(time: now, change: change), columns: columns)
    }
    printLines(lines + [Line()] + watch.growthReport(columns: columns))
  }

  private static func early(
    _ end: MapsUpdate.End, _ process: WatchedProcess, _ seconds: Double
  ) -> WatchFailure {
    WatchFailure("\(end.explanation(pid: process.pid)), before \(seconds) s were over")
  }

  // MARK: For as long as it lives

  func streamJSON() async throws {
    var watch: Watch?
    try await WatchEvents(process: process).forEach { event in
      switch event {
      case .update(.state(let snapshot)):
        let first = Watch(process, snapshot)
        watch = first
        Terminal.write(try JSONReport(first, .state).line())
      case .update(.changes(let difference)):
        guard let changes = watch?.apply(difference), let watch else { break }
        Terminal.write(try JSONReport(watch, changes: changes).line())
      case .update(.ended(let end)):
        if let watch { Terminal.write(try JSONReport(watch, end: end).line()) }
        return false
      case .failure(let message):
        throw WatchFailure(message)
      case .tick, .timeIsOver, .signal:
        break
      }
      return true
    }
  }

  /// Plain text, for a file or another program.
  func streamText() async throws {
    let columns = Terminal.size.columns
    var watch: Watch?
    try await WatchEvents(process: process).forEach { event in
      switch event {
      case .update(.state(let snapshot)):
        let first = Watch(process, snapshot)
        watch = first
        printLines(first.report(columns: columns) + [Line()])
      case .update(.changes(let difference)):
        let now = Date()
        for change in watch?.apply(difference) ?? [] {
          printLines(
            Sections.lines(of: Watch.SeenChange(time: now, change: change), columns: .max / 2))
        }
      case .update(.ended(let end)):
        if let watch { printEnd(watch, end.explanation(pid: process.pid)) }
        return false
      case .failure(let message):
        throw WatchFailure(message)
      case .tick, .timeIsOver, .signal:
        break
      }
      return true
    }
  }

  /// The picture on the terminal, until the process or the user ends it.
  func showLive() async throws {
    var watch = Watch(process)
    var reason = "stopped watching process \(process.pid)"
    let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    let events = WatchEvents(
      process: process, hasTicks: true,
      signals: ending + [SIGWINCH, SIGTSTP, SIGCONT])
    Terminal.enter()
    do {
      defer { Terminal.leave() }
      try await events.forEach { event in
        switch event {
        case .update(.state(let snapshot)):
          watch = Watch(process, snapshot)
        case .update(.changes(let difference)):
          watch.apply(difference)
        case .update(.ended(let end)):
          reason = end.explanation(pid: process.pid)
          return false
        case .signal(SIGTSTP):
          Terminal.leave()
          Terminal.suspend()
          return true
        case .signal(SIGCONT):
          Terminal.enter()
        case .signal(let number) where ending.contains(number):
          return false
        case .failure(let message):
          throw WatchFailure(message)
        case .tick, .timeIsOver, .signal:
          break
        }
        let size = Terminal.size
        Terminal.show(LiveView(watch: watch, size: size).lines(), size)
        return true
      }
    }
    printEnd(watch, reason)
  }

  // MARK: Output

  private func printLines(_ lines: [Line]) {
    Terminal.write(lines.map { $0.text(hasColors: false) + "\n" }.joined())
  }

  private func printEnd(_ watch: Watch, _ reason: String) {
    let seconds = Date().timeIntervalSince(watch.start)
    let head = "\(reason), after \(Numbers.seconds(seconds)) and \(watch.changeCount) changes"
    printLines([Line()] + watch.growthReport(columns: .max / 2) + [Line(), Line(head)])
  }
}
