// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// The collections' stress tests must fail when grace periods are left out; see `CanaryTests`.
///
/// Not under AddressSanitizer, which ends a mutant before it can say what it found.
@Suite(.serialized, .stress, .enabled(if: !isAddressSanitizerBuild)) struct CollectionCanaryTests {
  @Test func missingGracePeriodIsFoundInAHashTable() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent, \.exitStatus]
    ) {
      CollectionCanaryTests.runMutant(HashTableSubject<NoGracePeriodCollectionFlavor>.self)
    }
    Self.expectReport(result)
  }

  @Test func missingGracePeriodIsFoundInAList() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent, \.exitStatus]
    ) {
      CollectionCanaryTests.runMutant(ListSubject<NoGracePeriodCollectionFlavor>.self)
    }
    Self.expectReport(result)
  }

  @Test func missingGracePeriodIsFoundInAStack() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent, \.exitStatus]
    ) {
      CollectionCanaryTests.runMutant(StackSubject<NoGracePeriodCollectionFlavor>.self)
    }
    Self.expectReport(result)
  }

  private static let mutantDuration = Duration.seconds(180)
  private static let violationStatus: Int32 = 42

  /// In sanitizer builds a report. In others a reader meets a destroyed element, or follows a link
  /// out of freed memory before that: either way the process doesn't end well.
  private static func runMutant<Subject: StressSubject & ~Copyable>(
    _ subject: Subject.Type
  ) -> Never {
    // In sanitizer builds the report ends the process; a violation alone doesn't count.
    let totals = CollectionStress<Subject>.run(
      writers: 1, readers: 2, for: mutantDuration, stopsAtViolation: !isThreadSanitizerBuild)
    if isThreadSanitizerBuild { exit(0) }
    exit(totals.violations > 0 ? violationStatus : 0)
  }

  /// A violation or a report, or the end of following what was overwritten or used again: liburcu
  /// follows links that nobody protects in a mutant.
  private static func expectReport(_ result: ExitTest.Result?) {
    guard let result else { return }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    switch result.exitStatus {
    case .signal: break
    case .exitCode(violationStatus): #expect(!isThreadSanitizerBuild)
    default:
      #expect(
        messages.contains("WARNING: ThreadSanitizer: data race")
          || messages.contains("DEADLYSIGNAL"), "\(result.exitStatus): \(messages)")
    }
  }
}
