// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// How cost grows with the number of VMAs: for `--plot`.
enum Growth {
  private static let facets: [(name: String, title: String, unit: String, meaning: String)] = [
    ("query", "Query of a random address", "ns", "one random address that is mapped"),
    ("dump", "Whole dump, per VMA", "ns", "one line, into a buffer that is used again"),
    ("update", "Map or unmap of a random page", "ns", "one map or unmap of a random page, mean"),
    ("memory", "Memory per VMA", "bytes", "bytes allocated ÷ count, 2 updates per VMA later"),
  ]

  static func counts(isQuick: Bool) -> [Int] {
    isQuick
      ? [100, 1000]
      : [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000]
  }

  static func title(_ vmaCount: Int) -> String { "Growth, \(grouped(vmaCount)) VMAs" }

  static func group(_ vmaCount: Int, _ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: vmaCount)
    let addresses = RandomAddresses(world, .hits)
    let store = try world.makeStore()
    Memory.trim(store.space)
    var sides: [(side: any TextSide, bytes: Int?)] = [(store, store.space.memoryBytes)]
    if let kernel = world.kernel { sides.append((kernel, nil)) }
    for peer in effort.peers.maps {
      let side = try world.makePeer(peer)
      sides.append((side, side.memoryBytes))
    }
    let subjects = sides.flatMap { side, bytes in
      facets.compactMap { facet -> Subject? in
        let name = "\(side.name), \(facet.name)"
        let metric = Metric(
          name: name, meaning: facet.meaning, unit: facet.unit,
          baseline: "\(store.name), \(facet.name)")
        if facet.name == "memory" {
          guard let bytes else { return nil }
          return Subject(metrics: [metric]) { [Double(bytes) / Double(world.lineCount)] }
        }
        guard let loop = loop(facet.name, side, world, addresses) else { return nil }
        return .loop(
          name, against: metric.baseline, meaning: facet.meaning, effort: effort,
          iteration: Double(loop.iteration), loop.body)
      }
    }
    return Group(title: title(vmaCount), subjects: subjects) {
      for (side, _) in sides { try SlotWalk(world).check(side) }
    }
  }

  /// What is repeated, and how many of what is counted it does each time; `nil` for a kernel that
  /// doesn't answer queries.
  private static func loop(
    _ facet: String, _ side: any TextSide, _ world: MappedWorld, _ addresses: RandomAddresses
  ) -> (iteration: Int, body: (Int) throws -> Int)? {
    switch facet {
    case "query":
      if let kernel = side as? KernelSide, !kernel.answersQueries { return nil }
      return (1, { side.query(addresses, $0) })
    case "dump":
      return (
        world.lineCount,
        { count in try (0..<count).reduce(0) { sum, _ in try sum &+ side.dumpWhole() } }
      )
    default:
      var random = Random(seed: 7)
      return (
        2,
        { count in
          for _ in 0..<count {
            // And back, so that what is asked for stays mapped.
            let slot = Int(random.next() % UInt64(world.slotCount))
            try side.change(slot, maps: !world.mapped[slot])
            try side.change(slot, maps: world.mapped[slot])
          }
          return count
        }
      )
    }
  }
}

// MARK: - Panels

extension Growth {
  /// A panel for each facet over the number of VMAs, of the groups of this kind among `results`.
  static func panels(_ results: [GroupResult], isQuick: Bool) -> [Panel] {
    let found = counts(isQuick: isQuick).compactMap { count in
      results.first { $0.title == title(count) }.map { (Double(count), $0) }
    }
    return facets.compactMap { facet in
      let panel = Panel(
        title: facet.title, unit: facet.unit, abscissa: "VMAs", isLinear: false
      ) { add in
        for (count, result) in found {
          for row in result.rows where row.metric.name.hasSuffix(", \(facet.name)") {
            add(String(row.metric.name.dropLast(facet.name.count + 2)), count, row.values.median)
          }
        }
      }
      return panel.curves.isEmpty ? nil : panel
    }
  }
}
