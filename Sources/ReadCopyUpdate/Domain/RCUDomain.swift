// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims

/// Read-copy update: readers that cost two plain stores, writers that wait for them.
///
/// A domain is a namespace over a ``RCUFlavor``; all its members are static. Readers open a *read
/// section* and load ``Pointer``s in it. A writer replaces what a pointer points to, and the old
/// pointee is destroyed after a *grace period*: when every section that was open at the time of the
/// replacement has ended.
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
/// The compiler enforces that a ``Ref`` isn't stored, returned, captured by an escaping closure or
/// sent elsewhere, that a section contains no `await`, and that `async` code doesn't call the
/// blocking ``synchronize()``, ``barrier()`` and `reclaim()`. Calling ``synchronize()`` or
/// ``barrier()`` inside a section traps. Two rules are yours. A section must end soon, since
/// everything that is retired meanwhile waits for it. And past the domain's ``limits``, whatever
/// retires a value may wait for the reclaimer, so don't hold a lock then that a deferred call
/// takes.
///
/// A child of `fork` may read, retire and wait, and has a reclaimer of its own: a fork waits for
/// the batch in progress. The child of a fork inside a read section may only `exec` or exit.
public enum RCUDomain<Flavor: RCUFlavor> {}

/// The default domain.
public typealias RCU = RCUDomain<BulletproofFlavor>

extension RCUDomain {
  /// Runs `body` in a read section and returns what it returns.
  ///
  /// Sections nest. What a ``Pointer`` held when it was loaded in the section stays intact until
  /// the outermost section ends.
  ///
  /// - Memory ordering: everything that `body` does happens before the end of any grace period that
  ///   starts before the section ends. *Pairs with* ``synchronize()`` and with every deferred
  ///   destruction.
  /// - Threads: any; a registered one if the flavor asks for that. Signal handlers may read on
  ///   threads that have read before.
  /// - Complexity: O(1): no call, no allocation and no reference counting in optimised code. Up to
  ///   64 sections at a thread's start, and after each dump of an address space, call a function
  ///   that has a fence.
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

  /// ``withReadSection(_:)`` for bodies that take longer than a microsecond: it begins with a
  /// memory barrier, so that writers needn't interrupt this thread. Not in a signal handler.
  @inlinable
  @inline(__always)
  package static func withFencedReadSection<R: ~Copyable, E: Error>(
    _ body: (ReadSection) throws(E) -> R
  ) throws(E) -> R {
    unsafe Flavor._enterFencedReadSection()
    defer { unsafe Flavor._exitReadSection() }
    return try body(ReadSection())
  }

  /// ``withFencedReadSection(_:)`` for a body that follows only pointers that were loaded at its
  /// beginning.
  ///
  /// What a ``NodePool`` publishes after that, and retires again, doesn't wait for the section.
  /// `body` follows only the pointers that it is given, and what they lead to; sections nested in
  /// it may load any pointer.
  ///
  /// - Parameter load: loads pointers, with acquiring loads, but doesn't follow them. May run
  ///   repeatedly.
  @inlinable
  @inline(__always)
  package static func withSnapshotReadSection<Pointers, R: ~Copyable>(
    _ load: () -> Pointers, _ body: (Pointers) -> R
  ) -> R {
    var number = unsafe Flavor._enterSnapshotReadSection()
    defer { unsafe Flavor._exitReadSection() }
    var pointers = load()
    // The readers may be scanned at this very moment. That is rare, but writers must not hold up a
    // reader for ever.
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
  /// - Complexity: O(1).
  /// - Source: `rcu_read_ongoing`.
  @inlinable
  public static var isInReadSection: Bool { Flavor._isInReadSection }
}

extension RCUDomain where Flavor: ThreadRegisteringFlavor {
  /// Registers the calling thread as a reader while `body` runs.
  ///
  /// Nested calls register the thread only once. A thread that ends inside `body` is unregistered.
  ///
  /// - Complexity: O(1), under locks of liburcu and of the registry.
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

  /// Registers the calling thread as a reader, until ``unregisterThread()`` or its end. For thread
  /// pools that have hooks for the start and the end of a thread.
  ///
  /// - Precondition: the thread isn't registered.
  /// - Complexity: O(1), under locks of liburcu and of the registry.
  /// - Source: `rcu_register_thread`.
  @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
  public static func registerThread() {
    require(
      !Flavor._isThreadRegistered,
      "RCUDomain.registerThread(): this thread is registered already; ask isThreadRegistered first")
    unsafe Flavor._registerThread()
  }

  /// Undoes ``registerThread()``.
  ///
  /// - Precondition: the thread is registered, is in no section, and isn't inside
  ///   ``withRegisteredThread(_:)``.
  /// - Complexity: O(1), under locks of liburcu and of the registry.
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

  /// Whether the calling thread is registered, so that it may read.
  ///
  /// - Complexity: O(1).
  public static var isThreadRegistered: Bool { Flavor._isThreadRegistered }
}

extension RCUDomain {
  /// Proof that the calling thread is inside a read section.
  ///
  /// Only ``RCUDomain/withReadSection(_:)`` makes one. It can be copied and passed to functions,
  /// but it can't outlive the section or leave its thread. Where the compiler doesn't catch that, a
  /// debug build traps.
  @safe
  public struct ReadSection: ~Escapable {
    #if DEBUG
      // Identifies the section; 0 if it isn't checked.
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

    /// - Safety: the caller guarantees that it stays in its section, since nothing checks that.
    @usableFromInline
    @inline(__always)
    @_lifetime(immortal)
    @unsafe
    init(unchecked: ()) {
      #if DEBUG
        token = 0
      #endif
    }

    /// In debug builds, ends the process if the section isn't open on this thread. The compiler,
    /// Swift 6.3, misses some escapes: dynamic casts of nonescapable values, and values that
    /// generic code, or a noncopyable enum, stores as an enum's payload in an outer scope.
    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        require(
          token == 0 || rcushims_is_section_open(Flavor._number, token),
          "RCUDomain: a section, or a reference loaded in it, is used after the section's end or on another thread; use it only inside the section"
        )
      #endif
    }
  }
}

@available(*, unavailable, message: "a read section belongs to the thread that opened it")
extension RCUDomain.ReadSection: Sendable {}
