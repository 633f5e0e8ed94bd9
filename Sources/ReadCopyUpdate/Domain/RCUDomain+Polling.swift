// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A grace period that has been requested, and that can be polled.
  ///
  /// ```swift
  /// let gracePeriod = RCU.startGracePeriod()
  /// while !gracePeriod.isComplete { doSomethingUseful() }
  /// ```
  public struct GracePeriod: Sendable, Hashable {
    let number: UInt64

    /// Whether all sections that were open when it started have ended, and the reclaimer has
    /// noticed.
    ///
    /// - Memory ordering: acquiring. If true, everything that those sections did happens before
    ///   this returns. *Pairs with* the release by the thread that waited for them.
    /// - Threads: any, inside a section too; but a grace period that was started before or in that
    ///   section doesn't become complete there.
    /// - Complexity: O(1), one load.
    public var isComplete: Bool { Flavor._reclaimer.hasEnded(gracePeriod: number) }

    /// Waits until the grace period is complete.
    ///
    /// - Precondition: not inside a read section, and not in a deferred call.
    /// - Memory ordering: as ``isComplete``.
    /// - Complexity: as ``RCUDomain/synchronize()``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    public func wait() {
      require(
        !Flavor._isInReadSection,
        "RCUDomain.GracePeriod.wait() inside a read section waits for itself; leave the section first"
      )
      Flavor._reclaimer.wait(forGracePeriod: number)
    }

    /// Suspends the task until the grace period is complete.
    public func wait() async {
      await withCheckedContinuation { continuation in
        Flavor._reclaimer.when(gracePeriod: number) { continuation.resume() }
      }
    }
  }

  /// Starts a grace period and returns at once; the domain's reclaimer thread waits for it.
  ///
  /// Calls made before the grace period has begun share it.
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
