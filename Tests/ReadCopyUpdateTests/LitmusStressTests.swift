// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import TestSupport
import Testing

/// Runs the patterns of `LitmusPattern`, and their mutants.
@Suite(.serialized, .stress) struct LitmusStressTests {
  @Test(arguments: TestedFlavor.allCases, LitmusPattern.allCases)
  func forbiddenOutcomeIsNotSeenStress(_ flavor: TestedFlavor, _ pattern: LitmusPattern) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      let litmus = pattern.litmus(Flavor.self, mutation: .nothing)
      let totals = litmus.run(Flavor.self, for: Self.duration)
      #expect(totals.forbidden == 0)
      #expect(totals.rounds > 0)
    }
    run(flavor.type)
  }

  /// The patterns are about the order of loads and stores: what can go wrong, mutants show within
  /// milliseconds. Instrumented code runs too slowly for most of it, and what a sanitizer sees it
  /// sees at once.
  private static let duration =
    StressOptions.duration / (isThreadSanitizerBuild || isAddressSanitizerBuild ? 5 : 2)

  // MARK: - Mutants

  private enum NoSectionFlavor: BulletproofTestFlavor {
    static func _enterReadSection() {}
    static func _exitReadSection() {}
    static let _reclaimer = unsafe _Reclaimer(flavor: NoSectionFlavor.self)
  }

  private enum NoGracePeriodFlavor: BulletproofTestFlavor {
    static func _waitForGracePeriod() {}
    static let _reclaimer = unsafe _Reclaimer(flavor: NoGracePeriodFlavor.self)
  }

  struct Mutant: Codable, CustomTestStringConvertible {
    let pattern: LitmusPattern
    let mutation: LitmusMutation

    var testDescription: String { "\(pattern.rawValue) without \(mutation.rawValue)" }

    static let visible = LitmusPattern.allCases.flatMap { pattern in
      pattern.visibleMutations.map { Mutant(pattern: pattern, mutation: $0) }
    }
  }

  /// The pattern can see what it looks for: each mutant runs in a process of its own until its
  /// forbidden outcome is there.
  // Not under AddressSanitizer: an exit in the middle of a run has its own status there, for leaks.
  // Nor under ThreadSanitizer: on a busy machine instrumented threads may not meet in three
  // minutes. What it must report has canaries of its own (CanaryTests).
  @Test(
    .enabled(
      if: !isAddressSanitizerBuild && !isThreadSanitizerBuild, "seen without a sanitizer"),
    arguments: Mutant.visible)
  func forbiddenOutcomeOfAMutantIsSeenStress(_ mutant: Mutant) async {
    await #expect(processExitsWith: .exitCode(Self.seenStatus)) { [mutant] in
      LitmusStressTests.run(mutant)
    }
  }

  private static let seenStatus: Int32 = 42
  /// A mutant runs to its first forbidden outcome, at most so long: on a busy machine its threads
  /// seldom run at the same time.
  private static let mutantDuration = Duration.seconds(180)

  private static func run(_ mutant: Mutant) -> Never {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) -> Never {
      let litmus = mutant.pattern.litmus(Flavor.self, mutation: mutant.mutation)
      let totals = litmus.run(Flavor.self, for: mutantDuration, stopsAtForbidden: true)
      exit(totals.forbidden > 0 ? seenStatus : 0)
    }
    switch mutant.mutation {
    case .section: run(NoSectionFlavor.self)
    case .gracePeriod: run(NoGracePeriodFlavor.self)
    case .nothing, .completeness: run(BulletproofFlavor.self)
    }
  }
}
