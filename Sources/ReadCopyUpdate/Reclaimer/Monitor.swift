// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _SystemShims

/// A mutex and a condition variable at a stable address.
///
/// Swift's `Mutex` has no condition variable, and ThreadSanitizer doesn't see it, so that it would
/// report everything that the mutex guards.
@safe
package struct Monitor: ~Copyable, @unchecked Sendable {
  // Sendable: pthread's objects are made for sharing.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  package init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    initialize()
  }

  private func initialize() {
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    let errors = unsafe (pthread_mutex_init(mutex, nil), sysshims_condition_init(condition))
    require(errors == (0, 0), "Monitor: pthread can't create a mutex and a condition")
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  func withLock<R>(_ body: () -> R) -> R {
    lock()
    defer { unlock() }
    return body()
  }

  /// Waits for a signal. The lock is held before and after; wake-ups may be spurious.
  func wait() { unsafe pthread_cond_wait(condition, mutex) }

  /// The same, but waits at most until `deadline`, in nanoseconds of the monotonic clock.
  func wait(until deadline: UInt64) {
    _ = unsafe sysshims_condition_wait(condition, mutex, deadline)
  }

  func signalAll() { unsafe pthread_cond_broadcast(condition) }

  // MARK: Around a fork, and for other modules, in which generic functions aren't specialised

  package func lock() {
    // A signal handler that forks must know about this lock.
    sysshims_enter_lock()
    unsafe pthread_mutex_lock(mutex)
  }

  package func unlock() {
    unsafe pthread_mutex_unlock(mutex)
    sysshims_leave_lock()
  }

  /// In a child of `fork`: makes the lock free, with no waiters. A condition variable remembers its
  /// waiters, and would wait for threads that the child doesn't have.
  func startAfresh() { initialize() }
}
