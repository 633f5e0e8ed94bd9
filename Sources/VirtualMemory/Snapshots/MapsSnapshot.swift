// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage
internal import Synchronization

/// One version of an ``AddressSpace``, kept for as long as the object lives.
///
/// ```swift
/// let before = space.snapshot()
/// try space.unmap(range)
/// let after = space.snapshot()
/// print(before.mapsText().string)                          // still as it was
/// for change in AddressSpace.difference(from: before, to: after) { print(change) }
/// ```
///
/// All that it shows is of that version, whenever it is asked; nothing is copied. It holds up
/// nobody: no read section is open, grace periods pass, the writer goes on. What it costs is
/// memory: the nodes of the version that have been replaced since, and the files and names that
/// only they refer to. Nodes that came and went later are recycled as ever, so that a snapshot that
/// lives long keeps no more than one version. A grace period after the last snapshot of a version
/// has gone, its nodes can be used again.
///
/// - Threads: any, and tasks; all at the same time. The last reference may be dropped anywhere, in
///   a read section too: it doesn't wait. Reading needs no read section and no registered thread.
/// - Lifetime: a snapshot keeps its address space.
@safe
public final class MapsSnapshot: @unchecked Sendable {
  // Sendable: immutable, and so is all that the version refers to, while the pin is held.

  /// The address space that this is a version of.
  public let space: AddressSpace
  private let version: Version

  fileprivate init(_ space: AddressSpace) {
    self.space = space
    // Sequentially consistent: pairs with the exchange in `AddressSpace.publish`, see there. As
    // acquiring: the version is seen as the writer left it.
    version = space.pins.pin {
      // Safety: the block holds a Version, and is not reused before `pin` has ended.
      unsafe space.current.load(ordering: .sequentiallyConsistent)
        .assumingMemoryBound(to: Version.self).pointee
    }
  }

  deinit { space.pins.unpin(version.transaction) }

  /// Runs `body` with the version. What it reads of it, it reads in `body`: the snapshot lives as
  /// long.
  @inline(__always)
  func withVersion<R, E: Error>(_ body: (Version) throws(E) -> R) throws(E) -> R {
    // The last use of `self` could otherwise come before the reads.
    defer { withExtendedLifetime(self) {} }
    return try body(version)
  }

  /// The version's number: that of ``AddressSpace/generation`` when the snapshot was taken.
  public var generation: UInt64 { version.generation }

  /// The number of VMAs.
  public var count: Int { version.mapCount }

  /// Bytes mapped: the sum of the VMAs' lengths.
  public var mappedBytes: UInt64 { version.pageCount * .page }
}

/// What an address space keeps for its snapshots.
public struct SnapshotStatistics: Sendable, Hashable, Codable {
  /// Snapshots that are alive.
  public let snapshotCount: Int
  /// Versions that they keep.
  public let versionCount: Int
  /// Bytes of nodes that the current version doesn't use and snapshots keep from being recycled.
  /// After the last snapshot of a version they are counted for a grace period more.
  public let heldBytes: Int
}

extension AddressSpace {
  /// The current version, kept until the snapshot is dropped.
  ///
  /// While there are snapshots, each change costs its writer two short locks more, and a
  /// reference count per VMA of a leaf that is replaced for the first time since.
  ///
  /// - Threads: any, in read sections too. Doesn't wait for the writer: it takes a lock that is
  ///   held for some instructions at a time.
  /// - Complexity: O(1), whatever the number of VMAs: copies a few numbers.
  public func snapshot() -> MapsSnapshot { MapsSnapshot(self) }

  /// What the address space keeps for its snapshots now.
  ///
  /// - Complexity: O(versions kept).
  public var snapshotStatistics: SnapshotStatistics {
    let (snapshots, versions, bytes) = pins.statistics
    return SnapshotStatistics(
      snapshotCount: snapshots, versionCount: versions, heldBytes: bytes)
  }
}
