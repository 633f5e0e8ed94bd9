// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import _SystemShims

/// A readers-writer lock whose write sections advance a sequence counter, like the kernel's
/// `mmap_lock`. Readers can do without the lock, and find out afterwards whether a writer has
/// interfered.
///
/// There are three ways to read: ``withReadLock(_:)``, which holds up writers; ``speculate(_:)``,
/// which doesn't, and fails if a writer comes; and ``beginSpeculation()`` with ``validate(_:)``,
/// which do the same by hand.
///
/// | state | counter | lock |
/// |---|---|---|
/// | idle | even | free |
/// | read | even | shared |
/// | write section | odd | exclusive |
/// | downgraded | even | shared; no other writer comes before it |
///
/// - Source: `mmap_lock`, `mmap_lock_speculate_try_begin`, `mmap_lock_speculate_retry`.
@safe
public final class SpeculativeRWLock: @unchecked Sendable {
  // Sendable: pthread's locks are made for sharing, the counter is atomic, and `isDowngrading` is
  // guarded.
  /// Which side goes first if both readers and writers wait.
  public enum Preference: Sendable, Equatable {
    /// A waiting writer holds up new readers, so that no writer starves. The default.
    case writers
    /// Readers enter while other readers are inside, so that a writer may wait for ever.
    case readers
  }

  /// An even value of the counter, for ``SpeculativeRWLock/validate(_:)``.
  public struct Speculation: Sendable, Equatable {
    @usableFromInline let sequence: UInt64
    @inlinable
    init(sequence: UInt64) { self.sequence = sequence }
  }

  @usableFromInline let counter = SequenceCounter()
  @usableFromInline let lock: UnsafeMutablePointer<pthread_rwlock_t>
  // Model: Tests/Models/maplock.pml. Whether a thread is changing its write lock into a read lock.
  // A writer that gets the lock in between steps aside, which makes the downgrade atomic. Set under
  // the write lock by a thread that found it false; cleared by the same thread under the read lock;
  // read by other threads under the write lock. Behind a pointer, since each access to a class's
  // variable would be checked for exclusivity.
  @usableFromInline let isDowngrading: UnsafeMutablePointer<Bool>
  // Where those writers wait. Locked while `isDowngrading` is true.
  @usableFromInline let downgrade: UnsafeMutablePointer<pthread_mutex_t>

  /// Which side goes first.
  public let preference: Preference

  /// Creates a lock that no thread holds.
  ///
  /// - Parameter preference: which side goes first if both readers and writers wait.
  /// - Complexity: O(1), and a few allocations.
  public init(preferring preference: Preference = .writers) {
    self.preference = preference
    unsafe lock = .allocate(capacity: 1)
    unsafe lock.initialize(to: pthread_rwlock_t())
    unsafe isDowngrading = .allocate(capacity: 1)
    unsafe isDowngrading.initialize(to: false)
    unsafe downgrade = .allocate(capacity: 1)
    unsafe downgrade.initialize(to: pthread_mutex_t())
    let errors = unsafe (
      sysshims_rwlock_init(lock, preference == .writers), pthread_mutex_init(downgrade, nil)
    )
    require(errors == (0, 0), "SpeculativeRWLock: pthread can't create a lock, errno \(errors)")
  }

  deinit {
    unsafe pthread_mutex_destroy(downgrade)
    unsafe pthread_rwlock_destroy(lock)
    unsafe downgrade.deallocate()
    unsafe isDowngrading.deallocate()
    unsafe lock.deallocate()
  }

  /// Runs `body` with the lock held for reading.
  ///
  /// - Precondition: the thread doesn't hold the lock. Inside ``withWriteLock(_:)`` this traps;
  ///   inside another read lock, with `.writers`, it may wait for a writer that waits for the outer
  ///   one.
  /// - Memory ordering: acquiring and releasing, as any lock: `body` sees all earlier write
  ///   sections.
  /// - Threads: any; not in a signal handler.
  /// - Complexity: O(1), besides waiting.
  @inlinable
  public func withReadLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    check(unsafe pthread_rwlock_rdlock(lock), Self.nestedMessage)
    defer { unlock() }
    return try body()
  }

  /// Runs `body` with the lock held for writing: a write section.
  ///
  /// - Memory ordering: the counter becomes odd before anything that `body` does can be seen, and
  ///   even after all of it can be seen (see ``SequenceCounter``) and before the lock is free.
  /// - Precondition: the thread doesn't hold the lock. Inside another `withWriteLock` this traps;
  ///   inside ``withReadLock(_:)`` the thread waits for itself.
  /// - Threads: any; not in a signal handler.
  /// - Complexity: O(1), besides waiting.
  @inlinable
  public func withWriteLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    beginWriteSection()
    defer {
      counter.endWrite()
      unlock()
    }
    return try body()
  }

  /// Runs `body` with the lock held for writing, but not in a write section: the counter doesn't
  /// change. `body` must change nothing that others read without the lock.
  package func withExclusiveLock<R: ~Copyable>(_ body: () -> R) -> R {
    lockForWriting()
    defer { unlock() }
    return body()
  }

  /// Runs `write` in a write section, then `read` under the read lock, with no other writer in
  /// between. The write section ends, and speculation becomes possible, before `read` starts.
  ///
  /// - Precondition, threads: as ``withWriteLock(_:)``.
  /// - Source: `mmap_write_downgrade`.
  @inlinable
  public func withWriteLock<W, R: ~Copyable, E: Error>(
    _ write: () throws(E) -> W, downgrade read: (W) throws(E) -> R
  ) throws(E) -> R {
    beginWriteSection()
    let written: W
    do throws(E) {
      written = try write()
    } catch {
      counter.endWrite()
      unlock()
      throw error
    }
    check(unsafe pthread_mutex_lock(downgrade), Self.nestedMessage)
    unsafe isDowngrading.pointee = true
    counter.endWrite()
    unlock()
    // Writers that wait for the lock may get it first; each steps aside once.
    check(unsafe pthread_rwlock_rdlock(lock), Self.nestedMessage)
    unsafe isDowngrading.pointee = false
    check(unsafe pthread_mutex_unlock(downgrade), Self.nestedMessage)
    defer { unlock() }
    return try read(written)
  }

  @inlinable
  func beginWriteSection() {
    lockForWriting()
    counter.beginWrite()
  }

  @inlinable
  @inline(__always)
  func lockForWriting() {
    check(unsafe pthread_rwlock_wrlock(lock), Self.nestedMessage)
    while unsafe isDowngrading.pointee { stepAside() }
  }

  @inlinable
  @inline(__always)
  func unlock() {
    check(unsafe pthread_rwlock_unlock(lock), "SpeculativeRWLock: the thread doesn't hold the lock")
  }

  /// Ends the process if pthread reports an error: going on would be going on without the lock.
  @inlinable
  @inline(__always)
  func check(_ error: Int32, _ message: StaticString) {
    if error != 0 { refuse(error, message) }
  }

  @usableFromInline
  @inline(never)
  func refuse(_ error: Int32, _ message: StaticString) -> Never {
    fail("\(message), errno \(error)")
  }

  @inlinable
  static var nestedMessage: StaticString {
    "SpeculativeRWLock: the thread holds the lock already; read or write inside the outer call"
  }

  /// Lets a downgrade pass. The caller holds the write lock before and after, but not meanwhile.
  @usableFromInline
  @inline(never)
  func stepAside() {
    unlock()
    check(unsafe pthread_mutex_lock(downgrade), Self.nestedMessage)
    check(unsafe pthread_mutex_unlock(downgrade), Self.nestedMessage)
    check(unsafe pthread_rwlock_wrlock(lock), Self.nestedMessage)
  }
}

// MARK: - Speculation

extension SpeculativeRWLock {
  /// The current counter: odd in a write section, which leaves it one higher. Relaxed: it orders
  /// nothing.
  @inlinable
  public var sequence: UInt64 { counter.current }

  /// Begins a speculation; `nil` at once if a writer is inside, since waiting would be as expensive
  /// as the lock.
  ///
  /// - Memory ordering: acquiring; see ``SequenceCounter/tryBegin()``.
  /// - Threads: any.
  /// - Complexity: O(1), one load.
  /// - Source: `mmap_lock_speculate_try_begin`.
  @inlinable
  public func beginSpeculation() -> Speculation? {
    counter.tryBegin().map(Speculation.init(sequence:))
  }

  /// Whether no write section has begun since the speculation did.
  ///
  /// - Memory ordering: see ``SequenceCounter/validate(_:)``.
  /// - Threads: any.
  /// - Complexity: O(1), one load.
  /// - Source: `mmap_lock_speculate_retry`, inverted.
  @inlinable
  public func validate(_ speculation: Speculation) -> Bool {
    counter.validate(speculation.sequence)
  }

  /// Runs `body` without the lock. Returns `nil` if a writer was inside or came meanwhile, even if
  /// `body` threw.
  ///
  /// - Parameter body: reads atomics, or what read-copy update protects, and copies it. It must not
  ///   follow what it copied, which is valid only if this returns a value.
  /// - Returns: the result of `body`, if no writer interfered.
  /// - Memory ordering: as ``beginSpeculation()`` and ``validate(_:)``.
  @inlinable
  public func speculate<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R? {
    guard let sequence = counter.tryBegin() else { return nil }
    let result: R
    do throws(E) {
      result = try body()
    } catch {
      // The error may come from torn data: it counts only if the data wasn't torn.
      if counter.validate(sequence) { throw error }
      return nil
    }
    return counter.validate(sequence) ? result : nil
  }
}
