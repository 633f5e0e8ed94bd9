// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Bounds on what may wait for a grace period in one domain.
///
/// A retired pointee counts with its own size. Memory that it owns elsewhere, such as an array's
/// storage, is not known: bound such retirements by their count.
public struct RCULimits: Sendable, Equatable {
  /// The most bytes that may wait. Default 64 MiB: a reader that stalls for a second must not cost
  /// more memory than a cache would.
  public var pendingBytesMax: Int {
    didSet { precondition(pendingBytesMax > 0, "RCULimits: limits are positive") }
  }
  /// The most retirements that may wait. Default 1,048,576.
  public var pendingCountMax: Int {
    didSet { precondition(pendingCountMax > 0, "RCULimits: limits are positive") }
  }

  public init(pendingBytesMax: Int = 64 << 20, pendingCountMax: Int = 1 << 20) {
    precondition(pendingBytesMax > 0 && pendingCountMax > 0, "RCULimits: limits are positive")
    self.pendingBytesMax = pendingBytesMax
    self.pendingCountMax = pendingCountMax
  }
}

/// What a domain's reclaimer holds and has done, at one instant.
public struct RCUStatistics: Sendable, Equatable {
  /// Retirements that wait for a grace period or run now.
  public internal(set) var pendingCount = 0
  /// Bytes that wait for a grace period, as the callers stated them.
  public internal(set) var pendingBytes = 0
  /// The largest that ``pendingBytes`` has been.
  public internal(set) var pendingBytesPeak = 0
  /// Retirements executed.
  public internal(set) var executedCount = 0
  /// Grace periods waited for, by the reclaimer and by `synchronize()`.
  public internal(set) var gracePeriodCount = 0
  /// How often a retiring thread waited for the reclaimer, past a limit.
  public internal(set) var waitCount = 0
  /// How often a thread retired past a limit where it could not wait: inside a read section, or on
  /// the reclaimer thread.
  public internal(set) var overLimitCount = 0
}
