// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage
internal import Synchronization

/// One version of an ``AddressSpace``, kept as long as the object lives.
///
/// ```swift
/// let before = space.snapshot()
/// try space.unmap(range)
/// let after = space.snapshot()
/// print(before.mapsText().string)                          // still as it was
/// for change in AddressSpace.difference(from: before, to: after) { print(change) }
/// ```
///
/// Everything that it shows belongs to that version, whenever it is read; nothing is copied. It
/// doesn't hold up anything: no read section is open, grace periods pass, and the writer goes on.
/// It costs memory: the nodes of the version that have been replaced since, and the files and names
/// that only those refer to. Nodes that were made and replaced later are recycled as usual, so a
/// snapshot never keeps more than one version, however long it lives. After the last snapshot of a
/// version is gone, its nodes can be reused after a grace period.
///
/// - Threads: any, and tasks; all at the same time. The last reference may be dropped anywhere,
///   even in a read section, since that doesn't wait. Reading needs neither a read section nor a
///   registered thread.
/// - Lifetime: a snapshot keeps its address space alive.
@safe
public final class MapsSnapshot: @unchecked Sendable {
  // Sendable: it is immutable, and so is everything that the version refers to, while the pin is
  // held.

  /// The address space to which the version belongs.
  public let space: AddressSpace
  private let version: Version

  fileprivate init(_ space: AddressSpace) {
    self.space = space
    // Sequentially consistent: pairs with the exchange in `AddressSpace.publish`, see there. This
    // includes an acquire: the version is seen as the writer left it.
    version = space.pins.pin {
      // Safety: the block holds a Version, and isn't reused before `pin` has ended.
      unsafe space.current.load(ordering: .sequentiallyConsistent)
        .assumingMemoryBound(to: Version.self).pointee
    }
  }

  deinit { space.pins.unpin(version.transaction) }

  /// Runs `body` with the version. `body` must do all its reading itself, since only the snapshot
  /// keeps the version alive.
  @inline(__always)
  func withVersion<R, E: Error>(_ body: (Version) throws(E) -> R) throws(E) -> R {
    // Otherwise, the last use of `self` could come before the reads.
    defer { withExtendedLifetime(self) {} }
    return try body(version)
  }

  /// The version's number: the ``AddressSpace/generation`` when the snapshot was taken.
  ///
  /// - Complexity: O(1).
  public var generation: UInt64 { version.generation }

  /// The number of VMAs.
  ///
  /// - Complexity: O(1).
  public var count: Int { version.mapCount }

  /// The number of mapped bytes: the sum of the VMAs' lengths.
  ///
  /// - Complexity: O(1).
  public var mappedBytes: UInt64 { version.pageCount * .page }
}

/// What an address space keeps for its snapshots.
public struct SnapshotStatistics: Sendable, Hashable, Codable {
  /// The number of live snapshots.
  public let snapshotCount: Int
  /// The number of versions that they keep.
  public let versionCount: Int
  /// The bytes of nodes that the current version doesn't use, and that snapshots keep from being
  /// reused. After the last snapshot of a version is gone, they count for one more grace period.
  public let heldBytes: Int
}

extension AddressSpace {
  /// The current version, kept until the snapshot is dropped.
  ///
  /// While there are snapshots, each change costs its writer two more short locks, and a reference
  /// count for each VMA of a leaf that is replaced for the first time since.
  ///
  /// - Threads: any, in a read section too; not in a signal handler. Doesn't wait for the writer:
  ///   it takes a lock that is only ever held for a few instructions.
  /// - Complexity: O(1), whatever the number of VMAs: it copies a few numbers.
  public func snapshot() -> MapsSnapshot { MapsSnapshot(self) }

  /// What the address space currently keeps for its snapshots.
  ///
  /// - Threads: any.
  /// - Complexity: O(versions kept).
  public var snapshotStatistics: SnapshotStatistics {
    let (snapshots, versions, bytes) = pins.statistics
    return SnapshotStatistics(
      snapshotCount: snapshots, versionCount: versions, heldBytes: bytes)
  }
}
