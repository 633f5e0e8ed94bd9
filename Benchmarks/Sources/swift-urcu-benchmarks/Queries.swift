// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import SystemPackage
import VirtualMemory

/// Finding the VMA of a random address.
enum Queries {
  static let title = "Query, 10,000 VMAs"

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld()
    let array = try SortedArray(MappedWorld.text(world.kernel))
    var subjects: [Subject] = []
    for kind in [AddressKind.hits, .gaps] {
      let addresses = RandomAddresses(world, kind)
      let kernel = "kernel, PROCMAP_QUERY, \(kind)"
      let locked = "sorted array, rwlock, \(kind)"
      let baseline = world.hasKernelQuery ? kernel : locked
      let meaning = "one random address that is \(kind == .hits ? "mapped" : "not mapped")"
      if world.hasKernelQuery {
        subjects.append(
          .loop(kernel, meaning: meaning, effort: effort) { world.queryKernel(addresses, $0) })
      }
      subjects.append(
        .loop(
          locked, against: baseline == locked ? nil : baseline, meaning: meaning, effort: effort
        ) { array.query(addresses, $0) })
      for strategy in ReadingStrategy.allCases {
        subjects.append(
          .loop("\(strategy), \(kind)", against: baseline, meaning: meaning, effort: effort) {
            world.query(addresses, strategy, $0)
          })
      }
    }
    return Group(title: title, subjects: subjects) {
      try agree(world, array)
    }
  }

  /// All sides find the same.
  private static func agree(_ world: MappedWorld, _ array: SortedArray) throws {
    for kind in [AddressKind.hits, .gaps] {
      let addresses = RandomAddresses(world, kind)
      let found = ReadingStrategy.allCases.map { world.query(addresses, $0, addresses.count) }
      let expected = array.query(addresses, addresses.count)
      guard found.allSatisfy({ $0 == expected }) else {
        fail("the strategies and the sorted array find different VMAs", code: 70)
      }
      if world.hasKernelQuery, world.queryKernel(addresses, addresses.count) != expected {
        fail("the kernel finds other VMAs than the sorted array", code: 70)
      }
    }
  }
}

enum AddressKind: String {
  case hits
  case gaps
}

/// Random addresses in the region, not aligned.
final class RandomAddresses {
  /// A power of two, large enough that no branch predictor learns them.
  let count = 1 << 14
  private let addresses: UnsafeMutablePointer<UInt64>

  init(_ world: MappedWorld, _ kind: AddressKind) {
    var random = Random(seed: kind == .hits ? 2 : 3)
    addresses = .allocate(capacity: count)
    let slots = world.mapped.indices.filter { world.mapped[$0] == (kind == .hits) }
    for index in 0..<count {
      let slot = slots[Int(random.next() % UInt64(slots.count))]
      addresses[index] = MappedWorld.address(of: slot) + random.next() % pageBytes
    }
  }

  deinit { addresses.deallocate() }

  @inline(__always)
  subscript(index: Int) -> UInt64 { addresses[index & (count - 1)] }
}

extension MappedWorld {
  /// The sum of the starts that `count` queries find; what isn't found counts 1.
  @inline(never)
  func query(_ addresses: RandomAddresses, _ strategy: ReadingStrategy, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count {
      let found = try? space.query(addresses[index], [], strategy)
      sum &+= found.map { Int($0.start) } ?? 1
    }
    return sum
  }

  @inline(never)
  func queryKernel(_ addresses: RandomAddresses, _ count: Int) -> Int {
    var sum = 0
    var query = ProcmapQuery()
    for index in 0..<count {
      query.queryAddress = addresses[index]
      let found: Void? = try? kernel.query(&query)
      sum &+= found == nil ? 1 : Int(query.vmaStart)
    }
    return sum
  }
}

/// What one would write without this library: a sorted array behind a readers-writer lock.
final class SortedArray {
  private struct Entry {
    var start: UInt64
    var end: UInt64
    var protection: Protection
    var offset: UInt64
    var inode: UInt64
  }

  private var entries: [Entry] = []
  // Freed with the array.
  private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

  init(_ text: [UInt8]) throws {
    lock.initialize(to: pthread_rwlock_t())
    pthread_rwlock_init(lock, nil)
    entries = try ProcMapsParser.parse(text).map {
      Entry(
        start: $0.start, end: $0.end, protection: $0.protection, offset: $0.offset,
        inode: $0.inode)
    }
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
  }

  private func find(_ address: UInt64) -> Entry? {
    pthread_rwlock_rdlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].end <= address { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].start <= address else { return nil }
    return entries[low]
  }

  @inline(never)
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count { sum &+= find(addresses[index]).map { Int($0.start) } ?? 1 }
    return sum
  }
}
