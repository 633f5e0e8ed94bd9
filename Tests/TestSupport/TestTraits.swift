// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

package import Testing

/// What a run of the tests is made of: `SWIFT_URCU_TESTS`.
package enum TestSelection: String {
  /// Everything.
  case all
  /// What takes seconds: not the tests with one of the traits below.
  case quick

  package static let current: TestSelection = {
    guard let text = environment("SWIFT_URCU_TESTS") else { return .all }
    guard let selection = TestSelection(rawValue: text) else {
      preconditionFailure("SWIFT_URCU_TESTS: all or quick")
    }
    return selection
  }()
}

extension Trait where Self == ConditionTrait {
  /// A test of threads against one another that finds more the longer it runs:
  /// `SWIFT_URCU_STRESS_SECONDS`. Not part of the quick run.
  package static var stress: Self {
    .enabled(if: TestSelection.current == .all, "a stress test, not part of the quick run")
  }

  /// A test of so many mappings or steps that an unoptimised build takes seconds. One thread does
  /// it. Not part of the quick run, nor of ThreadSanitizer's.
  package static var large: Self {
    .enabled(
      if: TestSelection.current == .all && !isThreadSanitizerBuild,
      "a large test of one thread, part of the whole run without ThreadSanitizer")
  }

  /// A test that compiles, records or starts many processes. Not part of the quick run.
  package static var processes: Self {
    .enabled(if: TestSelection.current == .all, "starts processes, not part of the quick run")
  }
}
