// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import VirtualMemory

/// What has been seen of a process since the start.
struct Watch: Sendable {
  let process: WatchedProcess
  let start: Date
  private(set) var snapshot: MapsSnapshot
  private(set) var tally: Tally
  private let tallyAtStart: Tally
  private(set) var command: String
  /// The last changes, oldest first.
  private(set) var changes: [SeenChange] = []
  private(set) var changeCount = 0

  /// How many changes are remembered: more than any terminal has lines.
  static var maximumChangeCount: Int { 500 }

  struct SeenChange: Sendable, Hashable {
    var time: Date
    var change: MapsDifference.Change
  }

  init(_ process: WatchedProcess) { self.init(process, process.mirror.space.snapshot()) }

  init(_ process: WatchedProcess, _ snapshot: MapsSnapshot) {
    self.process = process
    self.snapshot = snapshot
    start = Date()
    tally = Tally(snapshot)
    tallyAtStart = tally
    command = process.command
  }

  /// Takes a difference into account.
  ///
  /// - Returns: its changes.
  @discardableResult
  mutating func apply(_ difference: MapsDifference) -> [MapsDifference.Change] {
    let now = Date()
    let found = Array(difference)
    for change in found { tally.apply(change) }
    changes += found.suffix(Self.maximumChangeCount).map { SeenChange(time: now, change: $0) }
    changes.removeFirst(max(0, changes.count - Self.maximumChangeCount))
    changeCount += found.count
    snapshot = difference.to
    // A process that begins another program has another command line.
    let command = process.command
    if !command.isEmpty { self.command = command }
    return found
  }

  /// What has grown or shrunk since the start.
  var growth: [Growth] { tally.growth(since: tallyAtStart) }

  var freshness: Freshness {
    switch process.mirror.freshness {
    case .current: Freshness(state: .live, unverifiedSeconds: 0)
    case .unverified(let age): Freshness(state: .live, unverifiedSeconds: age / .seconds(1))
    case .contended: Freshness(state: .contended)
    case .exited, .detached: Freshness(state: .exited)
    }
  }
}

/// How fresh what is shown is.
struct Freshness: Codable, Hashable, Sendable {
  enum State: String, Codable, Sendable { case live, contended, exited }

  var state: State
  /// How long ago the last reading began that confirmed the copy: since then, the process may have
  /// changed.
  var unverifiedSeconds: Double?
}

extension MapsUpdate.End {
  /// What has become of the process.
  func explanation(pid: Int32) -> String {
    switch self {
    case .exited: "process \(pid) has exited"
    case .replaced: "process \(pid) has begun another program, whose maps can't be read"
    case .detached: "process \(pid) isn't followed any more"
    }
  }

  var word: String {
    switch self {
    case .exited: "exited"
    case .replaced: "replaced"
    case .detached: "detached"
    }
  }
}
