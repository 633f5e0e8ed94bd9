// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// Pairs of changes that restore what was there, with nobody else about and no clock between them.
enum UpdateLoops {
  static let pairTitle = "Map and unmap a page, 10,000 VMAs"
  static let anywhereTitle = "Map a page anywhere and unmap it, 10,000 VMAs"
  static let protectTitle = "Protect a page, 10,000 VMAs"

  static func pairs(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000))
    let sides: [any MapSide] = try Updates.sides(world, effort) + [world.makeArray()]
    let meaning = "one map and one unmap of a random page"
    let subjects = sides.map { side in
      subject(side.name, meaning, world, effort) { slot in
        let isMapped = world.mapped[slot]
        try side.change(slot, maps: !isMapped)
        try side.change(slot, maps: isMapped)
      }
    }
    return Group(title: pairTitle, subjects: subjects) { try check(sides, world) }
  }

  static func anywhere(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000))
    let sides = try Updates.sides(world, effort).compactMap { $0 as? any PlacingSide }
    let meaning = "one map of a page where there is room, and its unmap"
    let subjects = sides.map { side in
      subject(side.name, meaning, world, effort) { _ in try side.unmap(side.mapAnywhere()) }
    }
    return Group(title: anywhereTitle, subjects: subjects) { try check(sides, world) }
  }

  static func protecting(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000))
    let sides = try Updates.sides(world, effort)
    let meaning = "the access of a mapped page changed, and changed back"
    let mapped = world.mapped.indices.filter { world.mapped[$0] }
    let subjects = sides.map { side in
      subject(side.name, meaning, world, effort) { number in
        let slot = mapped[number % mapped.count]
        try side.protect(slot, writable: !MappedWorld.isWritable(slot))
        try side.protect(slot, writable: MappedWorld.isWritable(slot))
      }
    }
    return Group(title: protectTitle, subjects: subjects) { try check(sides, world) }
  }

  private static func subject(
    _ name: String, _ meaning: String, _ world: MappedWorld, _ effort: Effort,
    _ change: @escaping (Int) throws -> Void
  ) -> Subject {
    var random = Random(seed: 6)
    return .loop(name, against: "kernel", meaning: meaning, effort: effort) { count in
      for _ in 0..<count { try change(Int(random.next() % UInt64(world.slotCount))) }
      return count
    }
  }

  /// Everything is as it was.
  private static func check(_ sides: [any MapSide], _ world: MappedWorld) throws {
    for side in sides { try SlotWalk(world).check(side) }
  }
}
