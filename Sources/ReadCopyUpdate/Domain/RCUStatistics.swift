// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Bounds on what may wait for a grace period in one domain.
///
/// A retired pointee counts with its own size. Memory that it owns elsewhere, such as an array's
/// storage, is not known: bound such retirements by their count.
public struct RCULimits: Sendable, Hashable, Codable {
  /// The most bytes that may wait. Default 64 MiB: a reader that stalls for a second must not cost
  /// more memory than a cache would.
  public var maximumPendingBytes: Int {
    didSet { require(maximumPendingBytes > 0, "RCULimits: limits are positive") }
  }
  /// The most retirements that may wait. Default 1,048,576.
  public var maximumPendingCount: Int {
    didSet { require(maximumPendingCount > 0, "RCULimits: limits are positive") }
  }

  /// Bounds of these sizes.
  ///
  /// - Precondition: they are positive.
  public init(maximumPendingBytes: Int = 64 << 20, maximumPendingCount: Int = 1 << 20) {
    require(maximumPendingBytes > 0 && maximumPendingCount > 0, "RCULimits: limits are positive")
    self.maximumPendingBytes = maximumPendingBytes
    self.maximumPendingCount = maximumPendingCount
  }
}

/// What a domain's reclaimer holds and has done, at one instant.
public struct RCUStatistics: Sendable, Hashable, Codable {
  /// Retirements that wait for a grace period or run now.
  public internal(set) var pendingCount = 0
  /// The largest that ``pendingCount`` has been.
  public internal(set) var pendingCountPeak = 0
  /// Bytes that wait for a grace period, as the callers stated them.
  public internal(set) var pendingBytes = 0
  /// The largest that ``pendingBytes`` has been.
  public internal(set) var pendingBytesPeak = 0
  /// Retirements executed.
  public internal(set) var executedCount = 0
  /// Grace periods waited for, by the reclaimer, by helping threads and by `synchronize()`.
  public internal(set) var gracePeriodCount = 0
  /// How long those took.
  public internal(set) var gracePeriodLatency = RCULatencyHistogram()
  /// How often a retiring thread waited, past a limit.
  public internal(set) var waitCount = 0
  /// How often a thread that waited found that the system lets no thread of the reclaimer start,
  /// and reclaimed by itself.
  public internal(set) var helpCount = 0
  /// How often something was retired past a limit without waiting: inside a read section, in a
  /// deferred call, by a `deinit`, where `mayWait` was false, where a deferred call didn't return,
  /// or, with a ``SleepableRCU``, in a task.
  public internal(set) var overLimitCount = 0
  /// Bytes of replaced nodes, of all address spaces together, that wait for readers in the pools of
  /// these, without the reclaimer. Up to half a mebibyte of each space isn't counted yet. Only `bp`
  /// has such.
  public internal(set) var poolBytes = 0
  /// How long the oldest of these nodes have been seen to wait; zero if none has.
  public internal(set) var poolWait = Duration.zero
  /// Stalls reported; see ``RCUStallMonitor``.
  public internal(set) var stallCount = 0
}

/// How often something took how long, in classes that double.
///
/// Class 0 counts what took less than 2 ns; class `n` what took from 2ⁿ to less than 2ⁿ⁺¹ ns; the
/// last one also all that took longer.
public struct RCULatencyHistogram: Sendable {
  /// Occurrences by class. 2⁴⁰ ns, where the last class begins, are eighteen minutes.
  public private(set) var counts: InlineArray<41, Int>

  init() { counts = InlineArray(repeating: 0) }

  mutating func record(nanoseconds: UInt64) {
    counts[min(63 - (nanoseconds | 1).leadingZeroBitCount, counts.count - 1)] += 1
  }

  /// All occurrences.
  public var count: Int {
    var sum = 0
    for index in counts.indices { sum += counts[index] }
    return sum
  }

  /// The latency, rounded up to the end of its class, that a share of all occurrences didn't
  /// exceed; `nil` if there are none.
  ///
  /// - Parameter percentile: 0 to 100.
  /// - Complexity: O(number of classes).
  public func latency(atPercentile percentile: Double) -> Duration? {
    require(
      percentile >= 0 && percentile <= 100, "RCULatencyHistogram: a percentile is 0 to 100")
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

/// As an array of the occurrences by class.
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
