// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// The versions of one address space that snapshots keep, and the nodes that are held for them.
///
/// A node is visible in all versions from the write section that made it (its `transaction`) to the
/// one before the section that replaced it. When it is replaced, the newest pinned version decides.
/// If the node is younger than that version, no snapshot has ever seen it, and it is retired as
/// usual. If it is older, it is held, on that version's list. When the last snapshot of a version
/// is dropped, those nodes on its list that the next older pinned version sees move to that
/// version's list, and the rest return to the pool. So nodes are held exactly as long as a snapshot
/// can see them, and what a writer uses up while an old snapshot lives is recycled as if there were
/// none.
///
/// A held leaf also holds the objects of its VMAs: it takes references when it is replaced, while
/// the previous version still has its own, and drops them when it returns to the pool.
///
/// Model: `Tests/Models/pins.pml`.
///
/// Threads: `pin` and `unpin` may be called on any thread, `newest` and `hold` only by the writer.
/// The lock is held for a few instructions, and never while nodes are read.
@safe
final class SnapshotPins: @unchecked Sendable {
  // Sendable: `pins` is accessed under `monitor`; the rest is immutable or atomic.

  /// A version that has snapshots.
  private struct Pin {
    /// The version's transaction.
    let transaction: UInt64
    /// The number of its snapshots.
    var count = 1
    /// Replaced nodes that this version sees, but no newer pinned version.
    var held: [HeldNode] = []
  }

  // A pthread monitor instead of Synchronization's Mutex, which ThreadSanitizer doesn't see.
  private let monitor = Monitor()
  // In ascending order of their transactions.
  private var pins: [Pin] = []
  // The number of snapshots, including those being taken. Written under `monitor`; read by the
  // writer without it.
  private let snapshotCount = Atomic(0)
  // Statistics: written by any thread that holds nodes or returns them, relaxed.
  private let heldByteCount = Atomic(0)
  /// Where nodes go that nobody sees any more. Keeps their memory alive.
  private let pool: PoolShared

  init(returningTo pool: PoolShared) { self.pool = pool }

  // MARK: By snapshots

  /// Pins the version that `load` returns: the current one.
  ///
  /// Reading that version needs no read section. The count is incremented before the load. Both are
  /// sequentially consistent, and so are the writer's exchange of the version and its load of the
  /// count. So a writer that replaces the version loaded here finds the count above zero, and
  /// passes through `monitor` before it retires anything.
  func pin(_ load: () -> Version) -> Version {
    withLock {
      // Sequentially consistent: pairs with the exchange in `AddressSpace.publish`, see there.
      snapshotCount.add(1, ordering: .sequentiallyConsistent)
      let version = load()
      // No load returns an older version than the load before it did.
      if let last = pins.indices.last, pins[last].transaction == version.transaction {
        pins[last].count += 1
      } else {
        pins.append(Pin(transaction: version.transaction))
      }
      return version
    }
  }

  /// Ends one snapshot of the version with this `transaction`. Doesn't wait.
  func unpin(_ transaction: UInt64) {
    let orphaned = withLock { () -> [HeldNode] in
      defer {
        // Releasing: everything that was read through the snapshot happens before a writer that no
        // longer sees it reuses a node. Pairs with the load in `isEmpty`.
        snapshotCount.subtract(1, ordering: .acquiringAndReleasing)
      }
      guard let index = index(of: transaction) else {
        fail("SnapshotPins: the version is not pinned")
      }
      pins[index].count -= 1
      return pins[index].count == 0 ? pins.remove(at: index).held : []
    }
    handOn(orphaned, pinnedBefore: transaction)
  }

  /// The number of snapshots, the number of versions that they keep, and the bytes of nodes that
  /// are held only for them.
  var statistics: (snapshotCount: Int, versionCount: Int, heldBytes: Int) {
    withLock {
      (
        pins.reduce(0) { $0 + $1.count }, pins.count, heldByteCount.load(ordering: .relaxed)
      )
    }
  }

  // MARK: By the writer

  /// Whether there is no snapshot. Called by the writer after it has published a version.
  ///
  /// If true, a snapshot that is taken later has that version or a newer one.
  @inline(__always)
  var isEmpty: Bool { snapshotCount.load(ordering: .sequentiallyConsistent) == 0 }

  /// The newest pinned version that is older than `transaction`.
  func newest(before transaction: UInt64) -> UInt64? {
    withLock {
      let count = countOfPins(before: transaction)
      return count > 0 ? pins[count - 1].transaction : nil
    }
  }

  /// Takes over nodes that the version `transaction` sees, but neither the current version nor a
  /// pinned one in between.
  func hold(_ nodes: [HeldNode], for transaction: UInt64) {
    let bytes = nodes.reduce(0) { $0 + $1.blockBytes }
    heldByteCount.add(bytes, ordering: .relaxed)
    // The version's last snapshot may have been dropped meanwhile.
    if !append(nodes, to: transaction) { handOn(nodes, pinnedBefore: transaction) }
  }

  // MARK: Under the lock

  @inline(__always)
  private func withLock<R>(_ body: () -> R) -> R {
    monitor.lock()
    defer { monitor.unlock() }
    return body()
  }

  /// Called under `monitor`.
  private func index(of transaction: UInt64) -> Int? {
    let index = countOfPins(before: transaction)
    return index < pins.count && pins[index].transaction == transaction ? index : nil
  }

  /// A binary search. Called under `monitor`.
  private func countOfPins(before transaction: UInt64) -> Int {
    var (low, high) = (0, pins.count)
    while low < high {
      let middle = (low + high) / 2
      if pins[middle].transaction < transaction { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Returns false if the version is no longer pinned.
  private func append(_ nodes: [HeldNode], to transaction: UInt64) -> Bool {
    withLock {
      guard let index = index(of: transaction) else { return false }
      pins[index].held += nodes
      return true
    }
  }

  // MARK: Handing on

  /// After a grace period, on the reclaimer's thread, finds out who still sees `nodes`, now that
  /// `transaction`, the newest pinned version that saw them, is no longer pinned. Readers in their
  /// sections may see them, too.
  private func handOn(_ nodes: [HeldNode], pinnedBefore transaction: UInt64) {
    guard !nodes.isEmpty else { return }
    // The nodes don't count for the domain's limits, since their memory belongs to the pool.
    RCU.afterGracePeriod(mayWait: false) { [self] in distribute(nodes, transaction) }
  }

  /// Moves `nodes` to the newest pinned version before `transaction` that sees them, and returns
  /// the others to the pool.
  private func distribute(_ nodes: [HeldNode], _ transaction: UInt64) {
    var nodes = nodes
    var transaction = transaction
    while !nodes.isEmpty {
      guard let older = newest(before: transaction) else { break }
      // Meanwhile, only this thread has the nodes: they are on no list, and not in the pool.
      let start = nodes.partition { $0.transaction > older }
      giveBack(Array(nodes[start...]))
      nodes.removeSubrange(start...)
      if nodes.isEmpty || append(nodes, to: older) { return }
      transaction = older
    }
    giveBack(nodes)
  }

  private func giveBack(_ nodes: [HeldNode]) {
    guard !nodes.isEmpty else { return }
    var bytes = 0
    for node in nodes {
      bytes += node.blockBytes
      node.releaseObjects()
    }
    heldByteCount.subtract(bytes, ordering: .relaxed)
    pool.giveBack(kept: nodes.map(\.word))
  }
}
