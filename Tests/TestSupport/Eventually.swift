// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Waits for a state that nobody signals, without holding a thread.
///
/// It gives up after the timeout, but not before it has looked many times: other tests may keep all
/// threads of Swift Concurrency for as long as they like.
package func eventually(
  timeout: Duration = .seconds(60), _ condition: @Sendable () -> Bool
) async -> Bool {
  let deadline = ContinuousClock.now + timeout
  var attemptCount = 0
  while !condition() {
    attemptCount += 1
    if attemptCount > 10_000 && ContinuousClock.now > deadline { return false }
    try? await Task.sleep(for: .microseconds(200))
  }
  return true
}
