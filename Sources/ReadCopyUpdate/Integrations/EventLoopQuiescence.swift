// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if NIO
  public import NIOPosix
  internal import _RCUShims

  /// Makes the event loops of SwiftNIO readers of ``QuiescentStateFlavor``: at the end of each
  /// tick, when a loop is about to wait, its thread goes offline, so that no grace period waits for
  /// it.
  ///
  /// ```swift
  /// typealias LoopRCU = RCUDomain<QuiescentStateFlavor>
  ///
  /// let group = MultiThreadedEventLoopGroup(
  ///   numberOfThreads: System.coreCount, metricsDelegate: EventLoopQuiescence())
  ///
  /// // In a channel handler:
  /// LoopRCU.withEventLoopReadSection { section in … }
  /// ```
  ///
  /// Handlers never announce quiescent states, and their sections cost a check each. A tick that
  /// takes long holds grace periods up, as any section does.
  ///
  /// Requires the package trait `NIO`.
  public final class EventLoopQuiescence: NIOEventLoopMetricsDelegate {
    /// Creates a delegate, for any number of groups.
    public init() {}

    /// Called by SwiftNIO on the event loop's thread, at the end of each tick.
    public func processedTick(info: NIOEventLoopTickInfo) {
      if rcushims_qsbr_is_between_sections() { rcushims_qsbr_go_offline() }
    }
  }

  extension RCUDomain where Flavor == QuiescentStateFlavor {
    /// Runs `body` inside a read section, on the thread of an event loop whose group has an
    /// ``EventLoopQuiescence``. The first section of a thread registers it, until it ends; the
    /// first section of each tick brings it online.
    ///
    /// Inside of it, and after it in the same tick, ``withReadSection(_:)`` works, too.
    ///
    /// - Precondition: the thread isn't inside ``offline(_:)``.
    /// - Threads: those of event loops with an ``EventLoopQuiescence``. Any other thread stays
    ///   online afterwards, and holds up every grace period until it announces a quiescent state.
    /// - Memory ordering: as ``withReadSection(_:)``.
    /// - Complexity: O(1): as ``withReadSection(_:)``, and a full barrier once in a tick.
    @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
    public static func withEventLoopReadSection<R: ~Copyable, E: Error>(
      _ body: (ReadSection) throws(E) -> R
    ) throws(E) -> R {
      if !rcushims_qsbr_is_between_sections() && !rcushims_qsbr_read_ongoing() { comeOnline() }
      return try withReadSection(body)
    }

    @inline(never)
    private static func comeOnline() {
      if rcushims_qsbr_is_registered() {
        rcushims_qsbr_go_online()
      } else {
        registerThread()
      }
    }
  }
#endif
