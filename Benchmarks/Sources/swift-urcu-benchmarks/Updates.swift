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
    let world = try MappedWorld()
    let space = world.space
    return Group(
      title: title,
      subjects: [
        subject("kernel", against: "kernel", "mmap or munmap", world, effort) { slot, maps in
          MappedWorld.changeKernel(slot, maps: maps)
        },
        subject("store", against: "kernel", "map or unmap", world, effort) { slot, maps in
          try MappedWorld.change(space, slot, maps: maps)
        },
      ]
    ) { try check(world) }
  }

  /// Mean, median and 99.9th percentile of the latencies of one round.
  private static func subject(
    _ name: String, against baseline: String, _ what: String, _ world: MappedWorld,
    _ effort: Effort, _ change: @escaping (Int, Bool) throws -> Void
  ) -> Subject {
    var walk = SlotWalk(world)
    let metrics = ["mean", "p50", "p99.9"].map { statistic in
      Metric(
        name: "\(name), \(statistic)", meaning: "one \(what) of a random page", unit: "ns",
        baseline: "\(baseline), \(statistic)")
    }
    return Subject(metrics: metrics) {
      var latencies = Histogram<UInt64>(
        highestTrackableValue: 100_000_000_000, numberOfSignificantValueDigits: .three)
      for _ in 0..<effort.updatesPerSample {
        let (slot, maps) = walk.next()
        let start = baselines_now()
        try change(slot, maps)
        _ = latencies.record(baselines_now() - start)
      }
      return [
        latencies.mean, Double(latencies.valueAtPercentile(50)),
        Double(latencies.valueAtPercentile(99.9)),
      ]
    }
  }

  /// Both sides walked alike, and are where they should be.
  private static func check(_ world: MappedWorld) throws {
    let kernel = try MappedWorld.regionLines(MappedWorld.text(world.kernel))
    let store = try MappedWorld.regionLines(world.space.maps().array)
    guard kernel.map(\.range) == store.map(\.range) else {
      fail("the same updates led the address space and the kernel to different VMAs", code: 70)
    }
  }
}

/// Random slots, each mapped if it isn't and unmapped if it is: about half are at any time.
private struct SlotWalk {
  private var mapped: [Bool]
  private var random = Random(seed: 4)

  init(_ world: MappedWorld) { mapped = world.mapped }

  mutating func next() -> (slot: Int, maps: Bool) {
    let slot = Int(random.next() % UInt64(mapped.count))
    mapped[slot].toggle()
    return (slot, mapped[slot])
  }
}
