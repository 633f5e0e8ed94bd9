// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if Metrics
  public import CoreMetrics
  internal import ReadCopyUpdate
  internal import VirtualMemory

  /// Reports what a service of maps does through swift-metrics.
  ///
  /// ```swift
  /// let metrics = MapsMetrics(service)
  /// async let work: Void = metrics.run()          // until it is cancelled
  /// ```
  ///
  /// Nothing is counted on read paths. The handles are created once, by the initialiser.
  ///
  /// Gauges:
  ///
  /// - `maps_processes`, `maps_mirrors`: the processes in the service, and how many are mirrors.
  /// - `maps_mappings`: the mappings of all processes.
  /// - `maps_contended_mirrors`: the mirrors whose processes change faster than they can be read.
  /// - `maps_oldest_answer_seconds`: for how long at most the answers of any mirror have been
  ///   unverified.
  ///
  /// Counters:
  ///
  /// - `maps_refreshes_total`, `maps_readings_total`, `maps_changes_total`: refreshes, readings of
  ///   whole texts, and refreshes that changed a copy.
  /// - `maps_contended_total`: refreshes that ended contended.
  /// - `maps_lost_records_total`: losses of records.
  ///
  /// Requires the package trait `Metrics`.
  ///
  /// - Threads: any.
  public final class MapsMetrics: Sendable {
    private let service: MapsService
    private let processes, mirrors, mappings, contended, oldest: Gauge
    private let counters: StatisticsCounters<MirrorStatistics>

    /// Creates the handles.
    ///
    /// - Parameters:
    ///   - service: the service.
    ///   - factory: the metrics system; `nil` for the one that the program has set up.
    public init(_ service: MapsService, factory: (any MetricsFactory)? = nil) {
      let factory = factory ?? MetricsSystem.factory
      func gauge(_ name: String) -> Gauge { Gauge(label: name, factory: factory) }
      self.service = service
      processes = gauge("maps_processes")
      mirrors = gauge("maps_mirrors")
      mappings = gauge("maps_mappings")
      contended = gauge("maps_contended_mirrors")
      oldest = gauge("maps_oldest_answer_seconds")
      counters = StatisticsCounters(
        [
          ("maps_refreshes_total", \.refreshCount),
          ("maps_readings_total", \.readingCount),
          ("maps_changes_total", \.changeCount),
          ("maps_contended_total", \.contendedCount),
          ("maps_lost_records_total", \.lostRecordsCount),
        ], startingFrom: MirrorStatistics(), factory: factory)
    }

    /// Reads the state of the service and reports it.
    ///
    /// - Threads: any.
    /// - Complexity: O(processes), and the calls of the metrics system.
    public func report() {
      counters.report {
        service.mirrorStatistics
      } _: { _ in
        var (count, mirrorCount, mappingCount, contendedCount) = (0, 0, 0, 0)
        var age = Duration.zero
        service.forEach { process in
          count += 1
          mappingCount += process.space.totals.count
          guard let mirror = process.mirror else { return }
          mirrorCount += 1
          switch mirror.freshness {
          case .contended: contendedCount += 1
          case .unverified(let duration): age = max(age, duration)
          case .current, .exited, .detached: break
          }
        }
        processes.record(count)
        mirrors.record(mirrorCount)
        mappings.record(mappingCount)
        contended.record(contendedCount)
        oldest.record(age / .seconds(1))
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
