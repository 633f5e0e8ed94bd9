// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import Synchronization

/// What one flavor's run found.
struct Outcome: Sendable {
  let flavor: String
  let seconds: Double
  let done: [Int]
  let agesFound: [Int]
  let agesStaying: [Int]
  let statistics: RCUStatistics
  let failureCount: Int
  let failureLines: [String]
}

/// One flavor's run: what its threads share, and how they are started and ended.
///
/// Each updater owns a pointer, its slot. It publishes one element after the other there, and ages
/// those that it has taken out by one with each grace period. Readers look at any slot.
final class Torture<Flavor: RCUFlavor>: Sendable {
  typealias Domain = RCUDomain<Flavor>

  let settings: Settings
  let elements: ElementPool
  let slots: Slots
  let done = Counts(Done.allCases.count)
  let failures = FailureLog()
  let readersAges: [AgeHistogram]
  let handlerAges = AgeHistogram()
  let stalls = StallReports()

  /// Readers and updaters that have read, hence may be interrupted by a signal that reads.
  let readyCount = Atomic(0)
  /// Set by the main thread: loads end first, since signals need threads to go to.
  let loadsStop = Atomic(false)
  let threadsStop = Atomic(false)
  /// Deferred calls and tasks that have yet to come.
  let outstanding = Atomic(0)
  /// Whether the calling thread may read; no cast at run time, so that handlers may ask.
  let isReader: @Sendable () -> Bool
  /// The load that runs now, for the progress line.
  let currentLoad = Locked<Load?>(nil)

  init(_ settings: Settings) {
    self.settings = settings
    // One element more: the child processes'.
    elements = ElementPool(count: settings.updaterCount * Settings.elementsPerUpdater + 1)
    slots = Slots(count: settings.updaterCount)
    readersAges = (0..<settings.readerCount).map { _ in AgeHistogram() }
    isReader = Flavor.registrationCheck
  }

  /// The pointers; noncopyable, hence not in an array.
  struct Slots: @unchecked Sendable {
    // Sendable: a pointer is, and they are never freed.
    let count: Int
    private let pointers: UnsafeMutablePointer<Domain.Pointer<Handle>>

    init(count: Int) {
      self.count = count
      pointers = .allocate(capacity: count)
      for index in 0..<count { (pointers + index).initialize(to: Domain.Pointer()) }
    }

    subscript(_ index: Int) -> Domain.Pointer<Handle> {
      @inline(__always) unsafeAddress { UnsafePointer(pointers + index) }
    }
  }

  var isStopping: Bool { threadsStop.load(ordering: .relaxed) }
  var loadsAreStopping: Bool { loadsStop.load(ordering: .relaxed) }

  func run() -> Outcome {
    prepareDomain()
    let start = ContinuousClock.now
    var threads: [TortureThread] = []
    for index in 0..<settings.updaterCount {
      threads.append(TortureThread("updater-\(index)") { self.runUpdater(index) })
    }
    for index in 0..<settings.readerCount {
      threads.append(TortureThread("reader-\(index)") { self.runReader(index) })
    }
    let runningThreads = threads
    let loads = TortureThread("loads") { self.runLoads(on: runningThreads) }
    showProgress(since: start)
    loadsStop.store(true, ordering: .relaxed)
    loads.join()
    threadsStop.store(true, ordering: .relaxed)
    for thread in threads { thread.join() }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    drain()
    return outcome(seconds)
  }

  private func prepareDomain() {
    // Before the library's own key.
    _ = EndingThread.earlyKey
    RCUDebugging.poisonsReclaimedMemory = true
    if settings.mutant != .noLimits { Domain.limits = Settings.limits }
    Domain.stallMonitor = .disabled
    guard settings.mutant != .noStallMonitor else { return }
    let stalls = stalls
    Domain.stallMonitor = RCUStallMonitor(threshold: .milliseconds(Settings.stallMilliseconds)) {
      stalls.add($0)
    }
  }

  /// A line each second, to the end of the time or the first failure.
  private func showProgress(since start: ContinuousClock.Instant) {
    let end = start + .seconds(settings.seconds)
    var nextLine = start + .seconds(1)
    while ContinuousClock.now < end && failures.total == 0 {
      usleep(5000)
      guard ContinuousClock.now >= nextLine else { continue }
      let statistics = Domain.statistics
      let load = currentLoad.withLock { $0?.rawValue } ?? "none"
      printLine(
        """
        \(Flavor.name): \(Int((nextLine - start) / .seconds(1))) s, \(done[.reads]) reads, \
        \(done[.updates]) updates, \(statistics.gracePeriodCount) grace periods, \
        \(statistics.executedCount) callbacks, \(statistics.pendingCount) pending, load: \(load)
        """)
      nextLine += .seconds(1)
    }
  }

  /// Everything that was deferred must come to its end now.
  private func drain() {
    for index in 0..<slots.count { slots[index].clear() }
    // A chain of deferred calls has at most so many links.
    for _ in 0...Age.end { Domain.barrier() }
    let isDrained = waitPatiently { outstanding.load(ordering: .acquiring) == 0 }
    if !isDrained {
      failures.report(.lost, "\(outstanding.load(ordering: .relaxed)) at the end")
    }
    Domain.barrier()
    Domain.stallMonitor = .disabled
    let pending = Domain.statistics.pendingCount
    if pending != 0 { failures.report(.lost, "\(pending) retirements after the last barrier") }
    checkLimits()
  }

  private func outcome(_ seconds: Double) -> Outcome {
    let ages = readersAges + [handlerAges]
    return Outcome(
      flavor: Flavor.name, seconds: seconds, done: done.all,
      agesFound: (0...Age.end).map { age in ages.reduce(0) { $0 + $1.found[age] } },
      agesStaying: (0...Age.end).map { age in ages.reduce(0) { $0 + $1.staying[age] } },
      statistics: Domain.statistics, failureCount: failures.total, failureLines: failures.lines)
  }

  /// Waits until `condition` holds or patience ends; whether it held. On a registered thread that
  /// is online, only within `offline`.
  func waitPatiently(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(settings.patienceSeconds)
    while !condition() {
      if ContinuousClock.now > end { return false }
      usleep(200)
    }
    return true
  }
}

extension Counts {
  subscript(_ done: Done) -> Int { self[done.rawValue] }
  func add(_ done: Done, _ value: Int = 1) { add(done.rawValue, value) }
}
