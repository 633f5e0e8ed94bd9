// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

/// A single thread that checks from time to time, for all domains, whether a grace period takes too
/// long.
///
/// Readers pay nothing for it: each thread's word in liburcu tells from outside whether the thread
/// is inside a section. A waiting thread pays one load. If nothing has waited lately, this thread
/// sleeps until it is woken.
@safe
final class StallWatch: @unchecked Sendable {
  // Sendable: the fields are accessed under `monitor`, except the atomic one.
  static let shared = StallWatch()

  private let monitor = Monitor()
  private var thread: pthread_t?
  private var isStopping = false
  // Written under `monitor`: by this thread before it looks a last time, and by other threads when
  // they wake it. Read by every waiting thread after it has noted its wait. Either this thread sees
  // the wait, or the waiting thread sees that this thread sleeps; the reclaimer's lock orders both.
  let isAsleep = Atomic(true)

  /// The number of rounds with nothing to watch after which the thread goes to sleep.
  private static let maximumIdleRounds = 8
  /// How often the thread looks within one threshold.
  private static let looksPerThreshold: UInt64 = 4
  private static let minimumPause: UInt64 = 1_000_000
  private static let maximumPause: UInt64 = 1_000_000_000

  /// Called by a thread that is about to wait for a grace period.
  func gracePeriodBegins() {
    if isAsleep.load(ordering: .relaxed) { wake() }
  }

  /// Wakes the thread, after a new wait or a change of settings.
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
    // Without the thread, stalls aren't reported; nothing else depends on it.
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
      // This sees a wait that began before the store above.
      if look().isBusy { isAsleep.store(false, ordering: .relaxed) }
      monitor.withLock {
        while isAsleep.load(ordering: .relaxed) && !isStopping { monitor.wait() }
      }
      idleRounds = 0
    }
  }

  /// Looks at all domains. Returns whether any of them waits for a grace period, and when to look
  /// again.
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

  /// Ends the thread; at exit.
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
    // The old monitor is released outside of the lock, since its handler may own anything.
    var other = new
    monitor.withLock { swap(&other, &stallMonitor) }
    withExtendedLifetime(other) {}
    register()
    StallWatch.shared.wake()
  }

  /// Reports the longest current wait, if it is due. Returns whether there is a wait, and the
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
      // Reports it again when its duration has doubled: a line from time to time, not a flood.
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

  /// Makes the monitor watch pools, one of which has waited for long.
  func watchPools() {
    register()
    StallWatch.shared.gracePeriodBegins()
  }

  /// Reports the longest wait of a pool for its readers. Returns whether there is such a wait.
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
    // The readers have left, and the writer hasn't scanned them since.
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

  /// Reports a deferred call, or a `deinit`, that doesn't return: all others wait for it. Returns
  /// whether one is running.
  private func reportRunningCall(_ settings: RCUStallMonitor) -> Bool {
    let number = runningCall.number
    let function = runningCall.function
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
