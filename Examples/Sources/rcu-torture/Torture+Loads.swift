// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import Synchronization

extension Torture {
  /// Between two loads the readers and updaters are by themselves.
  private static var pauseMicroseconds: UInt32 { 20_000 }
  private static var floodThreadCount: Int { 2 }
  private static var churnThreadCount: Int { 32 }
  private static var churnSectionCount: Int { 200 }

  /// One load after the other.
  ///
  /// - Parameter threads: readers and updaters, which last longer than the loads.
  func runLoads(on threads: [TortureThread]) {
    while readyCount.load(ordering: .acquiring) < threads.count {
      if loadsAreStopping { return }
      usleep(500)
    }
    while !loadsAreStopping && !settings.loads.isEmpty {
      for load in settings.loads where !loadsAreStopping {
        currentLoad.withLock { $0 = load }
        switch load {
        case .stall: causeStall()
        case .flood: flood()
        case .churn: churnThreads()
        case .fork: forkChild()
        case .threadless: forkThreadlessChild()
        case .signals: interrupt(threads)
        case .ends: endThreads()
        }
        currentLoad.withLock { $0 = nil }
        usleep(Self.pauseMicroseconds)
      }
    }
  }

  // MARK: - Stall

  /// A reader stays until the monitor has named it.
  private func causeStall() {
    let name = "stall-\(done[.stalls])"
    let stall = TortureThread(name) {
      Flavor.asReader {
        Domain.withReadSection { _ in
          // Somebody waits for this section.
          _ = Domain.startGracePeriod()
          usleep(UInt32(Settings.stallMilliseconds) * 1000)
          if !self.waitPatiently({ self.stalls.hasNamed(name) || self.failures.total > 0 }) {
            self.failures.report(.stall, "thread \(name) in a section of \(Flavor.name)")
          }
        }
      }
    }
    stall.join()
    done.add(.stalls)
  }

  // MARK: - Flood

  /// Deferred calls without pause, while a section keeps them from running: until a thread that
  /// defers has to wait.
  private func flood() {
    let waitsBefore = Domain.statistics.waitCount
    let flood = FloodState()
    let holder = TortureThread("flood-holder") {
      Flavor.asReader {
        Domain.withReadSection { _ in
          flood.isHeld.store(true, ordering: .releasing)
          let hasWaited = self.waitPatiently {
            let statistics = Domain.statistics
            return statistics.waitCount > waitsBefore || Self.isFarAboveLimits(statistics)
              || self.failures.total > 0
          }
          if !hasWaited { self.failures.report(.limits, "no thread waited in a flood") }
          flood.isStopping.store(true, ordering: .relaxed)
        }
      }
    }
    while !flood.isHeld.load(ordering: .acquiring) { usleep(100) }
    let threads = (0..<Self.floodThreadCount).map { index in
      TortureThread("flood-\(index)") {
        while !flood.isStopping.load(ordering: .relaxed) {
          flood.begun.wrappingAdd(1, ordering: .relaxed)
          Domain.afterGracePeriod(bytes: Settings.floodBytes) {
            flood.ended.wrappingAdd(1, ordering: .relaxed)
          }
        }
      }
    }
    for thread in threads { thread.join() }
    holder.join()
    Domain.barrier()
    let (begun, ended) = (
      flood.begun.load(ordering: .relaxed), flood.ended.load(ordering: .relaxed)
    )
    if begun != ended {
      failures.report(.lost, "\(begun - ended) of \(begun) calls of a flood after a barrier")
    }
    checkLimits()
    done.add(.floods)
    done.add(.deferredCalls, begun)
  }

  private final class FloodState: Sendable {
    let isHeld = Atomic(false)
    let isStopping = Atomic(false)
    let begun = Atomic(0)
    let ended = Atomic(0)
  }

  private static func isFarAboveLimits(_ statistics: RCUStatistics) -> Bool {
    statistics.pendingCount > 3 * Settings.limits.maximumPendingCount
  }

  /// Each thread outside of sections may be past a limit by one; who can't wait is counted.
  func checkLimits() {
    let statistics = Domain.statistics
    let slack =
      settings.updaterCount + settings.readerCount + Self.floodThreadCount
      + Self.churnThreadCount + statistics.overLimitCount
    let maximumCount = Settings.limits.maximumPendingCount + slack
    let maximumBytes = Settings.limits.maximumPendingBytes + slack * Settings.floodBytes
    if statistics.pendingCountPeak > maximumCount || statistics.pendingBytesPeak > maximumBytes {
      failures.report(
        .limits,
        """
        \(statistics.pendingCountPeak) retirements with \(statistics.pendingBytesPeak) bytes, above \
        \(maximumCount) or \(maximumBytes)
        """)
    }
  }

  // MARK: - Churn

  /// Threads that read, retire and end; some inside of nothing, some with pending retirements.
  private func churnThreads() {
    let threads = (0..<Self.churnThreadCount).map { index in
      TortureThread("churn-\(index)") {
        Flavor.asReader {
          var random = Random(seed: index)
          for _ in 0..<Self.churnSectionCount {
            self.read(&random, self.handlerAges, depth: random.next(below: 2))
            Flavor.announce()
          }
          Domain.afterGracePeriod {}
        }
      }
    }
    for thread in threads { thread.join() }
    haveEnded(threads.count)
  }

  /// Threads that have been joined aren't listed any more.
  func haveEnded(_ count: Int) {
    done.add(.endedThreads, count)
    // Readers, updaters, the reclaimer, and whoever helps it.
    var maximumListed = settings.readerCount + settings.updaterCount + 4
    // A thread of bp that has read in the last round of its destructors is taken off the list when
    // another thread finds no entry unused; entries come by the page, and have more than 64 bytes
    // each.
    if settings.loads.contains(.ends) && Flavor.self == BulletproofFlavor.self {
      maximumListed += Int(getpagesize()) / 64
    }
    let listed = Domain.registeredThreadCount
    if listed > maximumListed {
      failures.report(.threadList, "\(listed) threads are listed, \(maximumListed) at most run")
    }
  }
}
