// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// A silent checker proves nothing: the stress test must fail when what it checks is removed. Each
/// mutant in a process of its own, as those of `CanaryTests`.
///
/// Not under AddressSanitizer, which ends a mutant before it can say what it found.
@Suite(.serialized, .stress, .enabled(if: !isAddressSanitizerBuild)) struct SleepableCanaryTests {
  enum Mutation: String, CaseIterable, Codable {
    case noGracePeriod, oneHalfOnly, sectionsNotCounted
  }

  @Test(arguments: Mutation.allCases) func mutantIsFound(_ mutation: Mutation) async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) { [mutation] in
      await SleepableCanaryTests.runMutant(mutation)
    }
    guard let result, isThreadSanitizerBuild else { return }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(messages.contains("WARNING: ThreadSanitizer: data race"))
  }

  @Test func nothingIsFoundWithoutAMutation() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      let run = SleepableStressRun()
      let totals = await run.run(writers: 1, readers: 2, for: StressOptions.duration)
      exit(totals.violations == 0 && run.counter.live == 0 ? 0 : Self.violationStatus)
    }
    guard let result else { return }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(!messages.contains("ThreadSanitizer"))
  }

  /// Without the flip a grace period doesn't end while sections overlap; with it, it does.
  @Test(arguments: [true, false]) func flipEndsGracePeriodsAmongReaders(_ flips: Bool) {
    let domain = SleepableRCU(
      source: flips ? SleepableSource(name: "control") : NoFlipSource(name: "mutant"))
    let (isOverlapping, isStopping, hasReturned) = (Flag(), Flag(), Flag())
    let counters = domain.counters
    let reader = RunningThread {
      // Each section begins before the one before it ends.
      var open = counters.begin()
      isOverlapping.raise()
      while !isStopping.isRaised {
        let next = counters.begin()
        counters.end(open)
        open = next
      }
      counters.end(open)
    }
    isOverlapping.wait()
    let waiter = RunningThread {
      domain.synchronize()
      hasReturned.raise()
    }
    if flips {
      #expect(waitUntil { hasReturned.isRaised })
    } else {
      // Long enough for thousands of sections; no number would be enough.
      let before = counters.sumOfEnds(0) &+ counters.sumOfEnds(1)
      #expect(waitUntil { counters.sumOfEnds(0) &+ counters.sumOfEnds(1) &- before > 500_000 })
      #expect(!hasReturned.isRaised)
    }
    isStopping.raise()
    reader.join()
    waiter.join()
  }

  /// Whatever begins and ends meanwhile, a look never takes a half for quiet in which a section is
  /// open.
  @Test func openSectionIsNeverOverlooked() {
    let domain = SleepableRCU()
    let counters = domain.counters
    let half = counters.begin()
    let (isBusy, isStopping) = (Flag(), Flag())
    let other = RunningThread {
      isBusy.raise()
      while !isStopping.isRaised { counters.end(counters.begin()) }
    }
    isBusy.wait()
    var overlooked = 0
    for look in 0..<(isThreadSanitizerBuild ? 30_000 : 300_000) {
      if counters.isQuiet(half) { overlooked += 1 }
      // Also from whatever place the other thread is preempted at.
      if look.isMultiple(of: 100) { yieldThread() }
    }
    #expect(overlooked == 0)
    isStopping.raise()
    other.join()
    counters.end(half)
    #expect(counters.isQuiet(half))
  }

  /// Summed in the other order, a section that begins and ends between the sums passes for the end
  /// of another.
  @Test(arguments: [true, false]) func endsAreSummedFirst(_ sumsEndsFirst: Bool) {
    let counters = SectionCounters()
    defer { counters.deallocate() }
    let half = counters.begin()
    let first = sumsEndsFirst ? counters.sumOfEnds(half) : counters.sumOfBeginnings(half)
    counters.end(counters.begin())
    let second = sumsEndsFirst ? counters.sumOfBeginnings(half) : counters.sumOfEnds(half)
    // A section is open.
    #expect((first == second) == !sumsEndsFirst)
    counters.end(half)
  }

  // MARK: Mutants

  private class NoGracePeriodSource: SleepableSource, @unchecked Sendable {
    override func runGracePeriod() {}
  }

  /// Sections of the current half are sent away, but not waited for.
  private class OneHalfSource: SleepableSource, @unchecked Sendable {
    override func runGracePeriod() {
      waitUntilQuiet(1 - counters.currentHalf)
      flip()
    }
  }

  private class NoFlipSource: SleepableSource, @unchecked Sendable {
    override func flip() {}
  }

  private static func source(_ mutation: Mutation) -> SleepableSource {
    switch mutation {
    case .noGracePeriod: NoGracePeriodSource(name: "mutant")
    case .oneHalfOnly: OneHalfSource(name: "mutant")
    case .sectionsNotCounted: SleepableSource(name: "mutant")
    }
  }

  private static let mutantDuration = Duration.seconds(180)
  private static let violationStatus: Int32 = 42
  /// ThreadSanitizer's own, as its default and as our scripts set it.
  private static let reportStatus: Int32 = 66

  private static var found: ExitTest.Condition {
    .exitCode(isThreadSanitizerBuild ? reportStatus : violationStatus)
  }

  private static func runMutant(_ mutation: Mutation) async -> Never {
    let run = SleepableStressRun(
      source(mutation), countsSections: mutation != .sectionsNotCounted)
    // In sanitizer builds the report ends the process; a violation alone doesn't count.
    let totals = await run.run(
      writers: 1, readers: 2, for: mutantDuration, stopsAtViolation: !isThreadSanitizerBuild)
    if isThreadSanitizerBuild { exit(0) }
    exit(totals.violations > 0 ? violationStatus : 0)
  }
}
