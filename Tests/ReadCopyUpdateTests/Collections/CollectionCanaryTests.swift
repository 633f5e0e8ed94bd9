// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// The collections' stress tests must fail when grace periods are left out; see `CanaryTests`.
@Suite(.serialized) struct CollectionCanaryTests {
  @Test func missingGracePeriodIsFoundInAHashTable() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CollectionCanaryTests.runMutant(HashTableSubject<NoGracePeriodCollectionFlavor>.self)
    }
    Self.expectReport(result)
  }

  @Test func missingGracePeriodIsFoundInAList() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CollectionCanaryTests.runMutant(ListSubject<NoGracePeriodCollectionFlavor>.self)
    }
    Self.expectReport(result)
  }

  @Test func missingGracePeriodIsFoundInAStack() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      CollectionCanaryTests.runMutant(StackSubject<NoGracePeriodCollectionFlavor>.self)
    }
    Self.expectReport(result)
  }

  private static let mutantDuration = Duration.seconds(30)
  private static let violationStatus: Int32 = 42
  /// ThreadSanitizer's own, as its default and as our scripts set it.
  private static let reportStatus: Int32 = 66

  /// In sanitizer builds a report. In others a reader meets a destroyed element, or follows a link out
  /// of freed memory before that: either way the process doesn't end well.
  private static var found: ExitTest.Condition {
    isThreadSanitizerBuild ? .exitCode(reportStatus) : .failure
  }

  private static func runMutant<Subject: StressSubject & ~Copyable>(
    _ subject: Subject.Type
  ) -> Never {
    // In sanitizer builds the report ends the process; a violation alone doesn't count.
    let totals = CollectionStress<Subject>.run(
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
