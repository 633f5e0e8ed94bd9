// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

/// Read-copy update whose read sections may contain `await`, and end on another thread.
///
/// Each instance is a domain of its own: its grace periods wait for its sections only, so that one
/// slow user holds up no other. What is retired is reclaimed by a thread of the instance, which
/// starts with the first retirement and ends with the instance.
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
/// A section costs two atomic increments, on a cache line that threads of other processors don't
/// write, instead of two plain stores: take ``RCU`` where nothing suspends.
///
/// The rules: a ``Ref`` stays in its section, which the compiler checks. A section doesn't wait for
/// a grace period of its own domain: ``synchronize()`` and ``barrier()`` trap in
/// a section without `await`. In one with `await` nobody can tell, since a section belongs to no
/// thread: the task waits for itself, which ``stallMonitor`` reports. A section ends: what is
/// retired meanwhile waits for it. How that is bounded, and why all this is right, is told below.
///
/// - Source: the idea of SRCU in Linux.
@safe
public final class SleepableRCU: Sendable {
  /// As given; for messages and the name of the reclaimer's thread.
  public var name: String { source.name }

  let source: SleepableSource
  @usableFromInline let counters: SectionCounters
  @usableFromInline let _reclaimer: _Reclaimer

  /// Creates a domain without sections and retirements.
  ///
  /// - Parameter name: for messages; the thread's name has its first eleven bytes.
  /// - Complexity: O(processors), 128 bytes for each.
  public convenience init(name: String = "srcu") { self.init(source: SleepableSource(name: name)) }

  init(source: SleepableSource) {
    self.source = source
    counters = source.counters
    _reclaimer = _Reclaimer(source: source)
    // A child of fork forgets sections, which there may be before the first retirement.
    _reclaimer.register()
  }

  deinit {
    // Nobody is in a section, since a section keeps the domain. In a child of fork what was pending
    // may have no thread yet.
    if !source.wasForkedInsideSection && _reclaimer.statistics.pendingCount > 0 {
      _reclaimer.startOnce()
    }
    _reclaimer.finishAndForget()
  }
}

extension SleepableRCU {
  /// Runs `body` in a read section that ends on the same thread, and returns what it returns.
  ///
  /// Sections nest, and count each by itself. What a ``Pointer`` held when it was loaded in the
  /// section stays intact until the section ends.
  ///
  /// - Memory ordering: everything `body` does happens before the end of any grace period that
  ///   starts before the section ends; or else everything that was done before that grace period
  ///   started happens before `body`. *Pairs with* ``synchronize()``, and with every
  ///   deferred destruction.
  /// - Threads: any thread; signal handlers too.
  /// - Complexity: O(1): two atomic increments; no allocation, no reference counting in optimised
  ///   code.
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
  /// `body` runs on the caller's actor. Cancellation is `body`'s own business: the section ends
  /// when it returns or throws.
  ///
  /// - Memory ordering: as the section without `await`.
  /// - Threads: any task.
  /// - Complexity: O(1): two atomic increments around what `await` costs.
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
  /// Only `withReadSection` and its twin make one. It can be copied and passed
  /// to functions that stay on the actor; it can't outlive the section, nor go to another task.
  @safe
  public struct ReadSection: ~Escapable {
    // Of the domain's counters, which live as long as it. Compared, never followed.
    @usableFromInline let domain: UnsafeRawPointer
    #if DEBUG
      @usableFromInline let token: UInt64
    #endif

    /// - Safety: a section of the domain whose counters are there is open while this lives.
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

    /// Ends the process if the section has ended: in debug builds, see ``RCUDomain/ReadSection``.
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
