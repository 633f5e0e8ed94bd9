// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Histogram

/// The counts of one run.
struct RunOutcome: Codable {
  /// Latencies of map and unmap, nanoseconds.
  var latencies = LatencyHistogram()
  var seconds = 0.0
  var dumpCount = 0
  var queryCount = 0
  var retryCount: UInt64 = 0
  var fallbackCount: UInt64 = 0
}

/// A distribution of nanoseconds, three digits exact.
struct LatencyHistogram: Codable {
  private(set) var histogram = Histogram<UInt64>(
    highestTrackableValue: 100_000_000_000, numberOfSignificantValueDigits: .three)

  init() {}

  mutating func record(_ nanoseconds: UInt64) { _ = histogram.record(nanoseconds) }
  mutating func add(_ other: LatencyHistogram) { histogram.add(other.histogram) }

  var count: UInt64 { histogram.totalCount }
  var mean: Double { histogram.mean }
  var max: UInt64 { histogram.max }
  func percentile(_ percentile: Double) -> UInt64 { histogram.valueAtPercentile(percentile) }

  // As pairs of value and count.
  init(from decoder: any Decoder) throws {
    for pair in try decoder.singleValueContainer().decode([[UInt64]].self) {
      _ = histogram.record(pair[0], count: pair[1])
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(histogram.recordedValues().map { [$0.value, $0.count] })
  }
}

/// All runs of one strategy.
struct RaceResult {
  var strategy: Strategy
  var total = RunOutcome()
  /// The worst latency of each run, nanoseconds.
  var runMaxima: [UInt64] = []

  init(strategy: Strategy) { self.strategy = strategy }

  mutating func add(_ outcome: RunOutcome) {
    total.latencies.add(outcome.latencies)
    total.seconds += outcome.seconds
    total.dumpCount += outcome.dumpCount
    total.queryCount += outcome.queryCount
    total.retryCount += outcome.retryCount
    total.fallbackCount += outcome.fallbackCount
    runMaxima.append(outcome.latencies.max)
  }

  /// The share of runs whose maximum is above `milliseconds`, 0 to 1.
  func shareOfRuns(aboveMilliseconds milliseconds: Double) -> Double {
    runMaxima.share(aboveMilliseconds: milliseconds)
  }
}

extension [UInt64] {
  /// The share of these nanoseconds that are above `milliseconds`, 0 to 1.
  func share(aboveMilliseconds milliseconds: Double) -> Double {
    let above = count { Double($0) > milliseconds * 1e6 }
    return Double(above) / Double(Swift.max(count, 1))
  }
}

/// The JSON form. Latencies in nanoseconds, rates per second.
struct RaceReport: Encodable {
  var settings: RaceSettings
  var strategies: [Row]
  var calibration: Calibration?

  struct Row: Encodable {
    var strategy: Strategy
    var operations: UInt64
    var latencyMean: Double
    var latencyP50: UInt64
    var latencyP99: UInt64
    var latencyP999: UInt64
    var maximumLatency: UInt64
    var runMaxima: [UInt64]
    var shareOfRunsAboveHalfMillisecond: Double
    var shareOfRunsAboveOneMillisecond: Double
    var dumpsPerSecond: Double
    var queriesPerSecond: Double
    var retries: UInt64
    var fallbacks: UInt64
    var latencies: LatencyHistogram
  }

  init(settings: RaceSettings, results: [RaceResult], calibration: Calibration?) {
    self.settings = settings
    self.calibration = calibration
    strategies = results.map { result in
      let latencies = result.total.latencies
      return Row(
        strategy: result.strategy, operations: latencies.count, latencyMean: latencies.mean,
        latencyP50: latencies.percentile(50), latencyP99: latencies.percentile(99),
        latencyP999: latencies.percentile(99.9), maximumLatency: latencies.max,
        runMaxima: result.runMaxima,
        shareOfRunsAboveHalfMillisecond: result.shareOfRuns(aboveMilliseconds: 0.5),
        shareOfRunsAboveOneMillisecond: result.shareOfRuns(aboveMilliseconds: 1),
        dumpsPerSecond: Double(result.total.dumpCount) / result.total.seconds,
        queriesPerSecond: Double(result.total.queryCount) / result.total.seconds,
        retries: result.total.retryCount, fallbacks: result.total.fallbackCount,
        latencies: latencies)
    }
  }
}
