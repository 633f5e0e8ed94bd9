// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Histogram
import ProcessMaps
import VirtualMemory

/// Mapping and unmapping single pages, with nobody else about.
enum Updates {
  static let title = "One update alone, 10,000 VMAs"

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000))
    let sides: [any MapSide] = try sides(world, effort) + [world.makeArray()]
    let walks = sides.map { _ in WalkBox(SlotWalk(world)) }
    return Group(
      title: title,
      subjects: zip(sides, walks).map { subject($0, $1, effort) }
    ) {
      for (side, walk) in zip(sides, walks) { try walk.walk.check(side) }
    }
  }

  /// The kernel first: it is the baseline.
  static func sides(_ world: MappedWorld, _ effort: Effort) throws -> [any TextSide] {
    var sides: [any TextSide] = []
    if let kernel = world.kernel { sides.append(kernel) }
    for peer in effort.peers.maps { sides.append(try world.makePeer(peer)) }
    sides.append(try world.makeStore())
    return sides
  }

  /// Mean, median and 99.9th percentile of the latencies of one round.
  private static func subject(
    _ side: any MapSide, _ walk: WalkBox, _ effort: Effort
  ) -> Subject {
    let metrics = Latencies.statistics.map { statistic in
      Metric(
        name: "\(side.name), \(statistic)", meaning: "one map or unmap of a random page",
        unit: "ns", baseline: "kernel, \(statistic)")
    }
    return Subject(metrics: metrics) {
      var latencies = Latencies()
      for _ in 0..<effort.updatesPerSample {
        let (slot, maps) = walk.walk.next()
        let start = baselines_now()
        try side.change(slot, maps: maps)
        latencies.record(baselines_now() - start)
      }
      return latencies.values
    }
  }
}

/// A walk that goes on from round to round.
final class WalkBox {
  var walk: SlotWalk
  init(_ walk: SlotWalk) { self.walk = walk }
}

/// The latencies of one round, in nanoseconds.
struct Latencies {
  static let statistics = ["mean", "p50", "p99.9"]

  private var histogram = Histogram<UInt64>(
    highestTrackableValue: 100_000_000_000, numberOfSignificantValueDigits: .three)

  mutating func record(_ nanoseconds: UInt64) { _ = histogram.record(nanoseconds) }

  /// In the order of ``statistics``.
  var values: [Double] {
    [
      histogram.mean, Double(histogram.valueAtPercentile(50)),
      Double(histogram.valueAtPercentile(99.9)),
    ]
  }
}
