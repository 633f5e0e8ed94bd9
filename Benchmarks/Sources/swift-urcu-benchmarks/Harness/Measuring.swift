// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation

/// How much is measured, and who takes part.
struct Effort {
  let rounds: Int
  let isQuick: Bool
  let peers: Peers

  /// What one sample of a loop takes at least. Long enough that the clock and the call cost nothing
  /// beside it, short enough that most samples pass without an interruption.
  var sampleNanoseconds: UInt64 { isQuick ? 200_000 : 20_000_000 }
  /// Updates per sample: twenty of them are beyond the 99.9th percentile.
  var updatesPerSample: Int { isQuick ? 500 : 20_000 }
  /// Callbacks per sample. liburcu's wait 10 ms each.
  var callbacksPerSample: Int { isQuick ? 2 : 20 }
  /// Retirements per sample: several of call_rcu's rounds of 10 ms, and fewer than our default
  /// limits allow to be pending.
  var retirementsPerSample: Int { isQuick ? 2_000 : 400_000 }
  /// How long a reader stalls.
  var stallNanoseconds: UInt64 { isQuick ? 20_000_000 : 1_000_000_000 }
  /// Rounds with a stalled reader.
  var maximumStalls: Int { 5 }

  /// How long updates are measured beside scanners.
  var windowNanoseconds: UInt64 { isQuick ? 3_000_000 : 300_000_000 }
  /// Rounds with scanners.
  var maximumWindows: Int { 7 }

  /// Fewer of what takes long to make.
  func scaled(_ vmaCount: Int) -> Int { isQuick ? min(vmaCount, 2_000) : vmaCount }
}

/// One line of the table.
struct Metric {
  let name: String
  /// What one unit of the value stands for.
  let meaning: String
  let unit: String
  /// The metric of the same group that this one is divided by; its own name for a baseline.
  let baseline: String
}

/// Something that is measured once a round and gives one value for each of its metrics.
struct Subject {
  let metrics: [Metric]
  let sample: () throws -> [Double]
}

extension Subject {
  /// Nanoseconds per iteration of a loop.
  ///
  /// - Parameters:
  ///   - baseline: `nil` for a baseline.
  ///   - iteration: how many of what is counted one iteration is.
  ///   - loop: runs as many iterations as it is told and returns something that depends on each,
  ///     so that the compiler can leave none out.
  static func loop(
    _ name: String, against baseline: String? = nil, meaning: String, effort: Effort,
    iteration: Double = 1, _ loop: @escaping (Int) throws -> Int
  ) -> Subject {
    let metric = Metric(
      name: name, meaning: meaning, unit: "ns", baseline: baseline ?? name)
    let nanoseconds = timer(effort, loop)
    return Subject(metrics: [metric]) { [try nanoseconds() / iteration] }
  }

  /// Bytes that a loop goes through in a microsecond, `iteration` of them each time.
  static func throughput(
    _ name: String, against baseline: String? = nil, meaning: String, effort: Effort,
    iteration: Int, _ loop: @escaping (Int) throws -> Int
  ) -> Subject {
    let metric = Metric(
      name: name, meaning: meaning, unit: "MB/s", baseline: baseline ?? name)
    let nanoseconds = timer(effort, loop)
    return Subject(metrics: [metric]) { [Double(iteration) * 1000 / (try nanoseconds())] }
  }

  /// Gives the nanoseconds of one iteration each time it is called.
  private static func timer(
    _ effort: Effort, _ loop: @escaping (Int) throws -> Int
  ) -> () throws -> Double {
    var count = 0
    return {
      if count == 0 {
        count = try calibrate(effort) {
          let start = baselines_now()
          Sink.take(try loop($0))
          return baselines_now() - start
        }
      }
      let start = baselines_now()
      Sink.take(try loop(count))
      return Double(baselines_now() - start) / Double(count)
    }
  }

  /// How many iterations make a sample.
  ///
  /// - Parameters:
  ///   - first: the smallest number; all are multiples of it.
  ///   - time: the nanoseconds of so many.
  static func calibrate(
    _ effort: Effort, from first: Int = 1, _ time: (Int) throws -> UInt64
  ) rethrows -> Int {
    var count = first
    while true {
      let taken = try time(count)
      if taken >= effort.sampleNanoseconds { return count }
      count *= taken * 8 < effort.sampleNanoseconds ? 4 : 2
    }
  }
}

/// Nanoseconds per iteration, as the median of 64 parts that follow one another: what the scheduler
/// interrupts is one part, not the whole. `nil` if no part counts.
///
/// - Parameters:
///   - unit: what the iterations of each part are a multiple of.
///   - counts: asked at the end of each part.
///   - run: runs so many iterations.
func medianOfParts(
  _ count: Int, unit: Int, counts: () -> Bool = { true }, _ run: (Int) -> Void
) -> Double? {
  // Calibration doubles: nothing is left over.
  let partCount = max(1, min(64, count / unit))
  let iterations = count / partCount
  var parts: [Double] = []
  parts.reserveCapacity(partCount)
  for _ in 0..<partCount {
    let start = baselines_now()
    run(iterations)
    let taken = baselines_now() - start
    if counts() { parts.append(Double(taken) / Double(iterations)) }
  }
  return parts.isEmpty ? nil : parts.median
}

/// Where results go that nobody looks at.
enum Sink {
  nonisolated(unsafe) private static var total = 0  // The main thread's.

  @inline(never)
  static func take(_ value: Int) { total &+= value }
}

/// What is measured in turns.
struct Group {
  let title: String
  let subjects: [Subject]
  /// For groups whose samples take so long that the rounds asked for would be too many.
  var maximumRounds = Int.max
  /// Checks, after the last round, that everybody did the same.
  var check: () throws -> Void = {}

  func measure(_ effort: Effort) throws -> GroupResult {
    var values = subjects.map { $0.metrics.map { _ in [Double]() } }
    for _ in 0..<min(effort.rounds, maximumRounds) {
      for (index, subject) in subjects.enumerated() {
        for (metric, value) in try subject.sample().enumerated() {
          values[index][metric].append(value)
        }
      }
    }
    try check()
    let metrics = subjects.flatMap(\.metrics)
    let all = Dictionary(
      uniqueKeysWithValues: zip(metrics.map(\.name), values.flatMap { $0 }))
    return GroupResult(
      title: title, rows: metrics.map { Row(metric: $0, all: all) })
  }
}

struct GroupResult {
  let title: String
  let rows: [Row]

  /// What each round gave for the row with that name.
  func values(of name: String) -> [Double]? { rows.first { $0.metric.name == name }?.values }
}

/// One metric's values, and their ratios to the baseline's of the same round.
struct Row {
  let metric: Metric
  let values: [Double]
  let ratios: [Double]

  init(metric: Metric, all: [String: [Double]]) {
    guard let values = all[metric.name], let baseline = all[metric.baseline] else {
      fail("“\(metric.name)” has no baseline “\(metric.baseline)”", code: 70)
    }
    self.metric = metric
    self.values = values
    ratios = zip(values, baseline).map { $0 / $1 }
    // 0 is good news for allocations, and impossible for the rest.
    let isCount = metric.unit == "times"
    guard (values + ratios).allSatisfy({ $0.isFinite && ($0 > 0 || isCount && $0 == 0) }) else {
      fail("“\(metric.name)” is not a positive number in each round: \(values)", code: 70)
    }
  }
}

extension [Double] {
  var median: Double {
    let sorted = self.sorted()
    let middle = count / 2
    return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
