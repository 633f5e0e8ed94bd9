// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

/// Keeping versions, what that costs the writer, and what differs between two.
enum Snapshots {
  static let title = "Snapshots, 10,000 VMAs"
  private static let changeCount = 16

  static func group(_ effort: Effort) throws -> Group {
    let keeper = try SnapshotKeeper(effort)
    let copy = "copy of the VMAs"
    let update = "update, no snapshot"
    let lists = "comparison of two lists"
    func loop(
      _ name: String, against baseline: String, _ meaning: String, per iteration: Int = 1,
      _ body: @escaping (Int) throws -> Int
    ) -> Subject {
      .loop(
        name, against: baseline, meaning: meaning, effort: effort, iteration: Double(iteration),
        body)
    }
    let (before, after) = try keeper.versions(changeCount: changeCount)
    let (old, new) = (Array(before), Array(after))
    return Group(
      title: title,
      subjects: [
        loop(copy, against: copy, "Array(snapshot()): what one would keep without snapshots") {
          keeper.copy($0)
        },
        loop("snapshot", against: copy, "taken and dropped") { keeper.takeAndDrop($0) },
        loop(update, against: update, "one map or unmap of a random page") {
          try keeper.change($0)
        },
        loop("update, one old snapshot", against: update, "the same while a snapshot is kept") {
          try keeper.changeBesideASnapshot($0)
        },
        loop(
          "update, a snapshot each", against: update, "the same, each version kept till the next"
        ) { try keeper.changeAndKeep($0) },
        loop(
          lists, against: lists, "one of \(changeCount) changes, found in sorted arrays",
          per: changeCount
        ) { SnapshotKeeper.compareLists(old, new, $0) },
        loop("difference", against: lists, "one of \(changeCount) changes", per: changeCount) {
          SnapshotKeeper.compare(before, after, $0)
        },
      ]
    ) {
      guard
        SnapshotKeeper.compare(before, after, 1) == SnapshotKeeper.compareLists(old, new, 1)
      else { fail("the difference is not that of the lists", code: 70) }
    }
  }
}

private final class SnapshotKeeper {
  private let store: StoreSide
  private var mapped: [Bool]
  private var random = Random(seed: 5)
  private var kept: MapsSnapshot?

  init(_ effort: Effort) throws {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000), hasKernel: false)
    store = try world.makeStore()
    mapped = world.mapped
  }

  private func changeOnce() throws {
    let slot = Int(random.next() % UInt64(mapped.count))
    mapped[slot].toggle()
    try store.change(slot, maps: mapped[slot])
  }

  /// Two versions with so many changes between them, at most.
  func versions(changeCount: Int) throws -> (MapsSnapshot, MapsSnapshot) {
    let before = store.space.snapshot()
    for _ in 0..<changeCount { try changeOnce() }
    return (before, store.space.snapshot())
  }

  @inline(never)
  func copy(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum += Array(store.space.snapshot()).count }
    return sum
  }

  @inline(never)
  func takeAndDrop(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum += store.space.snapshot().count }
    return sum
  }

  @inline(never)
  func change(_ count: Int) throws -> Int {
    for _ in 0..<count { try changeOnce() }
    return count
  }

  @inline(never)
  func changeBesideASnapshot(_ count: Int) throws -> Int {
    let snapshot = store.space.snapshot()
    for _ in 0..<count { try changeOnce() }
    return count + snapshot.count
  }

  @inline(never)
  func changeAndKeep(_ count: Int) throws -> Int {
    for _ in 0..<count {
      kept = store.space.snapshot()
      try changeOnce()
    }
    kept = nil
    return count
  }

  /// VMAs removed, added and changed.
  @inline(never)
  static func compare(_ before: MapsSnapshot, _ after: MapsSnapshot, _ count: Int) -> Int {
    var changes = 0
    for _ in 0..<count {
      for _ in AddressSpace.difference(from: before, to: after) { changes += 1 }
    }
    return changes
  }

  /// The same from two arrays.
  @inline(never)
  static func compareLists(_ old: [VMA], _ new: [VMA], _ count: Int) -> Int {
    var changes = 0
    for _ in 0..<count {
      var (first, second) = (0, 0)
      while first < old.count || second < new.count {
        if first < old.count, second < new.count, old[first] == new[second] {
          (first, second) = (first + 1, second + 1)
          continue
        }
        changes += 1
        if second == new.count || first < old.count && old[first].start < new[second].end {
          first += 1
        } else {
          second += 1
        }
      }
    }
    return changes
  }
}
