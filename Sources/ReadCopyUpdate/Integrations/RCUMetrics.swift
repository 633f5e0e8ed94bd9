// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if Metrics
  public import CoreMetrics

  /// Reports the statistics of a domain through swift-metrics.
  ///
  /// ```swift
  /// let metrics = RCUMetrics(RCU.self)
  /// async let work: Void = metrics.run()          // until it is cancelled
  /// ```
  ///
  /// Nothing is counted on read paths: the statistics are read each time that they are reported.
  /// The handles are created once, by the initialiser.
  ///
  /// Gauges:
  ///
  /// - `rcu_pending_count`, `rcu_pending_bytes`: what waits for a grace period.
  /// - `rcu_pool_bytes`, `rcu_pool_wait_seconds`: what waits in the pools of address spaces, and
  ///   for how long the oldest has waited.
  /// - `rcu_grace_period_seconds`: the latency of all grace periods so far, with the dimension
  ///   `quantile`: 0.5, 0.99.
  ///
  /// Counters:
  ///
  /// - `rcu_executed_total`: retirements that have been executed.
  /// - `rcu_grace_periods_total`: grace periods that were waited for.
  /// - `rcu_waits_total`: threads that waited to retire past a limit.
  /// - `rcu_over_limit_total`: retirements past a limit that didn't wait.
  /// - `rcu_stalls_total`: reported stalls.
  ///
  /// All have the dimension `domain`.
  ///
  /// Requires the package trait `Metrics`.
  ///
  /// - Threads: any.
  public final class RCUMetrics: Sendable {
    private let statistics: @Sendable () -> RCUStatistics
    private let gauges: Gauges
    private let counters: StatisticsCounters<RCUStatistics>

    private struct Gauges: Sendable {
      let pendingCount, pendingBytes, poolBytes, poolWait: Gauge
      let latencies: [(percentile: Double, gauge: Gauge)]
    }

    /// Creates the handles for a flavor's domain.
    ///
    /// - Parameters:
    ///   - domain: the domain, such as `RCU.self`.
    ///   - factory: the metrics system; `nil` for the one that the program has set up.
    public convenience init<Flavor: RCUFlavor>(
      _ domain: RCUDomain<Flavor>.Type, factory: (any MetricsFactory)? = nil
    ) {
      self.init(domainName: Flavor.name, factory: factory) { RCUDomain<Flavor>.statistics }
    }

    /// Creates the handles for a ``SleepableRCU``.
    ///
    /// - Parameters:
    ///   - domain: the domain.
    ///   - name: the value of the dimension `domain`.
    ///   - factory: the metrics system; `nil` for the one that the program has set up.
    public convenience init(
      _ domain: SleepableRCU, named name: String, factory: (any MetricsFactory)? = nil
    ) {
      self.init(domainName: name, factory: factory) { domain.statistics }
    }

    private init(
      domainName: String, factory: (any MetricsFactory)?,
      _ statistics: @escaping @Sendable () -> RCUStatistics
    ) {
      let factory = factory ?? MetricsSystem.factory
      let dimensions = [("domain", domainName)]
      func gauge(_ name: String, _ more: [(String, String)] = []) -> Gauge {
        Gauge(label: name, dimensions: dimensions + more, factory: factory)
      }
      self.statistics = statistics
      gauges = Gauges(
        pendingCount: gauge("rcu_pending_count"), pendingBytes: gauge("rcu_pending_bytes"),
        poolBytes: gauge("rcu_pool_bytes"), poolWait: gauge("rcu_pool_wait_seconds"),
        latencies: [50.0, 99.0].map {
          ($0, gauge("rcu_grace_period_seconds", [("quantile", "\($0 / 100)")]))
        })
      counters = StatisticsCounters(
        [
          ("rcu_executed_total", \.executedCount),
          ("rcu_grace_periods_total", \.gracePeriodCount),
          ("rcu_waits_total", \.waitCount),
          ("rcu_over_limit_total", \.overLimitCount),
          ("rcu_stalls_total", \.stallCount),
        ], startingFrom: RCUStatistics(), dimensions: dimensions, factory: factory)
    }

    /// Reads the statistics and reports them.
    ///
    /// - Threads: any.
    /// - Complexity: O(1): a short lock for the statistics, and the calls of the metrics system.
    public func report() {
      counters.report(statistics) { now in
        gauges.pendingCount.record(now.pendingCount)
        gauges.pendingBytes.record(now.pendingBytes)
        gauges.poolBytes.record(now.poolBytes)
        gauges.poolWait.record(now.poolWait / .seconds(1))
        for (percentile, gauge) in gauges.latencies {
          let latency = now.gracePeriodLatency.latency(atPercentile: percentile) ?? .zero
          gauge.record(latency / .seconds(1))
        }
      }
    }

    /// Reports at regular intervals, until the task is cancelled.
    ///
    /// - Parameter interval: the time between two reports.
    public func run(every interval: Duration = .seconds(10)) async {
      repeat { report() } while (try? await Task.sleep(for: interval)) != nil
    }
  }
#endif
