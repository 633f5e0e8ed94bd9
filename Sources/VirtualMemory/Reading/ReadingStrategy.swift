// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

/// How a dump or a query deals with concurrent changes.
///
/// The three strategies share one interface, so that they can be compared and tested alike.
public enum ReadingStrategy: Sendable, Hashable, Codable, CaseIterable {
  /// Reads one immutable version in an RCU read section. It never waits, never looks anything up
  /// twice, never holds up a writer, and sees the address space at one moment. The default.
  case snapshot
  /// The kernel series' way, VMA by VMA: copies the record in an RCU read section, validates the
  /// copy against the sequence counter of the `SpeculativeRWLock`, pins what the copy refers to,
  /// and validates again. After any change, it looks up the next VMA again, from the last end that
  /// it reported. After four failures, it takes the read lock for one VMA.
  case speculative
  /// The kernel's way before the series: holds the read lock for one chunk or one query.
  case locked

  /// The failed attempts at one VMA after which ``speculative`` takes the lock. The series had no
  /// bound; its reviewers asked for three to five.
  static var maximumSpeculationAttempts: Int { 4 }
}

/// How often changes disturbed the speculative readers of an address space.
public struct SpeculationStatistics: Sendable, Hashable, Codable {
  /// The number of attempts that were repeated because of a change.
  public let retryCount: UInt64
  /// The number of VMAs that were read under the lock after four failed attempts.
  public let fallbackCount: UInt64
}

extension AddressSpace {
  /// How often ``ReadingStrategy/speculative`` has been disturbed so far.
  ///
  /// - Memory ordering: relaxed.
  /// - Threads: any.
  public var speculationStatistics: SpeculationStatistics {
    SpeculationStatistics(
      retryCount: speculationRetryCount.load(ordering: .relaxed),
      fallbackCount: speculationFallbackCount.load(ordering: .relaxed))
  }
}
