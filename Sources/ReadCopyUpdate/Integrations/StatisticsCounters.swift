// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if Metrics
  package import CoreMetrics

  /// Counters of swift-metrics that follow numbers of statistics, which only ever grow.
  package struct StatisticsCounters<Statistics: Sendable>: Sendable {
    private let counters: [(counter: Counter, value: any KeyPath<Statistics, Int> & Sendable)]
    /// What the counters have been told so far.
    private let reported: Guarded<Statistics>

    package init(
      _ values: [(name: String, value: any KeyPath<Statistics, Int> & Sendable)],
      startingFrom first: Statistics, dimensions: [(String, String)] = [],
      factory: any MetricsFactory
    ) {
      counters = values.map {
        (Counter(label: $0.name, dimensions: dimensions, factory: factory), $0.value)
      }
      reported = Guarded(first)
    }

    /// Increments the counters by what the numbers have grown since the last report, and calls
    /// `body` with the statistics, all of it under a lock: two reports at once count nothing twice,
    /// and the later one has the last word.
    package func report(_ statistics: () -> Statistics, _ body: (Statistics) -> Void) {
      reported.withLock { last in
        let now = statistics()
        for (counter, value) in counters {
          let growth = now[keyPath: value] - last[keyPath: value]
          if growth > 0 { counter.increment(by: growth) }
        }
        last = now
        body(now)
      }
    }
  }
#endif
