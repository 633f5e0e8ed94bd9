// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Bounds on what may wait for a grace period in one domain.
///
/// A retired pointee counts with its own size. Memory that it owns elsewhere, such as an array's
/// storage, isn't known unless the caller states it; bound such retirements by their count.
public struct RCULimits: Sendable, Hashable, Codable {
  /// The largest number of bytes that may wait. The default is 64 MiB: a reader that stalls for a
  /// second shouldn't cost more memory than a cache would.
  public var maximumPendingBytes: Int {
    didSet { require(maximumPendingBytes > 0, "RCULimits: limits must be positive") }
  }
  /// The largest number of retirements that may wait. The default is 1,048,576.
  public var maximumPendingCount: Int {
    didSet { require(maximumPendingCount > 0, "RCULimits: limits must be positive") }
  }

  /// Creates limits.
  ///
  /// - Precondition: they are positive.
  public init(maximumPendingBytes: Int = 64 << 20, maximumPendingCount: Int = 1 << 20) {
    require(
      maximumPendingBytes > 0 && maximumPendingCount > 0, "RCULimits: limits must be positive")
    self.maximumPendingBytes = maximumPendingBytes
    self.maximumPendingCount = maximumPendingCount
  }
}

/// What a domain's reclaimer holds and has done, at one point in time.
public struct RCUStatistics: Sendable, Hashable, Codable {
  /// The number of retirements that wait for a grace period or are running.
  public internal(set) var pendingCount = 0
  /// The largest value of ``pendingCount`` so far.
  public internal(set) var pendingCountPeak = 0
  /// The bytes that wait for a grace period, as stated by the callers.
  public internal(set) var pendingBytes = 0
  /// The largest value of ``pendingBytes`` so far.
  public internal(set) var pendingBytesPeak = 0
  /// The number of retirements that have been executed.
  public internal(set) var executedCount = 0
  /// The number of grace periods that were waited for, by the reclaimer, by threads that helped it,
  /// and by `synchronize()`.
  public internal(set) var gracePeriodCount = 0
  /// How long those grace periods took.
  public internal(set) var gracePeriodLatency = RCULatencyHistogram()
  /// How often a thread waited to retire past a limit.
  public internal(set) var waitCount = 0
  /// How often a waiting thread found that the system refused to start a reclaimer thread, and
  /// reclaimed by itself.
  public internal(set) var helpCount = 0
  /// How often something was retired past a limit without waiting: inside a read section, in a
  /// deferred call, by a `deinit`, with `mayWait` false, because a deferred call didn't return, or,
  /// with a ``SleepableRCU``, in a task.
  public internal(set) var overLimitCount = 0
  /// The bytes of replaced nodes that wait for readers in the pools of all address spaces, without
  /// the reclaimer. For each space, up to half a mebibyte may be missing. Only `bp` has such pools.
  public internal(set) var poolBytes = 0
  /// How long the oldest of these nodes is known to have waited; zero if none is known to wait.
  public internal(set) var poolWait = Duration.zero
  /// The number of stalls reported; see ``RCUStallMonitor``.
  public internal(set) var stallCount = 0
}

/// A histogram of durations, in classes that double.
///
/// Class 0 counts durations below 2 ns; class `n` counts those from 2ⁿ to below 2ⁿ⁺¹ ns; the last
/// class also counts all longer ones.
public struct RCULatencyHistogram: Sendable {
  /// The occurrences in each class. The last class begins at 2⁴⁰ ns, or eighteen minutes.
  public private(set) var counts: InlineArray<41, Int>

  init() { counts = InlineArray(repeating: 0) }

  mutating func record(nanoseconds: UInt64) {
    counts[min(63 - (nanoseconds | 1).leadingZeroBitCount, counts.count - 1)] += 1
  }

  /// The number of all occurrences.
  public var count: Int {
    var sum = 0
    for index in counts.indices { sum += counts[index] }
    return sum
  }

  /// The latency that `percentile` percent of all occurrences didn't exceed, rounded up to the end
  /// of its class; `nil` if there are no occurrences.
  ///
  /// - Parameter percentile: 0 to 100.
  /// - Precondition: the percentile is 0 to 100.
  /// - Complexity: O(number of classes).
  public func latency(atPercentile percentile: Double) -> Duration? {
    require(
      percentile >= 0 && percentile <= 100, "RCULatencyHistogram: a percentile must be 0 to 100")
    let total = count
    guard total > 0 else { return nil }
    let rank = max(1, Int((Double(total) * percentile / 100).rounded(.up)))
    var seen = 0
    for index in counts.indices {
      seen += counts[index]
      if seen >= rank { return .nanoseconds(Int64(1) << Int64(index + 1)) }
    }
    return nil
  }
}

extension RCULatencyHistogram: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }

  public func hash(into hasher: inout Hasher) {
    for index in counts.indices { hasher.combine(counts[index]) }
  }
}

/// Encoded as an array of the occurrences in each class.
extension RCULatencyHistogram: Codable {
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for index in counts.indices { try container.encode(counts[index]) }
  }

  public init(from decoder: any Decoder) throws {
    self.init()
    var container = try decoder.unkeyedContainer()
    for index in counts.indices { counts[index] = try container.decode(Int.self) }
  }
}
