// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims

/// Read-copy update: readers that cost two plain stores, writers that wait for them.
///
/// A domain is a namespace over a ``RCUFlavor``; everything in it is static. Readers open a
/// *read section* and load ``Pointer``s in it; a writer replaces what a pointer points to, and what
/// was replaced is destroyed after a *grace period*: when every section that was open at the time
/// of the replacement has ended.
///
/// ```swift
/// struct Configuration: Sendable { var limit = 10 }
/// let configuration = RCU.Pointer(Configuration())
///
/// // Any number of readers, on any thread; nothing is locked, retained or allocated.
/// let limit = RCU.withReadSection { section in
///   configuration.load(in: section)!.value.limit
/// }
///
/// // A writer. The old value is destroyed after a grace period.
/// configuration.store(Configuration(limit: 20))
/// ```
///
/// The rules that the compiler enforces: a ``Ref`` can't be stored, returned, captured by an
/// escaping closure or sent elsewhere; there is no `await` inside a section; ``synchronize()``,
/// ``barrier()`` and `reclaim()` are not available to `async` code. The rule that traps: no
/// ``synchronize()`` or ``barrier()`` inside a section. The rule that is yours: a section ends
/// soon, since memory that is retired meanwhile waits for it. Past the domain's ``limits`` whoever
/// retires, by replacing or dropping a pointee too, waits with it: so hold no lock then that a
/// deferred call takes.
///
/// A child of `fork` may read, retire and wait, with a reclaimer of its own: the fork waits for the
/// batch that is under way. Inside a read section it can't: such a child may only `exec` or exit.
public enum RCUDomain<Flavor: RCUFlavor> {}

/// The default domain.
public typealias RCU = RCUDomain<BulletproofFlavor>

extension RCUDomain {
  /// Runs `body` in a read section and returns what it returns.
  ///
  /// Sections nest. What a ``Pointer`` held when it was loaded in the section stays intact until
  /// the outermost section ends.
  ///
  /// - Memory ordering: everything `body` does happens before the end of any grace period that
  ///   starts before the section ends. *Pairs with* ``synchronize()``, and with every
  ///   deferred destruction.
  /// - Threads: any thread, once it is registered where the flavor asks for that; signal handlers
  ///   on threads that have read before.
  /// - Complexity: O(1): no call, no allocation, no reference counting in optimised code. The first
  ///   sections of a thread, up to 64, and as many after a dump of an address space, call a
  ///   function that has a fence.
  /// - Source: `rcu_read_lock`, `rcu_read_unlock`.
  @inlinable
  @inline(__always)
  public static func withReadSection<R: ~Copyable, E: Error>(
    _ body: (ReadSection) throws(E) -> R
  ) throws(E) -> R {
    unsafe Flavor._enterReadSection()
    defer { unsafe Flavor._exitReadSection() }
    return try body(ReadSection())
  }

  /// ``withReadSection(_:)`` for what takes longer than a microsecond: it begins with a memory
  /// barrier, and spares writers the interruption of this thread. Not from a signal handler.
  @inlinable
  @inline(__always)
  package static func withFencedReadSection<R: ~Copyable, E: Error>(
    _ body: (ReadSection) throws(E) -> R
  ) throws(E) -> R {
    unsafe Flavor._enterFencedReadSection()
    defer { unsafe Flavor._exitReadSection() }
    return try body(ReadSection())
  }

  /// ``withFencedReadSection(_:)`` that loads all that it follows at its beginning.
  ///
  /// What a ``NodePool`` publishes after that, and retires again, doesn't wait for the section.
  /// `body` follows only what it is given, and what that leads to; sections within it may load what
  /// they like.
  ///
  /// - Parameter load: loads pointers, acquiring, and doesn't follow them. Again, if it must.
  @inlinable
  @inline(__always)
  package static func withSnapshotReadSection<Pointers, R: ~Copyable>(
    _ load: () -> Pointers, _ body: (Pointers) -> R
  ) -> R {
    var number = unsafe Flavor._enterSnapshotReadSection()
    defer { unsafe Flavor._exitReadSection() }
    var pointers = load()
    // Somebody may scan the readers just then. That is rare; but no reader is to be held up by
    // writers.
    var attemptsLeft = 8
    while !Flavor._isSnapshotSection(number) {
      unsafe Flavor._exitReadSection()
      attemptsLeft &-= 1
      if attemptsLeft == 0 {
        unsafe Flavor._enterFencedReadSection()
        return body(load())
      }
      number = unsafe Flavor._enterSnapshotReadSection()
      pointers = load()
    }
    return body(pointers)
  }

  /// Whether the calling thread is inside a read section of this domain.
  ///
  /// - Source: `rcu_read_ongoing`.
  @inlinable
  public static var isInReadSection: Bool { Flavor._isInReadSection }
}

extension RCUDomain where Flavor: ThreadRegisteringFlavor {
  /// Registers the calling thread as a reader while `body` runs.
  ///
  /// Nested calls on one thread register it once. A thread that ends inside is unregistered.
  ///
  /// - Source: `rcu_register_thread`, `rcu_unregister_thread`.
  @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
  public static func withRegisteredThread<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    if Flavor._isThreadRegistered { return try body() }
    unsafe Flavor._registerThread()
    defer { unsafe Flavor._unregisterThread() }
    return try body()
  }

  /// Registers the calling thread as a reader, until ``unregisterThread()`` or its end: for pools
  /// of threads that have calls at the start and the stop of each.
  ///
  /// - Precondition: the thread isn't registered.
  /// - Source: `rcu_register_thread`.
  @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
  public static func registerThread() {
    require(
      !Flavor._isThreadRegistered,
      "RCUDomain.registerThread(): this thread is registered already; ask isThreadRegistered first")
    unsafe Flavor._registerThread()
  }

  /// Ends what ``registerThread()`` began.
  ///
  /// - Precondition: the thread is registered, is in no section, and isn't inside
  ///   ``withRegisteredThread(_:)``.
  /// - Source: `rcu_unregister_thread`.
  @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
  public static func unregisterThread() {
    require(
      Flavor._isThreadRegistered,
      "RCUDomain.unregisterThread(): this thread is not registered; call registerThread() first")
    require(
      !Flavor._isInReadSection,
      "RCUDomain.unregisterThread() inside a read section; leave the section first")
    unsafe Flavor._unregisterThread()
  }

  /// Whether the calling thread may read.
  public static var isThreadRegistered: Bool { Flavor._isThreadRegistered }
}

extension RCUDomain {
  /// Proof that the calling thread is inside a read section.
  ///
  /// Only ``RCUDomain/withReadSection(_:)`` makes one. It can be copied and passed to functions; it
  /// can't outlive the section, nor leave its thread. Where the compiler doesn't see that it does,
  /// a debug build traps.
  @safe
  public struct ReadSection: ~Escapable {
    #if DEBUG
      // Which section it is; 0: nobody checks.
      @usableFromInline let token: UInt64
    #endif

    @usableFromInline
    @inline(__always)
    @_lifetime(immortal)
    init() {
      #if DEBUG
        token = Flavor._checksSections ? rcushims_section_token(Flavor._number) : 0
      #endif
    }

    /// - Safety: nobody checks that it stays in its section.
    @usableFromInline
    @inline(__always)
    @_lifetime(immortal)
    @unsafe
    init(unchecked: ()) {
      #if DEBUG
        token = 0
      #endif
    }

    /// Ends the process if the section isn't open on this thread: in debug builds. The compiler,
    /// Swift 6.3, doesn't check a dynamic cast of what can't escape, nor what generic code, or a
    /// noncopyable enum, puts into an enum's payload in an outer scope.
    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        require(
          token == 0 || rcushims_is_section_open(Flavor._number, token),
          "RCUDomain: a section, or a reference that was loaded in it, is used after the section has ended, or on another thread; use it inside"
        )
      #endif
    }
  }
}

@available(*, unavailable, message: "a read section belongs to the thread that opened it")
extension RCUDomain.ReadSection: Sendable {}
