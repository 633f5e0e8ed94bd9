// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// A version that a mirror had, and when.
struct KeptVersion {
  let snapshot: MapsSnapshot
  /// When the first and the last reading began that confirmed it.
  let firstSeen: UInt64
  var lastSeen: UInt64
}

/// The versions that a mirror had.
struct MirrorHistory {
  let limits: MirrorHistoryLimits
  private var versions: [KeptVersion] = []

  init(_ limits: MirrorHistoryLimits) { self.limits = limits }

  /// Notes that the current version of `space` was confirmed by a reading that began at `time`.
  mutating func note(_ space: AddressSpace, at time: UInt64) {
    guard limits.maximumVersionCount > 0 else { return }
    if let last = versions.last, last.snapshot.generation == space.generation {
      versions[versions.count - 1].lastSeen = time
    } else {
      versions.append(
        KeptVersion(snapshot: space.snapshot(), firstSeen: time, lastSeen: time))
    }
    let age = UInt64(max(0, limits.maximumAge / .nanoseconds(1)))
    while versions.count > 1,
      versions.count > limits.maximumVersionCount + 1
        || versions[1].firstSeen < time - min(time, age)
        || space.snapshotStatistics.heldBytes > limits.maximumBytes
    {
      versions.removeFirst()
    }
  }

  /// The last version that was confirmed at `time` or before.
  func version(at time: UInt64) -> KeptVersion? { versions.last { $0.firstSeen <= time } }
}
