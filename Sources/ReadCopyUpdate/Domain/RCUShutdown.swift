// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _SystemShims

/// The outcome of shutting a domain down, and what is left.
public struct RCUShutdown: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Whether all that was retired before the call has been destroyed, and the domain's thread has
  /// ended.
  public let isComplete: Bool
  /// The number of retirements that still wait or run.
  public let pendingCount: Int
  /// The bytes that still wait, as stated by the callers.
  public let pendingBytes: Int
  /// The readers that hold them up, at most 16, as far as they are known.
  public let readers: [RCUStalledReader]

  public var description: String {
    if isComplete { return "complete" }
    let who = readers.isEmpty ? "" : "; held up by " + RCUStall.list(readers)
    return "\(pendingCount) retirements with \(pendingBytes) bytes are left\(who)"
  }
}

extension RCUDomain {
  /// Waits, for at most `duration`, until everything that was retired before the call has been
  /// reclaimed, and ends the domain's thread.
  ///
  /// For the end of a program, or of a part of it. If it doesn't complete, nothing is lost, and
  /// what is retired afterwards starts another thread. At exit, the process does the same for all
  /// domains, for one second, and writes one line to standard error if anything is left.
  ///
  /// ```swift
  /// let end = RCU.shutdown(within: .seconds(5))
  /// if !end.isComplete { logger.warning("RCU: \(end)") }
  /// ```
  ///
  /// - Precondition: not inside a read section, and not in a deferred call.
  /// - Returns: whether it completed, and what is left.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: as ``barrier()``, but at most `duration`.
  @available(*, noasync, message: "blocks the thread; use barrier()")
  @discardableResult
  public static func shutdown(within duration: Duration) -> RCUShutdown {
    require(
      !Flavor._isInReadSection,
      "RCUDomain.shutdown inside a read section waits for itself; leave the section first")
    return Flavor._reclaimer.shutDown(within: duration)
  }
}

extension SleepableRCU {
  /// Waits, for at most `duration`, until everything that was retired before the call has been
  /// reclaimed, and ends the domain's thread; as ``RCUDomain/shutdown(within:)``.
  ///
  /// - Precondition: not inside a read section, and not in a deferred call.
  /// - Returns: whether it completed, and what is left.
  /// - Threads, complexity: as ``RCUDomain/shutdown(within:)``.
  @available(*, noasync, message: "blocks the thread; use barrier()")
  @discardableResult
  public func shutdown(within duration: Duration) -> RCUShutdown {
    require(
      !source.isThreadInSection,
      "SleepableRCU.shutdown inside a read section waits for itself; leave the section first")
    return _reclaimer.shutDown(within: duration)
  }
}

extension _Reclaimer {
  func shutDown(within duration: Duration) -> RCUShutdown {
    let isComplete = shutDown(deadline: sysshims_now() &+ duration.clampedNanoseconds)
    let statistics = self.statistics
    return RCUShutdown(
      isComplete: isComplete, pendingCount: statistics.pendingCount,
      pendingBytes: statistics.pendingBytes,
      readers: isComplete ? [] : source.blockingReaders())
  }
}

extension Duration {
  /// In nanoseconds, between 0 and a century.
  var clampedNanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0 && attoseconds >= 0 else { return 0 }
    return UInt64(min(seconds, 1 << 31)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}

/// Settings of the reclaimer threads, one per domain, which are named `rcu-` and the domain's name.
///
/// They run every deferred call, and the `deinit` of every pointee that isn't destroyed by
/// `reclaim()`. All signals are blocked in them, except those for a thread's own faults, so that
/// the program's crash handlers and Swift's backtraces report a fault in a `deinit`.
public enum RCUReclaimer {
  /// The stack size, in bytes, of the threads that are started from now on. 0, the default, leaves
  /// it to the system (`ulimit -s`). Objects that own one another through ordinary references are
  /// destroyed by recursion, so a long list of them needs a large stack.
  ///
  /// - Precondition: not negative.
  /// - Threads: any.
  public static var stackBytes: Int {
    get { _Reclaimer.stackBytes.load(ordering: .relaxed) }
    set {
      require(newValue >= 0, "RCUReclaimer.stackBytes must not be negative")
      _Reclaimer.stackBytes.store(newValue, ordering: .relaxed)
    }
  }
}
