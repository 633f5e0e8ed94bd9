// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

/// One thread for all domains that looks, now and then, whether a grace period takes too long.
///
/// It costs readers nothing: liburcu's word of each thread tells from outside who is inside a
/// section. It costs the waiting threads one load; the thread sleeps for good when nothing has been
/// waited for lately.
@safe
final class StallWatch: @unchecked Sendable {
  // Sendable: the fields are read and written under `monitor`, but for the atomic.
  static let shared = StallWatch()

  private let monitor = Monitor()
  private var thread: pthread_t?
  private var isStopping = false
  // Written under `monitor` by the thread before it looks a last time, by others when they wake it.
  // Read by every waiting thread after it noted its wait: either the thread sees the wait, or the
  // waiting thread sees that it sleeps. Both are ordered by the reclaimer's lock.
  let isAsleep = Atomic(true)

  /// Rounds without anything to watch before the thread goes to sleep.
  private static let maximumIdleRounds = 8
  /// How often the thread looks within a threshold.
  private static let looksPerThreshold: UInt64 = 4
  private static let minimumPause: UInt64 = 1_000_000
  private static let maximumPause: UInt64 = 1_000_000_000

  /// By whoever is about to wait for a grace period.
  func gracePeriodBegins() {
    if isAsleep.load(ordering: .relaxed) { wake() }
  }

  /// Lets the thread look, since a wait or other settings are new.
  @inline(never)
  func wake() {
    monitor.withLock {
      guard !isStopping else { return }
      isAsleep.store(false, ordering: .relaxed)
      monitor.signalAll()
      if thread == nil { start() }
    }
  }

  private func start() {
    var thread = pthread_t()
    let error = unsafe sysshims_start_thread(
      &thread, "rcu-stall-watch", 0,
      { _ in
        StallWatch.shared.run()
        return nil
      }, nil)
    // Without it stalls go unreported; nothing else depends on it.
    if error == 0 { self.thread = thread }
  }

  private func run() {
    var idleRounds = 0
    while monitor.withLock({ !isStopping }) {
      let (isBusy, pause) = look()
      idleRounds = isBusy ? 0 : idleRounds + 1
      monitor.withLock {
        guard !isStopping else { return }
        if idleRounds < Self.maximumIdleRounds {
          monitor.wait(until: sysshims_now() + pause)
        } else {
          isAsleep.store(true, ordering: .relaxed)
        }
      }
      guard idleRounds >= Self.maximumIdleRounds else { continue }
      // A wait that began before the store above is seen here.
      if look().isBusy { isAsleep.store(false, ordering: .relaxed) }
      monitor.withLock {
        while isAsleep.load(ordering: .relaxed) && !isStopping { monitor.wait() }
      }
      idleRounds = 0
    }
  }

  /// Looks at all domains; whether any waits for a grace period, and when to look again.
  private func look() -> (isBusy: Bool, pause: UInt64) {
    var isBusy = false
    var pause = Self.maximumPause
    for reclaimer in _Reclaimer.known.all {
      let (isWaiting, threshold) = reclaimer.reportStall()
      guard let threshold else { continue }
      isBusy = isBusy || isWaiting
      pause = min(pause, threshold / Self.looksPerThreshold)
    }
    return (isBusy, max(pause, Self.minimumPause))
  }

  /// Ends the thread, at exit.
  func stop() {
    let thread = monitor.withLock { () -> pthread_t? in
      isStopping = true
      monitor.signalAll()
      return self.thread
    }
    guard let thread, pthread_equal(thread, pthread_self()) == 0 else { return }
    if sysshims_join_thread(thread, 1000) != 0 { pthread_detach(thread) }
  }

  func lockToFork() { monitor.lock() }

  func unlockAfterFork(inChild: Bool) {
    guard inChild else { return monitor.unlock() }
    monitor.startAfresh()
    thread = nil
    isAsleep.store(true, ordering: .relaxed)
  }
}

extension _Reclaimer {
  func setStallMonitor(_ new: RCUStallMonitor) {
    // The old one goes without the lock: its handler may own anything.
    var other = new
    monitor.withLock { swap(&other, &stallMonitor) }
    withExtendedLifetime(other) {}
    register()
    StallWatch.shared.wake()
  }

  /// Reports the longest wait under way, if it is time to. Returns whether there is one, and the
  /// threshold if this domain is watched.
  func reportStall() -> (isWaiting: Bool, threshold: UInt64?) {
    var stall: RCUStall?
    let (isWaiting, settings) = monitor.withLock { () -> (Bool, RCUStallMonitor) in
      guard let threshold = stallMonitor.thresholdNanoseconds, let start = waitStarts.min()
      else { return (false, stallMonitor) }
      if reportedWait.start != start { reportedWait = (start, threshold) }
      let now = sysshims_now()
      let age = now > start ? now - start : 0
      guard age >= reportedWait.nextNanoseconds else { return (true, stallMonitor) }
      // Again when it has lasted twice as long: a line now and then, not a flood.
      reportedWait.nextNanoseconds = age &* 2
      retiring.counters.stallCount += 1
      stall = RCUStall(
        domainName: source.name, title: source.title, duration: .nanoseconds(Int64(age)),
        readers: [], runningCall: nil, pendingCount: retiring.statistics.pendingCount,
        pendingBytes: retiring.statistics.pendingBytes)
      return (true, stallMonitor)
    }
    if var stall {
      stall.readers = source.blockingReaders()
      settings.handler(stall)
    }
    let isRunning = reportRunningCall(settings)
    let isPoolWaiting = reportPoolWait(settings)
    return (isWaiting || isRunning || isPoolWaiting, settings.thresholdNanoseconds)
  }

  /// Has the monitor look at pools, of which one waits for long.
  func watchPools() {
    register()
    StallWatch.shared.gracePeriodBegins()
  }

  /// Reports the longest wait of a pool for its readers. Returns whether there is one.
  private func reportPoolWait(_ settings: RCUStallMonitor) -> Bool {
    guard let threshold = settings.thresholdNanoseconds,
      let pool = monitor.withLock({ pools }).filter({ $0.waitsSince.load(ordering: .relaxed) > 0 })
        .min(by: {
          $0.waitsSince.load(ordering: .relaxed) < $1.waitsSince.load(ordering: .relaxed)
        })
    else { return false }
    let since = pool.waitsSince.load(ordering: .relaxed)
    let cookie = GracePeriodCookie(
      stamp: pool.waitStamp.load(ordering: .relaxed), interruption: 0)
    let now = sysshims_now()
    guard since > 0 && now > since && now - since >= threshold else { return since > 0 }
    let readers = source.scanReaders().stalledReaders(of: cookie)
    // They have left, and the writer hasn't looked since.
    if readers.isEmpty {
      pool.waitsSince.store(0, ordering: .relaxed)
      return false
    }
    let stall = monitor.withLock { () -> RCUStall? in
      if reportedPoolWait.start != since { reportedPoolWait = (since, threshold) }
      let age = now - since
      guard age >= reportedPoolWait.nextNanoseconds else { return nil }
      reportedPoolWait.nextNanoseconds = age &* 2
      retiring.counters.stallCount += 1
      return RCUStall(
        domainName: source.name, title: source.title, duration: .nanoseconds(Int64(age)),
        readers: readers, runningCall: nil, pendingCount: retiring.statistics.pendingCount,
        pendingBytes: retiring.statistics.pendingBytes + pool.limboBytes.load(ordering: .relaxed))
    }
    if let stall { settings.handler(stall) }
    return true
  }

  /// Reports a deferred call, or a `deinit`, that doesn't return: all others wait behind it.
  /// Returns whether one runs.
  private func reportRunningCall(_ settings: RCUStallMonitor) -> Bool {
    let number = runningCallNumber.load(ordering: .relaxed)
    let function = runningCall.load(ordering: .relaxed)
    guard let threshold = settings.thresholdNanoseconds, function != 0 else { return false }
    let now = sysshims_now()
    let stall = monitor.withLock { () -> RCUStall? in
      if reportedCall.number != number { reportedCall = (number, now, threshold) }
      let age = now - reportedCall.since
      guard age >= reportedCall.nextNanoseconds else { return nil }
      reportedCall.nextNanoseconds = age &* 2
      retiring.counters.stallCount += 1
      return RCUStall(
        domainName: source.name, title: source.title, duration: .nanoseconds(Int64(age)),
        readers: [], runningCall: RunningCall.name(of: function),
        pendingCount: retiring.statistics.pendingCount,
        pendingBytes: retiring.statistics.pendingBytes)
    }
    if let stall { settings.handler(stall) }
    return true
  }
}
