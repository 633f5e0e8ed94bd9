// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Where blocks come from, and where they go.

extension NodePool {
  /// Adds a slab to a class.
  mutating func addSlab(_ sizeClass: UnsafeMutablePointer<SizeClass>) {
    // The class's share of the pool's limbo.
    let classBytes = unsafe sizeClass.pointee.reservedBytes
    let limboBytes = reservedBytes > 0 ? limboBytes * classBytes / reservedBytes : 0
    let slab = Slab.allocate(bytes: unsafe sizeClass.pointee.nextSlabBytes(limboBytes: limboBytes))
    if reservedBytes == 0 { Flavor._reclaimer.add(shared) }
    reservedBytes += slab.bytes
    shared.own(slab)
    unsafe sizeClass.pointee.add(slab)
  }

  /// Returns slabs that have only free blocks to the system.
  ///
  /// Blocks that wait for a grace period aren't free yet. The batch that is being filled is handed
  /// over, so that its blocks will be free next time.
  ///
  /// - Returns: the number of bytes returned.
  /// - Complexity: O(f log f + s log s) for f free blocks and s slabs.
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

/// The numbers from 0 to `count - 1`, each once, with varying distances.
///
/// If blocks lay in the order of their publication, the readers' processors would predict it: after
/// two or three versions, they would prefetch the next block while the writer writes to it. The
/// writer would then wait for cache lines that it had fetched long before.
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
    // More than half of the numbers are less than `count`.
    repeat { number = (number &* 0x4e5 &+ 0x2b7) & mask } while number >= count
    return number
  }
}
