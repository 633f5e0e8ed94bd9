// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// A version of a mirror, and the time over which it was confirmed.
struct KeptVersion {
  let snapshot: MapsSnapshot
  /// When the first and the last reading that confirmed the version began, in nanoseconds of
  /// `sysshims_now`.
  let firstSeen: UInt64
  var lastSeen: UInt64
}

/// The versions that a mirror keeps, the current one last.
struct MirrorHistory {
  let limits: MirrorHistoryLimits
  private var versions: [KeptVersion] = []

  init(_ limits: MirrorHistoryLimits) { self.limits = limits }

  /// Records that a reading that began at `time` confirmed the current version of `space`. Drops
  /// the versions that exceed the limits.
  mutating func note(_ space: AddressSpace, at time: UInt64) {
    guard limits.maximumVersionCount > 0 else { return }
    if let last = versions.last, last.snapshot.generation == space.generation {
      versions[versions.count - 1].lastSeen = time
    } else {
      versions.append(
        KeptVersion(snapshot: space.snapshot(), firstSeen: time, lastSeen: time))
    }
    let age = limits.maximumAge.nanosecondsOrLimit
    while versions.count > 1,
      versions.count > limits.maximumVersionCount + 1
        || versions[1].firstSeen < time - min(time, age)
        || space.snapshotStatistics.heldBytes > limits.maximumBytes
    {
      versions.removeFirst()
    }
  }

  /// The latest version that was confirmed at or before `time`.
  func version(at time: UInt64) -> KeptVersion? { versions.last { $0.firstSeen <= time } }
}
