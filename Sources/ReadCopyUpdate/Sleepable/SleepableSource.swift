// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

/// The sections and grace periods of one ``SleepableRCU``, which its reclaimer may outlive: nothing
/// here leads back to the domain.
///
/// Not final: tests leave steps out.
class SleepableSource: GracePeriodSource, @unchecked Sendable {
  // Sendable: the fields are read and written under `monitor`, but for the atomic, what never
  // changes, and `wasForkedInsideSection`, which is written while there is one thread.
  let name: String
  let counters = SectionCounters()
  private let monitor = Monitor()

  // Grace periods are numbered; one is under way at a time. Under `monitor`.
  private var startedCount: UInt64 = 0
  private var endedCount: UInt64 = 0
  private var isUnderWay = false

  private(set) var wasForkedInsideSection = false
  /// The half that is waited for; -1: none. Written by who waits, read for reports.
  private let awaitedHalf = Atomic(-1)

  init(name: String) { self.name = name }

  deinit { counters.deallocate() }

  var title: String { "SleepableRCU “\(name)”" }

  // MARK: Grace periods

  /// Shares a grace period that begins after the call with whoever else waits for one, so that many
  /// threads don't wait for one long section after another.
  func waitForGracePeriod() {
    requireUsable()
    let own = monitor.withLock { () -> UInt64? in
      // The one that is under way may have passed a section that is open now.
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

  /// One grace period. Each half is seen quiet once.
  func runGracePeriod() {
    let half = counters.currentHalf
    // Sections that read the index before the last flip and came late. New ones don't come here.
    waitUntilQuiet(1 - half)
    if isQuiet(half) { return }
    // From now on new sections begin in the other half, so that this one comes to rest.
    flip()
    waitUntilQuiet(half)
  }

  func flip() { counters.flip() }

  func isQuiet(_ half: Int) -> Bool { counters.isQuiet(half) }

  /// How often a wait gives up its processor before it sleeps: a section that doesn't suspend is
  /// over by then.
  private static var yieldCount: Int { 32 }
  private static var minimumSleepMicroseconds: UInt32 { 10 }
  /// How late the end of a long section may be noticed. A thousand looks a second cost less than
  /// one percent of a processor, and readers nothing; to be woken by them would.
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
      "SleepableRCU: this process was forked inside a read section, or in a task while one was open; leave the section before fork, or exec in the child"
    )
  }

  // MARK: Who asks

  /// Whether a section that must end on this thread is open on it.
  var isThreadInSection: Bool { unsafe sysshims_is_thread_in_section(counters.address) }

  /// Whether the calling thread can't show that it is outside: it is in a section of its own, or
  /// runs a task, which may be in one that suspends.
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

  /// The fork doesn't wait for sections: one may be waiting for the program that is started.
  var mustNotWaitToFork: Bool { false }
  var allowsForkInGracePeriod: Bool { true }

  func forgetOtherThreads() {
    // The forking thread's own section goes on in the child. A task's may be its own unless none is
    // open.
    wasForkedInsideSection =
      wasForkedInsideSection || isThreadInSection || (isInTask && !(isQuiet(0) && isQuiet(1)))
    monitor.startAfresh()
    endedCount = startedCount
    isUnderWay = false
    awaitedHalf.store(-1, ordering: .relaxed)
    if !wasForkedInsideSection { counters.reset() }
  }
}
