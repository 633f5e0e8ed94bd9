// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

/// How a dump or a query deals with changes that happen meanwhile.
///
/// One interface for the three, so that they can be compared and tested alike.
public enum ReadingStrategy: Sendable, Hashable, Codable, CaseIterable {
  /// Reads one immutable version in an RCU read section: never waits, never looks anything up
  /// twice, never holds up a writer, and sees the address space as of one instant. The default.
  case snapshot
  /// The kernel series' way: VMA by VMA, copies the record in an RCU read section, validates the
  /// copy against the sequence counter of the `SpeculativeRWLock`, pins what the copy refers to,
  /// validates again. A change anywhere makes it look up the next VMA anew, from the last end that
  /// it reported; after four failures it takes the read lock for one VMA.
  case speculative
  /// The kernel's way before the series: holds the read lock for one chunk, or one query.
  case locked

  /// Failed attempts at one VMA before ``speculative`` takes the lock. The series had no bound;
  /// its reviewers asked for three to five.
  static var maximumSpeculationAttempts: Int { 4 }
}

/// How often speculative readers of an address space were disturbed.
public struct SpeculationStatistics: Sendable, Hashable, Codable {
  /// Attempts that a change made repeat.
  public let retryCount: UInt64
  /// VMAs read under the lock because four attempts at them failed.
  public let fallbackCount: UInt64
}

extension AddressSpace {
  /// What ``ReadingStrategy/speculative`` cost so far.
  public var speculationStatistics: SpeculationStatistics {
    SpeculationStatistics(
      retryCount: speculationRetryCount.load(ordering: .relaxed),
      fallbackCount: speculationFallbackCount.load(ordering: .relaxed))
  }
}
