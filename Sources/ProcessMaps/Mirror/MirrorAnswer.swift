// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory
internal import _SystemShims

/// Whether a mirror follows its process.
public enum MirrorState: UInt8, Sendable, Hashable, Codable {
  /// It does.
  case live
  /// The process changes faster than it can be read: the copy may mix what was never there at one
  /// instant.
  case contended
  /// The process has exited, or has begun another program that can't be followed. The copy is the
  /// last that was read.
  case exited
  /// It was detached. The copy is the last that was read.
  case detached
}

/// What is known of how fresh an answer is.
public enum MirrorFreshness: Sendable, Hashable {
  /// The kernel has been asked for this answer.
  case current
  /// The process may have changed in this time, since the map was read last.
  case unverified(for: Duration)
  /// The process changes faster than it can be read.
  case contended
  /// The process has exited: the answer is how it was at the end, as far as it was read.
  case exited
  /// The mirror was detached: the answer is how it was then.
  case detached
}

/// What a mirror says of an address, and what that is worth.
public struct MirrorAnswer: Sendable, Hashable {
  /// The VMA at the address, or `nil`; with the generation of the version that was asked.
  public var vma: QueryResult?
  var asOfNanoseconds: UInt64
  var state: MirrorState
  var isVerified: Bool

  /// The VMA was so at some instant since this time, of the monotonic clock (`CLOCK_MONOTONIC`).
  public var asOf: Duration { .nanoseconds(Int64(asOfNanoseconds)) }

  /// How fresh the answer is now.
  ///
  /// - Complexity: reads the clock.
  public var freshness: MirrorFreshness {
    switch state {
    case .contended: .contended
    case .exited: .exited
    case .detached: .detached
    case .live:
      isVerified
        ? .current
        : .unverified(
          for: .nanoseconds(Int64(sysshims_now() &- min(sysshims_now(), asOfNanoseconds))))
    }
  }
}
