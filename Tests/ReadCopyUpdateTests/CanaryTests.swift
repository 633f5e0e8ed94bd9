// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CURCU
import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// A silent checker proves nothing: the stress test must fail when what it checks is removed.
///
/// A mutant is a flavor that leaves a step out. It runs in a process of its own. In sanitizer
/// builds ThreadSanitizer must report it; in others a reader must meet a destroyed pointee.
///
/// Not under AddressSanitizer, which ends a mutant before it can say what it found.
@Suite(.serialized, .stress, .enabled(if: !isAddressSanitizerBuild)) struct CanaryTests {
  /// Sections that protect nothing.
  private enum NoReadLockFlavor: BulletproofTestFlavor {
    static func _enterReadSection() {}
    static func _exitReadSection() {}
    static let _reclaimer = unsafe _Reclaimer(flavor: NoReadLockFlavor.self)
  }

  /// Grace periods that end at once: the reclaimer, another thread than the writer, destroys what
  /// readers still see.
  private enum NoGracePeriodFlavor: BulletproofTestFlavor {
    static func _waitForGracePeriod() {}
    static let _reclaimer = unsafe _Reclaimer(flavor: NoGracePeriodFlavor.self)
  }

  /// Sections that ThreadSanitizer isn't told about: liburcu's own functions.
  private enum NoAnnotationFlavor: BulletproofTestFlavor {
    static func _exitReadSection() { urcu_bp_read_unlock() }
    static let _reclaimer = unsafe _Reclaimer(flavor: NoAnnotationFlavor.self)
  }

  /// memb without the check: a thread that isn't registered reads as liburcu lets it.
  private enum NoRegistrationFlavor: RCUFlavor {
    static var name: String { "test" }
    static var _number: Int32 { MembarrierFlavor._number }
    static func _enterReadSection() { urcu_memb_read_lock() }
    static func _exitReadSection() { unsafe MembarrierFlavor._exitReadSection() }
    static var _isInReadSection: Bool { MembarrierFlavor._isInReadSection }
    static let _reclaimer = unsafe _Reclaimer(flavor: NoRegistrationFlavor.self)
  }

  /// The same, nothing left out.
  private enum UnchangedFlavor: BulletproofTestFlavor {
    static let _reclaimer = unsafe _Reclaimer(flavor: UnchangedFlavor.self)
  }

  @Test func missingReadLockIsFound() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CanaryTests.runMutant(NoReadLockFlavor.self)
    }
    Self.expectReport(result)
  }

  @Test func missingGracePeriodIsFound() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CanaryTests.runMutant(NoGracePeriodFlavor.self)
    }
    Self.expectReport(result)
  }

  @Test func missingRegistrationIsFound() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CanaryTests.runMutant(NoRegistrationFlavor.self)
    }
    Self.expectReport(result)
  }

  /// Without the annotations right code would be reported: they are what makes the silence of the
  /// other tests mean something, and they are no suppression.
  @Test(.enabled(if: isThreadSanitizerBuild))
  func missingAnnotationIsFound() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CanaryTests.writeAfterGracePeriods(NoAnnotationFlavor.self)
    }
    Self.expectReport(result)
  }

  @Test func presentAnnotationIsSilent() async {
    await #expect(processExitsWith: .exitCode(0)) {
      CanaryTests.writeAfterGracePeriods(UnchangedFlavor.self)
    }
  }

  /// A reader reads a word in a section; when it has left, the updater, who learns that by a
  /// relaxed flag, waits for a grace period and writes the word. Only the grace period orders the
  /// two.
  ///
  /// ThreadSanitizer remembers only so many of a thread's latest calls and accesses, and reports no
  /// race with one that it can't describe any more. So the threads wait asleep, not in loops of
  /// calls, and the reader's read is a new one in each round: its store in `tick`, which nobody
  /// loads, ends what ThreadSanitizer takes for one stretch of time, in which it records an access
  /// once.
  private static func writeAfterGracePeriods<Flavor: RCUFlavor>(_: Flavor.Type) {
    let turns = Turns()
    runThreads([
      {
        for round in 1...Turns.rounds {
          while turns.written.load(ordering: .acquiring) != round - 1 { sleepBriefly() }
          RCUDomain<Flavor>.withReadSection { _ in
            precondition(unsafe turns.word.pointee == round - 1)
          }
          turns.tick.store(round, ordering: .releasing)
          turns.read.store(round, ordering: .relaxed)
        }
      },
      {
        for round in 1...Turns.rounds {
          while turns.read.load(ordering: .relaxed) != round { sleepBriefly() }
          RCUDomain<Flavor>.synchronize()
          unsafe turns.word.pointee = round
          turns.written.store(round, ordering: .releasing)
        }
      },
    ])
  }

  private static func sleepBriefly() { usleep(50) }

  @safe
  private final class Turns: Sendable {
    static let rounds = 1000
    // Safety: written by one thread, read by the other, in turn. Never freed.
    nonisolated(unsafe) let word: UnsafeMutablePointer<Int>
    let read = Atomic(0)
    let tick = Atomic(0)
    let written = Atomic(0)

    init() {
      unsafe word = .allocate(capacity: 1)
      unsafe word.initialize(to: 0)
    }
  }

  /// x86-64 orders loads by itself: only ThreadSanitizer can see this one, and in optimised builds
  /// only: in others the standard library, which isn't instrumented, initialises the pointee.
  @Test(.enabled(if: isThreadSanitizerBuild && isOptimizedBuild))
  func relaxedLoadIsFound() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CanaryTests.runMutant(UnchangedFlavor.self, loadsRelaxed: true)
    }
    Self.expectReport(result)
  }

  @Test func nothingIsFoundWithoutAMutation() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      let run = StressRun<UnchangedFlavor>()
      let totals = run.run(writers: 1, readers: 2, for: StressOptions.duration)
      exit(totals.violations == 0 && run.counter.live == 0 ? 0 : Self.violationStatus)
    }
    guard let result else { return }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(!messages.contains("ThreadSanitizer"))
  }

  /// A mutant runs to its first violation, at most so long: on a busy machine a missing grace
  /// period, which takes ThreadSanitizer some 300,000 iterations, may be long in coming.
  private static let mutantDuration = Duration.seconds(180)
  private static let violationStatus: Int32 = 42
  /// ThreadSanitizer's own, as its default and as our scripts set it.
  private static let reportStatus: Int32 = 66

  private static var found: ExitTest.Condition {
    .exitCode(isThreadSanitizerBuild ? reportStatus : violationStatus)
  }

  private static func runMutant<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type, loadsRelaxed: Bool = false
  ) -> Never {
    let run = StressRun<Flavor>(loadsRelaxed: loadsRelaxed)
    // In sanitizer builds the report ends the process; a violation alone doesn't count.
    let totals = run.run(
      writers: 1, readers: 2, for: mutantDuration, stopsAtViolation: !isThreadSanitizerBuild)
    if isThreadSanitizerBuild { exit(0) }
    exit(totals.violations > 0 ? violationStatus : 0)
  }

  private static func expectReport(_ result: ExitTest.Result?) {
    guard let result, isThreadSanitizerBuild else { return }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(messages.contains("WARNING: ThreadSanitizer: data race"))
  }
}
