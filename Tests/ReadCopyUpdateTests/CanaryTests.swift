// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// A silent checker proves nothing: the stress test must fail when what it checks is removed.
///
/// A mutant is a flavor that leaves a step out. It runs in a process of its own. In sanitizer
/// builds ThreadSanitizer must report it; in others a reader must meet a destroyed pointee.
@Suite(.serialized) struct CanaryTests {
  /// Sections that protect nothing.
  private enum NoReadLockFlavor: BulletproofTestFlavor {
    static func _enterReadSection() {}
    static func _exitReadSection() {}
    static let _reclaimer = _Reclaimer(flavor: NoReadLockFlavor.self)
  }

  /// Grace periods that end at once: the reclaimer, another thread than the writer, destroys what
  /// readers still see.
  private enum NoGracePeriodFlavor: BulletproofTestFlavor {
    static func _waitForGracePeriod() {}
    static let _reclaimer = _Reclaimer(flavor: NoGracePeriodFlavor.self)
  }

  /// The same, nothing left out.
  private enum UnchangedFlavor: BulletproofTestFlavor {
    static let _reclaimer = _Reclaimer(flavor: UnchangedFlavor.self)
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

  /// A mutant runs to its first violation, at most so long: on a busy machine a missing grace period,
  /// which takes ThreadSanitizer some 300,000 iterations, may be long in coming.
  private static let mutantDuration = Duration.seconds(180)
  private static let violationStatus: Int32 = 42
  /// ThreadSanitizer's own, as its default and as our scripts set it.
  private static let reportStatus: Int32 = 66

  private static var found: ExitTest.Condition {
    .exitCode(isThreadSanitizerBuild ? reportStatus : violationStatus)
  }

  private static func runMutant<Flavor: RCUFlavor>(_ flavor: Flavor.Type) -> Never {
    let run = StressRun<Flavor>()
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
