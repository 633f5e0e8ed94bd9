// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _SystemShims

/// How an orderly end of a domain's work went, and what is left.
public struct RCUShutdown: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Whether all that was retired before the call has been destroyed, and the domain's thread has
  /// ended.
  public let isComplete: Bool
  /// Retirements that still wait, or run.
  public let pendingCount: Int
  /// Bytes that still wait, as the callers stated them.
  public let pendingBytes: Int
  /// The threads whose sections hold them up, at most 16, as far as they are known.
  public let readers: [RCUStalledReader]

  public var description: String {
    if isComplete { return "complete" }
    let who = readers.isEmpty ? "" : "; held up by " + RCUStall.list(readers)
    return "\(pendingCount) retirements with \(pendingBytes) bytes are left\(who)"
  }
}

extension RCUDomain {
  /// Waits, at most for `duration`, until everything that was retired before the call has been
  /// reclaimed, and ends the domain's thread.
  ///
  /// For the end of a program, or of a part of it: nothing is lost if it doesn't complete, and what
  /// is retired afterwards starts another thread. At the process's exit the same is done for all
  /// domains by themselves, for one second, and one line on standard error says what is left.
  ///
  /// ```swift
  /// let end = RCU.shutdown(within: .seconds(5))
  /// if !end.isComplete { logger.warning("RCU: \(end)") }
  /// ```
  ///
  /// - Precondition: not inside a read section, and not in a deferred call.
  /// - Complexity: as ``barrier()``.
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
  /// Waits, at most for `duration`, until everything that was retired before the call has been
  /// reclaimed, and ends the domain's thread; as ``RCUDomain/shutdown(within:)``.
  ///
  /// - Precondition: not inside a read section, and not in a deferred call.
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
  /// 0 to a century.
  var clampedNanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0 && attoseconds >= 0 else { return 0 }
    return UInt64(min(seconds, 1 << 31)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}

/// What holds for the threads that reclaim, one per domain, which are named `rcu-` and the domain's
/// name.
///
/// They run every deferred call, and the `deinit` of every pointee that nobody has asked to
/// `reclaim()`. All signals are blocked in them but those of a thread's own faults, so that the
/// program's crash handlers, and Swift's backtraces, tell of a fault in a `deinit`.
public enum RCUReclaimer {
  /// Bytes of stack of the threads that are started from now on; 0, the default, for the system's
  /// choice, which `ulimit -s` sets. Objects that own one another by ordinary references are
  /// destroyed by recursion: a long list of them needs a large stack.
  ///
  /// - Precondition: not negative.
  /// - Threads: any.
  public static var stackBytes: Int {
    get { _Reclaimer.stackBytes.load(ordering: .relaxed) }
    set {
      require(newValue >= 0, "RCUReclaimer.stackBytes: not negative")
      _Reclaimer.stackBytes.store(newValue, ordering: .relaxed)
    }
  }
}
