// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

/// The blocks of one size.
@usableFromInline
struct SizeClass: ~Copyable {
  let blockBytes: Int
  @usableFromInline var free = BlockStack(capacity: 256)

  init(blockBytes: Int) { self.blockBytes = blockBytes }

  /// Takes the blocks of slabs that have no other than free ones off the free list.
  ///
  /// - Parameter slabs: all slabs of the pool, ascending; each has blocks of one class.
  /// - Returns: those slabs.
  mutating func removeEmpty(_ slabs: [UInt], _ slabBytes: Int) -> [UInt] {
    var blocks: [UInt] = []
    while free.count > 0 { blocks.append(free.pop()) }
    blocks.sort()
    var empty: [UInt] = []
    var kept: [UInt] = []
    var index = 0
    for slab in slabs {
      let first = index
      while index < blocks.count && blocks[index] < slab + UInt(slabBytes) { index += 1 }
      if index - first == slabBytes / blockBytes {
        empty.append(slab)
      } else {
        kept += blocks[first..<index]
      }
    }
    // The lowest are used next, so that slabs further up become empty.
    for block in kept.reversed() { free.push(block) }
    return empty
  }
}

/// Retired blocks on their way through one grace period: addresses, with the size class in the low
/// bits, which 64-byte alignment leaves free.
final class RetiredBatch: Sendable {
  static let sizeClassMask: UInt = 7
  let blocks: BlockStack
  let bytes: Int

  init(_ blocks: consuming BlockStack, bytes: Int) {
    self.blocks = blocks
    self.bytes = bytes
  }
}

/// What a pool and its batches under way share. Frees the slabs when the last of them is gone.
package final class PoolShared: @unchecked Sendable {
  // Sendable: the variables are read and written under `monitor`.
  // A pthread monitor, not Synchronization's Mutex: ThreadSanitizer doesn't see the latter.
  private let monitor = Monitor()
  private var returned: [RetiredBatch] = []
  // Batches that wait for their grace period.
  private var underWayCount = 0
  // Safety: allocated by the pool, freed once, in deinit.
  private var slabs: [UInt] = []
  // Counts returned batches, so that the writer looks at the lock only when there are some.
  // Written by the reclaimer and the writer under `monitor`; read by the writer without it.
  private let returnedCount = Atomic(0)

  deinit {
    for slab in slabs {
      // Safety: no node of the pool is reachable: store, pool and batches are gone.
      unsafe UnsafeMutableRawPointer(bitPattern: slab).unsafelyUnwrapped.deallocate()
    }
  }

  @unsafe
  func own(_ slab: UnsafeMutableRawPointer) {
    monitor.withLock { slabs.append(UInt(bitPattern: slab)) }
  }

  var sortedSlabs: [UInt] { monitor.withLock { slabs }.sorted() }

  /// - Safety: no block of them is in use, on a free list or in a batch.
  @unsafe
  func free(_ emptySlabs: [UInt]) {
    guard !emptySlabs.isEmpty else { return }
    let gone = Set(emptySlabs)
    monitor.withLock { slabs.removeAll { gone.contains($0) } }
    for slab in emptySlabs {
      unsafe UnsafeMutableRawPointer(bitPattern: slab).unsafelyUnwrapped.deallocate()
    }
  }

  /// By the writer, before the batch is handed to the reclaimer.
  func willHandOver() { monitor.withLock { underWayCount += 1 } }

  /// On the reclaimer, after the grace period.
  func giveBack(_ batch: RetiredBatch) {
    monitor.withLock {
      underWayCount -= 1
      returned.append(batch)
      // The lock orders the contents; the count is only a hint.
      returnedCount.store(returned.count, ordering: .relaxed)
      monitor.signalAll()
    }
  }

  /// Takes back blocks that were never retired, with their size classes in the low bits: the owner
  /// kept them for longer than a grace period, and now no reader can see them. From any thread.
  package func giveBack(kept blocks: [UInt]) {
    var stack = BlockStack(capacity: blocks.count)
    for block in blocks { stack.push(block) }
    let batch = RetiredBatch(stack, bytes: 0)
    monitor.withLock {
      returned.append(batch)
      returnedCount.store(returned.count, ordering: .relaxed)
      monitor.signalAll()
    }
  }

  func takeReturned() -> [RetiredBatch] {
    guard returnedCount.load(ordering: .relaxed) > 0 else { return [] }
    return monitor.withLock {
      let batches = returned
      returned = []
      returnedCount.store(0, ordering: .relaxed)
      return batches
    }
  }

  /// Waits until a batch has come back that the writer hasn't recycled yet.
  ///
  /// Returns at once where that would be for ever: inside a read section, which the batches wait
  /// for, on the reclaimer thread, which brings them, when that thread has ended at exit, and when no
  /// batch is under way, since another writer has recycled the last one.
  package func waitForReturn<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
    guard !flavor._isInReadSection, flavor._reclaimer.canBeWaitedFor else { return }
    monitor.withLock {
      while returned.isEmpty && underWayCount > 0 { monitor.wait() }
    }
  }
}
