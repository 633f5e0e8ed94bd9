// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

/// The sections and grace periods of one ``SleepableRCU``. Its reclaimer may outlive the domain, so
/// nothing here refers to the domain.
///
/// Not final: tests leave steps out.
class SleepableSource: GracePeriodSource, @unchecked Sendable {
  // Sendable: the fields are accessed under `monitor`, except the atomic one, the constants, and
  // `wasForkedInsideSection`, which is written while there is only one thread.
  let name: String
  let counters = SectionCounters()
  private let monitor = Monitor()

  // Grace periods are numbered; only one is in progress at a time. Under `monitor`.
  private var startedCount: UInt64 = 0
  private var endedCount: UInt64 = 0
  private var isUnderWay = false

  private(set) var wasForkedInsideSection = false
  /// The half that is being waited for; -1 if there is none. Written by the waiting thread; read
  /// for reports.
  private let awaitedHalf = Atomic(-1)

  init(name: String) { self.name = name }

  deinit { counters.deallocate() }

  var title: String { "SleepableRCU “\(name)”" }

  // MARK: Grace periods

  /// Waits for a grace period that begins after the call. Waiting threads share it, so that they
  /// don't wait for one long section after another.
  func waitForGracePeriod() {
    requireUsable()
    let own = monitor.withLock { () -> UInt64? in
      // The current grace period may have missed a section that is open now.
      let target = startedCount + 1
      while isUnderWay && endedCount < target { monitor.wait() }
      if endedCount >= target { return nil }
      isUnderWay = true
      startedCount += 1
      return startedCount
    }
    guard let own else { return }
    runGracePeriod()
    monitor.withLock {
      endedCount = own
      isUnderWay = false
      monitor.signalAll()
    }
  }

  /// One grace period, in which each half must be found quiet once.
  func runGracePeriod() {
    let half = counters.currentHalf
    // Sections that read the index before the last flip, and were counted late. New ones don't
    // begin here.
    waitUntilQuiet(1 - half)
    if isQuiet(half) { return }
    // From now on, new sections begin in the other half, so that this one becomes quiet.
    flip()
    waitUntilQuiet(half)
  }

  func flip() { counters.flip() }

  func isQuiet(_ half: Int) -> Bool { counters.isQuiet(half) }

  /// How often a waiting thread yields its processor before it sleeps. A section that doesn't
  /// suspend has usually ended by then.
  private static var yieldCount: Int { 32 }
  private static var minimumSleepMicroseconds: UInt32 { 10 }
  /// How late the end of a long section may be noticed. A thousand checks per second cost less than
  /// one percent of a processor and cost readers nothing, whereas waking the waiting thread would.
  private static var maximumSleepMicroseconds: UInt32 { 1000 }

  func waitUntilQuiet(_ half: Int) {
    var yieldsLeft = Self.yieldCount
    var pause = Self.minimumSleepMicroseconds
    awaitedHalf.store(half, ordering: .relaxed)
    while !isQuiet(half) {
      if yieldsLeft > 0 {
        yieldsLeft -= 1
        sched_yield()
      } else {
        // About as long as the wait so far.
        usleep(pause)
        pause = min(pause * 2, Self.maximumSleepMicroseconds)
      }
    }
    awaitedHalf.store(-1, ordering: .relaxed)
  }

  func requireUsable() {
    require(
      !wasForkedInsideSection,
      "SleepableRCU: this process was forked inside a read section, or by a task while one was open; leave the section before fork, or exec in the child"
    )
  }

  // MARK: Is the caller inside a section?

  /// Whether a section that must end on this thread is open on it.
  var isThreadInSection: Bool { unsafe sysshims_is_thread_in_section(counters.address) }

  /// Whether the calling thread may be inside: it has a section of its own open, or it runs a task,
  /// which may be in a section that suspends.
  var isInReadSection: Bool { isThreadInSection || isInTask }

  private var isInTask: Bool { unsafe withUnsafeCurrentTask { unsafe $0 != nil } }

  func readersLeaveSoon() -> Bool { isQuiet(0) && isQuiet(1) }
  func whileBlocked(_ body: () -> Void) { body() }
  func asReader(_ body: () -> Void) { body() }

  func blockingReaders() -> [RCUStalledReader] {
    let half = awaitedHalf.load(ordering: .relaxed)
    guard half >= 0 else { return [] }
    let count = counters.openCount(half)
    return count == 0 ? [] : [.sections(count: count)]
  }

  // MARK: fork

  /// A fork doesn't wait for sections: a section may be waiting for the program that is started.
  var mustNotWaitToFork: Bool { false }
  var allowsForkInGracePeriod: Bool { true }

  func forgetOtherThreads() {
    // The forking thread's own section continues in the child. If a task forks, any open section
    // may be its own.
    wasForkedInsideSection =
      wasForkedInsideSection || isThreadInSection || (isInTask && !(isQuiet(0) && isQuiet(1)))
    monitor.startAfresh()
    endedCount = startedCount
    isUnderWay = false
    awaitedHalf.store(-1, ordering: .relaxed)
    if !wasForkedInsideSection { counters.reset() }
  }
}
