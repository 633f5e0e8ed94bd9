// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// How long the stress tests run.
package enum StressOptions {
  /// Seconds that one case of a stress test runs: `SWIFT_URCU_STRESS_SECONDS`, else 1, or a tenth
  /// in the quick run.
  package static let seconds: Double = {
    guard let text = environment("SWIFT_URCU_STRESS_SECONDS"), let seconds = Double(text) else {
      return defaultSeconds
    }
    precondition(seconds > 0, "SWIFT_URCU_STRESS_SECONDS: a positive number of seconds")
    return seconds
  }()

  package static var duration: Duration { .seconds(seconds) }

  /// Of how many iterations each reader of a stress test tells what it saw: `SWIFT_URCU_VERBOSE`; 1
  /// means a few, a larger number that many. 0 without it. What is wrong is told in any case.
  package static let verboseIterations: Int = {
    guard let text = environment("SWIFT_URCU_VERBOSE") else { return 0 }
    guard let count = Int(text), count >= 0 else {
      preconditionFailure("SWIFT_URCU_VERBOSE: a number of iterations, or 1 for a few")
    }
    return count == 1 ? 10 : count
  }()

  // Long enough for a million sections, short enough for a run of all tests in minutes.
  private static let defaultSeconds = TestSelection.current == .quick ? 0.1 : 1.0
}

/// The value of an environment variable.
package func environment(_ name: String) -> String? {
  // Safety: getenv's string lives until the variable changes; nothing here changes it.
  guard let value = unsafe getenv(name) else { return nil }
  return unsafe String(cString: value)
}
