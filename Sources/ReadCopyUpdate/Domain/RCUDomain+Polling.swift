// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A grace period that began to be waited for, and that can be asked after.
  ///
  /// ```swift
  /// let gracePeriod = RCU.startGracePeriod()
  /// while !gracePeriod.isComplete { doSomethingUseful() }
  /// ```
  public struct GracePeriod: Sendable, Hashable {
    let number: UInt64

    /// Whether all sections that were open when it started have ended, and that was noticed.
    ///
    /// - Memory ordering: acquiring. If true, everything that those sections did happens before
    ///   this returns. *Pairs with* the release by the thread that waited.
    /// - Threads: any, inside a section too: there it doesn't become true for a grace period that
    ///   was started before or in that section.
    /// - Complexity: O(1), one load.
    public var isComplete: Bool { Flavor._reclaimer.hasEnded(gracePeriod: number) }

    /// Waits until it is complete.
    ///
    /// - Precondition: not inside a read section, and not in a deferred call.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    public func wait() {
      require(
        !Flavor._isInReadSection,
        "RCUDomain.GracePeriod.wait() inside a read section waits for itself; leave the section first"
      )
      Flavor._reclaimer.wait(forGracePeriod: number)
    }

    /// Suspends the task until it is complete.
    public func wait() async {
      await withCheckedContinuation { continuation in
        Flavor._reclaimer.when(gracePeriod: number) { continuation.resume() }
      }
    }
  }

  /// Starts a grace period and returns at once; the domain's reclaimer thread waits for it.
  ///
  /// Calls that come before it has begun share it.
  ///
  /// - Memory ordering: a section that opens after the grace period is complete sees everything
  ///   that was done before this call.
  /// - Threads: any, inside a section too.
  /// - Complexity: O(1), under the reclaimer's lock.
  /// - Source: `start_poll_synchronize_rcu`, which liburcu has since 0.14.
  public static func startGracePeriod() -> GracePeriod {
    GracePeriod(number: Flavor._reclaimer.requestGracePeriod())
  }
}
