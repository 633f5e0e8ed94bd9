// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import _SystemShims

/// The kernel's `mmap_lock`: a readers-writer lock whose write sections advance a sequence counter,
/// so that readers can do without the lock and find out afterwards whether they were disturbed.
///
/// Three ways to read: ``withReadLock(_:)``, which holds up writers; ``speculate(_:)``, which
/// doesn't, and fails if one came; ``beginSpeculation()`` with ``validate(_:)``, the same by hand.
///
/// | state | counter | lock |
/// |---|---|---|
/// | idle | even | free |
/// | read | even | shared |
/// | write section | odd | exclusive |
/// | downgraded | even | shared, and no writer in between |
///
/// - Source: `mmap_lock`, `mmap_lock_speculate_try_begin`, `mmap_lock_speculate_retry`.
@safe
public final class SpeculativeRWLock: @unchecked Sendable {
  // Sendable: pthread's locks are made to be shared; the counter is atomic; `isDowngrading` is
  // guarded.
  /// Which side a waiting thread of the other side must let pass.
  public enum Preference: Sendable, Equatable {
    /// A waiting writer holds up new readers: no writer starves. The default.
    case writers
    /// Readers enter while readers are inside: a writer may wait for ever.
    case readers
  }

  /// Proof of an even counter, for ``SpeculativeRWLock/validate(_:)``.
  public struct Speculation: Sendable, Equatable {
    @usableFromInline let sequence: UInt64
    @inlinable
    init(sequence: UInt64) { self.sequence = sequence }
  }

  @usableFromInline let counter = SequenceCounter()
  @usableFromInline let lock: UnsafeMutablePointer<pthread_rwlock_t>
  // Model: Tests/Models/maplock.pml. Whether a thread is on its way from the write lock to the read
  // lock: a writer that comes between steps aside, which makes the downgrade atomic. Set under the
  // write lock, by a thread that found it false; cleared by the same thread under the read lock;
  // read by others under the write lock. Behind a pointer: a class's variable would be checked for
  // exclusive access each time.
  @usableFromInline let isDowngrading: UnsafeMutablePointer<Bool>
  // Where those writers wait. Held while `isDowngrading`.
  @usableFromInline let downgrade: UnsafeMutablePointer<pthread_mutex_t>

  /// Which side passes first.
  public let preference: Preference

  /// Makes a lock that no thread holds.
  ///
  /// - Parameter preference: which side passes first where readers and writers wait.
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
    require(errors == (0, 0), "SpeculativeRWLock: pthread makes no lock, errno \(errors)")
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
  /// - Precondition: the thread doesn't hold the lock. Inside ``withWriteLock(_:)`` that is a trap;
  ///   inside another read lock, with `.writers`, this can wait for a writer that waits for the
  ///   outer one.
  /// - Threads: any; not in a signal handler.
  @inlinable
  public func withReadLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    check(unsafe pthread_rwlock_rdlock(lock), Self.nestedMessage)
    defer { unlock() }
    return try body()
  }

  /// Runs `body` with the lock held for writing: a write section.
  ///
  /// - Memory ordering: the counter is odd before anything `body` does can be seen, and even after
  ///   all of it can (see ``SequenceCounter``), and even before the lock is free.
  /// - Precondition: the thread doesn't hold the lock. Inside another `withWriteLock` that is a
  ///   trap; inside ``withReadLock(_:)`` the thread waits for itself.
  /// - Threads: any; not in a signal handler.
  @inlinable
  public func withWriteLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    beginWriteSection()
    defer {
      counter.endWrite()
      unlock()
    }
    return try body()
  }

  /// Runs `body` with the lock held for writing, but in no write section: the counter stays as it
  /// is. `body` changes nothing that others read without the lock.
  package func withExclusiveLock<R: ~Copyable>(_ body: () -> R) -> R {
    lockForWriting()
    defer { unlock() }
    return body()
  }

  /// Runs `write` in a write section, then `read` under the read lock, with no other writer in
  /// between. The write section ends, and speculation becomes possible, before `read` starts.
  ///
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
    // Writers that wait for the lock may come first, each once, and step aside.
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

  /// Ends the process where pthread refuses what was asked of it: going on would give the lock
  /// away.
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

  /// Lets a downgrade pass. The write lock is held before and after, and free meanwhile.
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
  /// The counter now: odd in a write section, which leaves it one higher. Nothing is ordered by it.
  @inlinable
  public var sequence: UInt64 { counter.current }

  /// Begins a speculation, or refuses at once while a writer is inside: waiting would be as dear as
  /// the lock.
  ///
  /// - Memory ordering: acquiring; see ``SequenceCounter/tryBegin()``.
  /// - Source: `mmap_lock_speculate_try_begin`.
  @inlinable
  public func beginSpeculation() -> Speculation? {
    counter.tryBegin().map(Speculation.init(sequence:))
  }

  /// Whether no write section has begun since the speculation did.
  ///
  /// - Memory ordering: see ``SequenceCounter/validate(_:)``.
  /// - Source: `mmap_lock_speculate_retry`, inverted.
  @inlinable
  public func validate(_ speculation: Speculation) -> Bool {
    counter.validate(speculation.sequence)
  }

  /// Runs `body` without the lock; `nil` if a writer was inside or came between, also where `body`
  /// threw.
  ///
  /// - Parameter body: reads atomics, or what read-copy update protects, and copies. It must not
  ///   follow what it copied: that is valid only if this returns a value.
  @inlinable
  public func speculate<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R? {
    guard let sequence = counter.tryBegin() else { return nil }
    let result: R
    do throws(E) {
      result = try body()
    } catch {
      // Thrown over what may have been torn: it counts only if it wasn't.
      if counter.validate(sequence) { throw error }
      return nil
    }
    return counter.validate(sequence) ? result : nil
  }
}
