// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ProcessMaps
import VirtualMemory

/// Updates while scanners dump without a pause. No thread is pinned: with as many threads as cores,
/// or more, all of them share.
enum LoadedUpdates {
  /// Between two updates, where there is a pause.
  private static let pauseNanoseconds: UInt64 = 10_000

  static func title(_ scannerCount: Int, hasPause: Bool) -> String {
    let scanners = scannerCount == 0 ? "no" : String(scannerCount)
    return "Update, \(scanners) scanner\(scannerCount == 1 ? "" : "s"), 10,000 VMAs, "
      + (hasPause ? "10 µs between updates" : "no pause")
  }

  static func group(_ scannerCount: Int, hasPause: Bool, _ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000))
    guard let kernel = world.kernel else { preconditionFailure("few enough for the kernel") }
    let writersFirst = try world.makeStore("locked")
      .reading("locked, writers first", by: .locked)
    let readersFirst = try world.makeStore("locked", preferring: .readers)
      .reading("locked, readers first", by: .locked)
    let peers = try effort.peers.maps.map(world.makePeer)
    let speculative = try world.makeStore("speculative")
      .reading("speculative", by: .speculative)
    let sides: [any TextSide] =
      [writersFirst, readersFirst, kernel] + peers
      + [speculative, try world.makeStore("snapshot")]
    let walks = sides.map { _ in WalkBox(SlotWalk(world)) }
    let load = UpdateLoad(
      scannerCount: scannerCount, pauseNanoseconds: hasPause ? pauseNanoseconds : nil,
      nanoseconds: effort.windowNanoseconds)
    return Group(
      title: title(scannerCount, hasPause: hasPause),
      subjects: try zip(sides, walks).map {
        try subject($0, $1, load, against: writersFirst.name)
      },
      maximumRounds: effort.maximumWindows
    ) {
      for (side, walk) in zip(sides, walks) { try walk.walk.check(side) }
    }
  }

  private static func subject(
    _ side: any TextSide, _ walk: WalkBox, _ load: UpdateLoad, against baseline: String
  ) throws -> Subject {
    var metrics = Latencies.statistics.map { statistic in
      Metric(
        name: "\(side.name), \(statistic)", meaning: "one map or unmap of a random page",
        unit: "ns", baseline: "\(baseline), \(statistic)")
    }
    if load.scannerCount > 0 {
      metrics.append(
        Metric(
          name: "\(side.name), dumps", meaning: "whole texts per second, all scanners together",
          unit: "1/s", baseline: "\(baseline), dumps"))
    }
    let bytesPerDump = Double(try side.text().count)
    return Subject(metrics: metrics) {
      let (latencies, bytesPerSecond) = try load.run(side, walk)
      return latencies.values + (load.scannerCount > 0 ? [bytesPerSecond / bytesPerDump] : [])
    }
  }
}

// MARK: - Panels

extension LoadedUpdates {
  /// The scanners that there are rows for.
  static let scannerCounts = 0...2

  /// Mean latencies over the number of scanners, of the groups of this kind among `results`: a
  /// panel without pauses, one with them.
  static func panels(_ results: [GroupResult]) -> [Panel] {
    let suffix = ", mean"
    return [false, true].compactMap { hasPause in
      let panel = Panel(
        title: "Update beside scanners, mean, " + (hasPause ? "10 µs between" : "no pause"),
        unit: "ns", abscissa: "scanners", isLinear: true
      ) { add in
        for count in scannerCounts {
          let title = title(count, hasPause: hasPause)
          for row in results.first(where: { $0.title == title })?.rows ?? []
          where row.metric.name.hasSuffix(suffix) {
            let name = String(row.metric.name.dropLast(suffix.count))
            // Under its name in the other panels.
            add(name == "snapshot" ? "store" : name, Double(count), row.values.median)
          }
        }
      }
      return panel.curves.isEmpty ? nil : panel
    }
  }
}

/// What happens beside the updates of one round.
struct UpdateLoad {
  let scannerCount: Int
  /// `nil`: none.
  let pauseNanoseconds: UInt64?
  /// How long the round takes.
  let nanoseconds: UInt64

  /// Updates by the calling thread. Returns its latencies, and the scanners' bytes per second.
  func run(_ side: any TextSide, _ walk: WalkBox) throws -> (Latencies, bytesPerSecond: Double) {
    baselines_unpin_thread()
    let (scanners, deadline) = try Scanners.start(scannerCount, side, nanoseconds: nanoseconds)
    var latencies = Latencies()
    var now: UInt64
    // One at least: the scheduler may keep this thread from running until then.
    repeat {
      let (slot, maps) = walk.walk.next()
      let start = baselines_now()
      try side.change(slot, maps: maps)
      now = baselines_now()
      latencies.record(now - start)
      if let pauseNanoseconds {
        baselines_pause(pauseNanoseconds)
        now = baselines_now()
      }
    } while now < deadline
    return (latencies, scanners.wait())
  }
}
