// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

/// Free blocks of one size, last in first out, so that the hottest is used next.
@safe
struct FreeList {
  // Safety: the pool's slabs own the blocks; PoolShared frees them when both pool and batches are gone.
  private var blocks: [UInt] = []

  /// - Safety: `block` is a block of the pool that nobody uses.
  @unsafe
  mutating func push(_ block: UnsafeMutableRawPointer) {
    blocks.append(UInt(bitPattern: block))
  }

  mutating func pop() -> UnsafeMutableRawPointer? {
    guard let block = blocks.popLast() else { return nil }
    return unsafe UnsafeMutableRawPointer(bitPattern: block)
  }
}

/// Retired blocks on their way through one grace period.
///
/// Owned by one thread at a time: the writer that fills it, the reclaimer, the writer again.
final class RetiredBatch: @unchecked Sendable {
  // Sendable: handed over through the reclaimer's queue and PoolShared's lock.
  /// Blocks are 64-byte aligned: the low bits hold the size class.
  static let sizeClassMask = 7
  private var tagged: [UInt] = []
  var bytes = 0

  @unsafe
  func append(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    tagged.append(UInt(bitPattern: block) | UInt(sizeClass))
  }

  @unsafe
  func forEach(_ body: (UnsafeMutableRawPointer, Int) -> Void) {
    let mask = UInt(Self.sizeClassMask)
    for word in tagged.reversed() {
      // Safety: append made the word from a block's address.
      let block = unsafe UnsafeMutableRawPointer(bitPattern: word & ~mask).unsafelyUnwrapped
      unsafe body(block, Int(word & mask))
    }
  }

  func removeAll() {
    tagged.removeAll(keepingCapacity: true)
    bytes = 0
  }
}

/// What a pool and its batches under way share. Frees the slabs when the last of them is gone.
final class PoolShared: @unchecked Sendable {
  // Sendable: the variables are read and written under `monitor`.
  // A pthread monitor, not Synchronization's Mutex: ThreadSanitizer doesn't see the latter.
  private let monitor = Monitor()
  private var returned: [RetiredBatch] = []
  private var spares: [RetiredBatch] = []
  // Safety: allocated by the pool, freed once, in deinit.
  private var slabs: [UInt] = []
  // Counts returned batches, so that the writer looks at the lock only when there are some.
  // Written by the reclaimer and the writer under `monitor`; read by the writer without it.
  private let returnedCount = Atomic(0)

  /// The most empty batches kept for reuse.
  private static let sparesMax = 4

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

  /// On the reclaimer, after the grace period.
  func giveBack(_ batch: RetiredBatch) {
    monitor.withLock {
      returned.append(batch)
      // The lock orders the contents; the count is only a hint.
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

  func waitForReturn() {
    monitor.withLock {
      while returned.isEmpty { monitor.wait() }
    }
  }

  func keepSpare(_ batch: RetiredBatch) {
    monitor.withLock { if spares.count < Self.sparesMax { spares.append(batch) } }
  }

  func takeSpare() -> RetiredBatch? { monitor.withLock { spares.popLast() } }
}
