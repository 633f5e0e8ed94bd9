// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory
internal import _SystemShims

/// Whether a mirror still follows its process.
public enum MirrorState: UInt8, Sendable, Hashable, Codable {
  /// The mirror follows its process.
  case live
  /// The process changes its map faster than the mirror can read it. The copy may combine mappings
  /// that never existed at the same instant.
  case contended
  /// The process has exited, or has started another program that can't be followed. The copy is as
  /// of the last reading.
  case exited
  /// The mirror was detached. The copy is as of the last reading.
  case detached
}

/// How fresh an answer is, as far as that is known.
public enum MirrorFreshness: Sendable, Hashable {
  /// The kernel was asked for this answer.
  case current
  /// The map was last confirmed this long ago. The process may have changed it since.
  case unverified(for: Duration)
  /// The process changes its map faster than the mirror can read it.
  case contended
  /// The process has exited. The answer shows its map at the last reading.
  case exited
  /// The mirror was detached. The answer shows the map at the last reading.
  case detached
}

/// A mirror's answer for an address, and how fresh it is.
public struct MirrorAnswer: Sendable, Hashable {
  /// The VMA at the address, with the generation of the version from which it comes; `nil` if
  /// nothing is mapped there.
  public var vma: QueryResult?
  var asOfNanoseconds: UInt64
  var state: MirrorState
  var isVerified: Bool
  /// The time about which an answer from the past was asked; `nil` for an answer about now.
  var askedNanoseconds: UInt64?

  /// A lower bound on the answer's time: the VMA was as shown at some instant since then. It is a
  /// time of the monotonic clock (`CLOCK_MONOTONIC`).
  ///
  /// - Complexity: O(1).
  public var asOf: Duration { .nanoseconds(Int64(asOfNanoseconds)) }

  /// How fresh the answer is: now, or, if it is about an earlier time, then. An answer that the
  /// kernel gave stays ``MirrorFreshness/current``: it was so at ``asOf``.
  ///
  /// - Threads: any; signal handlers, too.
  /// - Complexity: O(1); reads the clock.
  public var freshness: MirrorFreshness {
    switch state {
    case .contended: .contended
    case .exited: .exited
    case .detached: .detached
    case .live:
      isVerified ? .current : .unverified(for: .nanoseconds(Int64(unverifiedNanoseconds)))
    }
  }

  /// From the last confirmation to now, or to the time asked about.
  private var unverifiedNanoseconds: UInt64 {
    let end = askedNanoseconds ?? sysshims_now()
    return end - min(end, asOfNanoseconds)
  }
}
