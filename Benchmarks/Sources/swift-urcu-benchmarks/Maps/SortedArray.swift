// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import VirtualMemory

/// What one would write in Swift without this library: a sorted array behind a readers-writer lock.
final class SortedArray: MapSide, @unchecked Sendable {
  // Sendable: `entries` is read and written under the lock.
  private struct Entry {
    var start: UInt64
    var end: UInt64
    var protection: Protection
    var offset: UInt64
    var inode: UInt64
  }

  let name = "sorted array, rwlock"
  private var entries: [Entry] = []
  // Freed with the array.
  private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

  init() {
    lock.initialize(to: pthread_rwlock_t())
    pthread_rwlock_init(lock, nil)
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
  }

  func load(_ text: [UInt8]) throws {
    entries = try ProcMapsParser.parse(text).map {
      Entry(
        start: $0.start, end: $0.end, protection: $0.protection, offset: $0.offset,
        inode: $0.inode)
    }
  }

  /// The position of the first entry that ends above `address`.
  @inline(__always)
  private func rank(_ address: UInt64) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].end <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  @inline(__always)
  private func find(_ address: UInt64) -> Entry? {
    pthread_rwlock_rdlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    let index = rank(address)
    guard index < entries.count, entries[index].start <= address else { return nil }
    return entries[index]
  }
}

extension SortedArray {
  @inline(never)
  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count { sum &+= find(addresses[index]).map { Int($0.start) } ?? 1 }
    return sum
  }

  /// Maps or unmaps the page of a slot, which is mapped whole or not at all.
  func change(_ slot: Int, maps: Bool) {
    let start = MappedWorld.address(of: slot)
    pthread_rwlock_wrlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    let index = rank(start)
    if maps {
      entries.insert(
        Entry(
          start: start, end: start + AddressSpace.pageSize,
          protection: StoreSide.protection(of: slot), offset: 0, inode: 0), at: index)
    } else {
      entries.remove(at: index)
    }
  }

  func regionStarts() -> [UInt64] {
    pthread_rwlock_rdlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    return entries.map(\.start).filter {
      $0 >= MappedWorld.regionStart && $0 < MappedWorld.maximumRegionEnd
    }
  }
}
