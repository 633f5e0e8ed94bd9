// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _SystemShims

/// What a pool shares with its batches in progress. Frees the slabs when the last of them is gone.
package final class PoolShared: @unchecked Sendable {
  // Sendable: the variables are accessed under `monitor`. This is a pthread monitor instead of
  // Synchronization's Mutex, which ThreadSanitizer doesn't see.
  private let monitor = Monitor()
  private var returned: [Batch] = []
  private var slabs: [Slab] = []
  // The bytes that the pool has in limbo, and the batch that has waited longest: since when, and
  // the stamp of its cookie; 0 if none waits. Written by the writer, the second also by the stall
  // monitor; read for statistics and reports. Relaxed.
  let limboBytes = Atomic(0)
  let waitsSince = Atomic<UInt64>(0)
  let waitStamp = Atomic<UInt64>(0)
  // The number of returned batches, so that the writer takes the lock only if there are any.
  // Written by the reclaimer and the writer under `monitor`; read by the writer without it.
  private let returnedCount = Atomic(0)

  deinit {
    // The store, the pool and its batches are gone, so no node of the pool can be reached.
    for slab in slabs { slab.free() }
  }

  func own(_ slab: Slab) { monitor.withLock { slabs.append(slab) } }

  var sortedSlabs: [Slab] { monitor.withLock { slabs }.sorted { $0.address < $1.address } }

  /// - Safety: none of their blocks is in use, on a free list or in a batch.
  @unsafe
  func free(_ emptySlabs: [Slab]) {
    guard !emptySlabs.isEmpty else { return }
    let gone = Set(emptySlabs.map(\.address))
    monitor.withLock { slabs.removeAll { gone.contains($0.address) } }
    for slab in emptySlabs { slab.free() }
  }

  /// Called by the reclaimer, after the grace period.
  func giveBack(_ batch: Batch) {
    monitor.withLock { add(batch) }
  }

  /// Takes back blocks, as tagged words, that were never retired. Their owner has kept them for
  /// longer than a grace period, and no reader can see them now. From any thread.
  package func giveBack(kept blocks: [UInt]) {
    monitor.withLock { add(Batch(kept: blocks)) }
  }

  /// Called under `monitor`.
  private func add(_ batch: Batch) {
    returned.append(batch)
    // The lock orders the contents; the count is only a hint.
    returnedCount.store(returned.count, ordering: .relaxed)
    monitor.signalAll()
  }

  func takeReturned() -> [Batch] {
    guard returnedCount.load(ordering: .relaxed) > 0 else { return [] }
    return monitor.withLock {
      let batches = returned
      returned = []
      returnedCount.store(0, ordering: .relaxed)
      return batches
    }
  }

  /// Waits until a batch has returned that the writer hasn't recycled yet, for at most a
  /// millisecond: readers that the writer itself waits for may have left meanwhile.
  ///
  /// - Returns: false, at once, if no more batches may ever return: inside a read section, which
  ///   the batches wait for; on the reclaimer thread, which returns them; or when that thread has
  ///   ended at exit.
  package func waitForReturn<Flavor: RCUFlavor>(_ flavor: Flavor.Type) -> Bool {
    guard !flavor._isInReadSection, flavor._reclaimer.canBeWaitedFor else { return false }
    // A child of a fork has no reclaimer thread at first.
    flavor._reclaimer.requireGracePeriods()
    flavor._reclaimer.startOnce()
    monitor.withLock {
      let deadline = sysshims_now() + Self.waitNanoseconds
      while returned.isEmpty && sysshims_now() < deadline { monitor.wait(until: deadline) }
    }
    return true
  }

  private static var waitNanoseconds: UInt64 { 1_000_000 }
}
