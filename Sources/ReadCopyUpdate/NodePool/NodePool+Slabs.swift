// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims

// Where blocks come from, and go.

extension NodePool {
  /// What a pool has when its memory begins to be made ready.
  private static var readyFromBytes: Int { 1 << 20 }
  private static var readyBytesMax: Int { Int(RCUSHIMS_HUGE_PAGE_BYTES) }

  /// Takes a slab.
  mutating func addSlab(_ sizeClass: UnsafeMutablePointer<SizeClass>) {
    let slab = nextSlab(bytes: unsafe sizeClass.pointee.nextSlabBytes)
    shared.own(slab)
    unsafe sizeClass.pointee.add(slab)
  }

  private mutating func nextSlab(bytes: Int) -> Slab {
    let slab: Slab
    if ready.bytes > 0 || takeSupplies() {
      slab = ready.cut(bytes: bytes)
    } else {
      slab = .allocate(bytes: bytes)
      reservedBytes += bytes
    }
    orderSupplies()
    return slab
  }

  /// Whether the reclaimer is at what was ordered.
  var awaitsSupplies: Bool { orderedBytes > 0 && !shared.hasSupplies }

  /// Takes what the reclaimer has made ready.
  ///
  /// - Precondition: `ready` is empty.
  /// - Returns: whether there is memory now.
  private mutating func takeSupplies() -> Bool {
    guard orderedBytes > 0, let supplies = shared.takeSupplies() else { return false }
    // The system may have refused.
    reservedBytes -= orderedBytes - supplies.memory.bytes
    orderedBytes = 0
    ready = supplies.memory
    newLists += supplies.lists
    return ready.bytes > 0
  }

  /// Orders memory of the reclaimer when half of what was ready is used: a quarter of what there is, or a
  /// huge page.
  ///
  /// Only where looks for readers have been for nothing: there more and more waits for its grace period.
  /// Where nobody reads, a store grows by its VMAs, few of which need a page.
  private mutating func orderSupplies() {
    let bytes = min(reservedBytes / 4 & -(64 << 10), Self.readyBytesMax)
    guard attemptBytes > Self.attemptBytesMin, reservedBytes >= Self.readyFromBytes,
      orderedBytes == 0, ready.bytes < bytes / 2
    else { return }
    orderedBytes = bytes
    reservedBytes += bytes
    let shared = self.shared
    Flavor._reclaimer.runSoon { shared.give(Supplies(bytes: bytes)) }
  }

  /// Gives slabs whose blocks are all free, and what was made ready, back to the system.
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
    newLists = []
    repeat { bytes += ready.free() } while takeSupplies()
    reservedBytes -= bytes
    return bytes
  }
}

/// The numbers from 0 to `count - 1`, each once, with ever different steps from one to the next.
///
/// Blocks that lie in the order in which they are published are foreseen by the processors of readers: having
/// read two or three versions, they fetch the one that is next, while the writer writes to it. The writer then
/// waits for its cache lines, which it had fetched long before.
///
/// - Source: a linear congruential generator whose period is a power of two (Hull and Dobell, 1962).
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
