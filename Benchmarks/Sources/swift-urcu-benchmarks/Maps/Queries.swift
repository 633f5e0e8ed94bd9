// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// Finding the VMA of a random address.
enum Queries {
  static func title(_ vmaCount: Int, threadCount: Int = 1) -> String {
    "Query, \(grouped(vmaCount)) VMAs" + (threadCount == 1 ? "" : ", \(threadCount) threads")
  }

  /// - Parameter isBrief: only the fastest strategy.
  static func group(
    _ vmaCount: Int, threadCount: Int = 1, isBrief: Bool = false, _ effort: Effort
  ) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(vmaCount))
    let sides = try sides(world, isBrief: isBrief, effort)
    var subjects: [Subject] = []
    for kind in AddressKind.allCases {
      let addresses = RandomAddresses(world, kind)
      let baseline = "\(sides[0].name), \(kind)"
      let meaning = "one random address that is \(kind == .hits ? "mapped" : "not mapped")"
      for side in sides {
        let name = "\(side.name), \(kind)"
        let against = name == baseline ? nil : baseline
        if threadCount == 1 {
          subjects.append(
            .loop(name, against: against, meaning: meaning, effort: effort) {
              side.query(addresses, $0)
            })
        } else {
          subjects.append(
            .reads(
              name, against: against, meaning: meaning, effort: effort, threadCount: threadCount,
              reader(side, addresses)))
        }
      }
    }
    return Group(title: title(vmaCount, threadCount: threadCount), subjects: subjects) {
      try agree(world, sides)
    }
  }

  /// The first is the baseline.
  private static func sides(
    _ world: MappedWorld, isBrief: Bool, _ effort: Effort
  ) throws -> [any MapSide] {
    var sides: [any MapSide] = []
    if let kernel = world.kernel, kernel.answersQueries {
      sides.append(KernelQueries(kernel))
    }
    sides.append(try world.makeArray())
    for peer in effort.peers.maps { sides.append(try world.makePeer(peer)) }
    let store = try world.makeStore("snapshot")
    sides.append(store)
    if isBrief { return sides }
    return sides + [
      BatchQueries(store),
      store.reading("speculative", by: .speculative),
      store.reading("locked, writers first", by: .locked),
      try world.makeStore("locked", preferring: .readers)
        .reading("locked, readers first", by: .locked),
    ]
  }

  /// Each query that is counted found something.
  private static func reader(_ side: any MapSide, _ addresses: RandomAddresses) -> Reader {
    Reader(
      within: { body in
        guard let own = try? side.forThread() else {
          fail("\(side.name) is for one thread only", code: 71)
        }
        let box = ThreadSide(own)
        body(Unmanaged.passUnretained(box).toOpaque())
        withExtendedLifetime(box) {}
      },
      read: { box, count in
        let own = Unmanaged<ThreadSide>.fromOpaque(box.unsafelyUnwrapped).takeUnretainedValue()
        return own.side.query(addresses, count) == 0 ? 0 : count
      })
  }

  private final class ThreadSide {
    let side: any MapSide
    init(_ side: any MapSide) { self.side = side }
  }

  /// All sides find the same.
  private static func agree(_ world: MappedWorld, _ sides: [any MapSide]) throws {
    for kind in AddressKind.allCases {
      let addresses = RandomAddresses(world, kind)
      let expected = sides[0].query(addresses, addresses.count)
      for side in sides where side.query(addresses, addresses.count) != expected {
        fail("\(side.name) finds other VMAs than \(sides[0].name)", code: 70)
      }
    }
  }
}

/// The kernel under the name of its call.
private final class KernelQueries: MapSide {
  let name = "kernel, PROCMAP_QUERY"
  private let kernel: KernelSide

  init(_ kernel: KernelSide) { self.kernel = kernel }

  func change(_ slot: Int, maps: Bool) { kernel.change(slot, maps: maps) }

  func query(_ addresses: RandomAddresses, _ count: Int) -> Int { kernel.query(addresses, count) }

  func regionStarts() throws -> [UInt64] { try kernel.regionStarts() }

  func forThread() throws -> any MapSide { KernelQueries(try kernel.copy()) }
}

/// Many addresses at a time, on one version.
private final class BatchQueries: MapSide, @unchecked Sendable {
  // Sendable: each thread has its own.
  private static let batchCount = 64

  let name = "snapshot, batches of \(batchCount)"
  private let store: StoreSide
  private var addresses: RandomAddresses?
  private var batches: [[UInt64]] = []

  init(_ store: StoreSide) { self.store = store }

  func change(_ slot: Int, maps: Bool) throws { try store.change(slot, maps: maps) }

  @inline(never)
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    if self.addresses !== addresses { prepare(addresses) }
    var sum = 0
    for index in 0..<count / Self.batchCount {
      sum &+= query(batches[index & (batches.count - 1)])
    }
    // What is measured is whole batches; this is not.
    let rest = count % Self.batchCount
    return rest == 0 ? sum : sum &+ query(Array(batches[0].prefix(rest)))
  }

  @inline(__always)
  private func query(_ batch: [UInt64]) -> Int {
    var sum = 0
    for found in store.space.lookup(batch) { sum &+= found.map { Int($0.start) } ?? 1 }
    return sum
  }

  private func prepare(_ addresses: RandomAddresses) {
    self.addresses = addresses
    batches = (0..<addresses.count / Self.batchCount).map { batch in
      (0..<Self.batchCount).map { addresses[batch * Self.batchCount + $0] }
    }
  }

  func regionStarts() throws -> [UInt64] { try store.regionStarts() }

  func forThread() -> any MapSide { BatchQueries(store) }
}
