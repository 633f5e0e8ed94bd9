// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Where blocks come from, and go.

extension NodePool {
  /// Takes a slab.
  mutating func addSlab(_ sizeClass: UnsafeMutablePointer<SizeClass>) {
    // Its share of all.
    let classBytes = unsafe sizeClass.pointee.reservedBytes
    let limboBytes = reservedBytes > 0 ? limboBytes * classBytes / reservedBytes : 0
    let slab = Slab.allocate(bytes: unsafe sizeClass.pointee.nextSlabBytes(limboBytes: limboBytes))
    if reservedBytes == 0 { Flavor._reclaimer.add(shared) }
    reservedBytes += slab.bytes
    shared.own(slab)
    unsafe sizeClass.pointee.add(slab)
  }

  /// Gives slabs whose blocks are all free back to the system.
  ///
  /// Blocks that wait for a grace period are not free yet; the batch that is being filled is handed
  /// over, so that its blocks are the next time.
  ///
  /// - Returns: the bytes given back.
  /// - Complexity: O(f log f) in the number of free blocks, and O(s log s) in that of slabs.
  package mutating func trim() -> Int {
    flush()
    collect()
    while recycleKept() {}
    let slabs = shared.sortedSlabs
    var bytes = 0
    for index in 0..<sizeClassCount {
      let emptySlabs = unsafe (sizeClasses + index).pointee.removeEmpty(slabs)
      unsafe shared.free(emptySlabs)
      bytes += emptySlabs.reduce(0) { $0 + $1.bytes }
    }
    reservedBytes -= bytes
    forgetLists()
    return bytes
  }
}

/// The numbers from 0 to `count - 1`, each once, with ever different steps from one to the next.
///
/// Blocks that lie in the order in which they are published are foreseen by the processors of
/// readers: having read two or three versions, they fetch the one that is next, while the writer
/// writes to it. The writer then waits for its cache lines, which it had fetched long before.
///
/// - Source: a linear congruential generator whose period is a power of two (Hull and Dobell,
///   1962).
struct ScatteredOrder {
  private var left: Int
  private let count: Int
  private let mask: Int
  private var number = 0

  init(count: Int) {
    left = count
    self.count = count
    var period = 1
    while period < count { period *= 2 }
    mask = period - 1
  }

  mutating func next() -> Int? {
    guard left > 0 else { return nil }
    left -= 1
    // More than half of the numbers are below `count`.
    repeat { number = (number &* 0x4e5 &+ 0x2b7) & mask } while number >= count
    return number
  }
}
