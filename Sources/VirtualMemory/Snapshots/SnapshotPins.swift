// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// The versions of one address space that snapshots keep, and the nodes that are held for them.
///
/// A node is visible in the versions from the write section that made it (its `transaction`) up to
/// the one before the section that replaced it. When it is replaced, the newest pinned version
/// decides: a node that is younger was never visible to a snapshot, and is retired as ever; an
/// older one is held, on that version's list. When the last snapshot of a version goes, what is on
/// its list and visible to the next older pinned version moves to that one's list, and the rest
/// goes back to the pool. Hence nodes are held exactly as long as a snapshot can see them, and what
/// a writer goes through beside a snapshot that lives long is recycled as if there were none.
///
/// A held leaf also holds the objects of its VMAs: it takes a reference when it is replaced, while
/// the version before still has its own, and drops it when it goes back.
///
/// Model: `Tests/Models/pins.pml`.
///
/// Threads: `pin` and `unpin` from any; `newest` and `hold` by the writer. The lock is held for a
/// few instructions, never while nodes are looked at.
@safe
final class SnapshotPins: @unchecked Sendable {
  // Sendable: `pins` is read and written under `monitor`, the rest is immutable or atomic.

  /// One version with snapshots.
  private struct Pin {
    /// The version's.
    let transaction: UInt64
    /// Snapshots of it.
    var count = 1
    /// Replaced nodes that it sees and no newer pinned version does.
    var held: [HeldNode] = []
  }

  // A pthread monitor, not Synchronization's Mutex: ThreadSanitizer doesn't see the latter.
  private let monitor = Monitor()
  // Ascending by transaction.
  private var pins: [Pin] = []
  // Snapshots, and those about to be: written under `monitor`, read by the writer without it.
  private let snapshotCount = Atomic(0)
  // Statistics: written by whoever holds nodes or gives them back, relaxed.
  private let heldByteCount = Atomic(0)
  /// Where nodes go that nobody sees any more. Keeps the memory that they are in.
  private let pool: PoolShared

  init(returningTo pool: PoolShared) { self.pool = pool }

  // MARK: By snapshots

  /// Pins the version that `load` gives: the current one.
  ///
  /// No read section is needed to look at it. The count goes up before the load, and both are
  /// sequentially consistent, as the writer's exchange of the version and its look at the count
  /// are. A writer that replaces the version loaded here therefore finds the count above zero, and
  /// passes through `monitor` before it retires anything.
  func pin(_ load: () -> Version) -> Version {
    withLock {
      // Sequentially consistent: pairs with the exchange in `AddressSpace.publish`, see there.
      snapshotCount.add(1, ordering: .sequentiallyConsistent)
      let version = load()
      // Nobody finds an older version than the one before did.
      if let last = pins.indices.last, pins[last].transaction == version.transaction {
        pins[last].count += 1
      } else {
        pins.append(Pin(transaction: version.transaction))
      }
      return version
    }
  }

  /// The end of one snapshot of the version with the number `transaction`. Doesn't wait.
  func unpin(_ transaction: UInt64) {
    let orphaned = withLock { () -> [HeldNode] in
      defer {
        // Releasing: what was read through the snapshot happens before a writer that no longer sees
        // it reuses a node. Pairs with the load in `isEmpty`.
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

  /// Snapshots, versions that they keep, and bytes of nodes that are held for them alone.
  var statistics: (snapshotCount: Int, versionCount: Int, heldBytes: Int) {
    withLock {
      (
        pins.reduce(0) { $0 + $1.count }, pins.count, heldByteCount.load(ordering: .relaxed)
      )
    }
  }

  // MARK: By the writer

  /// Whether there is no snapshot. By the writer, after it has published a version.
  ///
  /// If it is true, a snapshot that is taken from now on finds that version or a later one.
  @inline(__always)
  var isEmpty: Bool { snapshotCount.load(ordering: .sequentiallyConsistent) == 0 }

  /// The newest pinned version that is older than `transaction`.
  func newest(before transaction: UInt64) -> UInt64? {
    withLock {
      let count = countOfPins(before: transaction)
      return count > 0 ? pins[count - 1].transaction : nil
    }
  }

  /// Takes over nodes that the version `transaction` sees, the current one doesn't, and no pinned
  /// one in between does.
  func hold(_ nodes: [HeldNode], for transaction: UInt64) {
    let bytes = nodes.reduce(0) { $0 + $1.blockBytes }
    heldByteCount.add(bytes, ordering: .relaxed)
    // Its last snapshot may have gone meanwhile.
    if !append(nodes, to: transaction) { handOn(nodes, pinnedBefore: transaction) }
  }

  // MARK: Under the lock

  @inline(__always)
  private func withLock<R>(_ body: () -> R) -> R {
    monitor.lock()
    defer { monitor.unlock() }
    return body()
  }

  /// Under `monitor`.
  private func index(of transaction: UInt64) -> Int? {
    let index = countOfPins(before: transaction)
    return index < pins.count && pins[index].transaction == transaction ? index : nil
  }

  /// Under `monitor`. A binary search.
  private func countOfPins(before transaction: UInt64) -> Int {
    var (low, high) = (0, pins.count)
    while low < high {
      let middle = (low + high) / 2
      if pins[middle].transaction < transaction { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// False if the version isn't pinned any more.
  private func append(_ nodes: [HeldNode], to transaction: UInt64) -> Bool {
    withLock {
      guard let index = index(of: transaction) else { return false }
      pins[index].held += nodes
      return true
    }
  }

  // MARK: Handing on

  /// After a grace period, on the reclaimer's thread, finds who still sees `nodes`, whose newest
  /// pinned version, `transaction`, is gone: readers in their sections may see them too.
  private func handOn(_ nodes: [HeldNode], pinnedBefore transaction: UInt64) {
    guard !nodes.isEmpty else { return }
    // No bytes for the domain's limits: their memory is the pool's.
    RCU.afterGracePeriod(mayWait: false) { [self] in distribute(nodes, transaction) }
  }

  /// Moves `nodes` to the newest pinned version before `transaction` that sees them; gives back the
  /// rest.
  private func distribute(_ nodes: [HeldNode], _ transaction: UInt64) {
    var nodes = nodes
    var transaction = transaction
    while !nodes.isEmpty {
      guard let older = newest(before: transaction) else { break }
      // The nodes are ours alone meanwhile: on no list, and not given back.
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
