// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

/// Read-copy update whose read sections may contain `await`, and may end on another thread.
///
/// Each instance is a domain of its own: its grace periods wait only for its own sections, so that
/// a slow user of one domain doesn't hold up another domain. What is retired is reclaimed by a
/// thread of the instance, which starts at the first retirement and ends with the instance.
///
/// ```swift
/// let sessions = SleepableRCU(name: "sessions")
/// let policy = SleepableRCU.Pointer(Policy(), protectedBy: sessions)
///
/// let answer = try await sessions.withReadSection { section in
///   let policy = policy.load(in: section)!
///   return try await ask(policy.value.server)   // may come back on another thread
/// }
/// policy.store(Policy(server: other))           // the old one is destroyed after that
/// ```
///
/// A section costs two atomic increments, on a cache line that threads on other processors rarely
/// write, instead of two plain stores. Use ``RCU`` if nothing suspends.
///
/// The rules: a ``Ref`` stays in its section, which the compiler checks. A section must not wait
/// for a grace period of its own domain: in a section without `await`, ``synchronize()`` and
/// ``barrier()`` trap. In a section with `await` that can't be detected, since such a section
/// belongs to no thread; the task waits for itself, and ``stallMonitor`` reports it. A section must
/// end, since everything that is retired meanwhile waits for it. The rest of this page explains how
/// that is bounded, and how a domain works.
///
/// - Source: the idea of SRCU in Linux.
@safe
public final class SleepableRCU: Sendable {
  /// The name given to the initialiser; used in messages and for the reclaimer's thread.
  public var name: String { source.name }

  let source: SleepableSource
  @usableFromInline let counters: SectionCounters
  @usableFromInline let _reclaimer: _Reclaimer

  /// Creates a domain without sections or retirements.
  ///
  /// - Parameter name: for messages; the thread's name contains its first eleven bytes.
  /// - Complexity: O(processors), 128 bytes for each.
  public convenience init(name: String = "srcu") { self.init(source: SleepableSource(name: name)) }

  init(source: SleepableSource) {
    self.source = source
    counters = source.counters
    _reclaimer = _Reclaimer(source: source)
    // A child of fork forgets sections, and there may be some before the first retirement.
    _reclaimer.register()
  }

  deinit {
    // No section is open, since a section keeps the domain alive. In a child of fork, pending
    // retirements may not have a thread yet.
    if !source.wasForkedInsideSection && _reclaimer.statistics.pendingCount > 0 {
      _reclaimer.startOnce()
    }
    _reclaimer.finishAndForget()
  }
}

extension SleepableRCU {
  /// Runs `body` in a read section that ends on the same thread, and returns what it returns.
  ///
  /// Sections nest, and each is counted by itself. A pointee that was loaded in the section stays
  /// intact until the section ends.
  ///
  /// - Memory ordering: for each grace period that starts before the section ends, either
  ///   everything that `body` does happens before the end of the grace period, or everything that
  ///   was done before its start happens before `body`. *Pairs with* ``synchronize()`` and with
  ///   every deferred destruction.
  /// - Threads: any; signal handlers too.
  /// - Complexity: O(1): two atomic increments; no allocation and no reference counting in
  ///   optimised code.
  /// - Source: `srcu_read_lock`, `srcu_read_unlock`.
  @inlinable
  @inline(__always)
  public func withReadSection<R: ~Copyable, E: Error>(
    _ body: (ReadSection) throws(E) -> R
  ) throws(E) -> R {
    let counters = self.counters
    var record = unsafe sysshims_thread_section()
    return try unsafe withUnsafeMutablePointer(to: &record) { (record) throws(E) -> R in
      unsafe sysshims_thread_section_opens(record, counters.address)
      let half = counters.begin()
      defer {
        counters.end(half)
        unsafe sysshims_thread_section_ends(record)
      }
      let section = unsafe ReadSection(counters.address)
      defer { section.ends() }
      return try body(section)
    }
  }

  /// Runs `body` in a read section that may suspend and resume on another thread, and returns what
  /// it returns.
  ///
  /// `body` runs on the caller's actor. It must handle cancellation itself; the section ends when
  /// it returns or throws.
  ///
  /// - Memory ordering: as for the section without `await`.
  /// - Threads: any task.
  /// - Complexity: O(1): two atomic increments, besides the cost of `await`.
  /// - Source: `srcu_down_read`, `srcu_up_read`.
  @inlinable
  nonisolated(nonsending)
    public func withReadSection<R: ~Copyable, E: Error>(
      _ body: nonisolated(nonsending) (ReadSection) async throws(E) -> R
    ) async throws(E) -> R
  {
    let half = counters.begin()
    defer { counters.end(half) }
    let section = unsafe ReadSection(counters.address)
    defer { section.ends() }
    return try await body(section)
  }

  /// Proof of a read section of one domain.
  ///
  /// Only the two `withReadSection` methods make one. It can be copied and passed to functions that
  /// stay on the actor, but it can't outlive the section or go to another task.
  @safe
  public struct ReadSection: ~Escapable {
    // The address of the domain's counters, which live as long as the domain. Compared, never
    // followed.
    @usableFromInline let domain: UnsafeRawPointer
    #if DEBUG
      @usableFromInline let token: UInt64
    #endif

    /// - Safety: while this lives, a section of the domain with these counters is open.
    @usableFromInline
    @inline(__always)
    @unsafe
    @_lifetime(immortal)
    init(_ domain: UnsafeRawPointer) {
      unsafe self.domain = domain
      #if DEBUG
        token = _OpenSections.shared.begin()
      #endif
    }

    @usableFromInline
    @inline(__always)
    func ends() {
      #if DEBUG
        _OpenSections.shared.end(token)
      #endif
    }

    /// In debug builds, ends the process if the section has ended; see ``RCUDomain/ReadSection``.
    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        _OpenSections.shared.check(token)
      #endif
    }
  }
}

@available(*, unavailable, message: "a read section belongs to the task or thread that opened it")
extension SleepableRCU.ReadSection: Sendable {}
