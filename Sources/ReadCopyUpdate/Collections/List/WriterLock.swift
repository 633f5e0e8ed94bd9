// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// The lock that excludes the writers of one collection from one another.
///
/// Unlike `Monitor`, it has no condition, can be taken by inlinable code, and detects a thread that
/// takes it twice.
@safe
@usableFromInline
struct _WriterLock: ~Copyable, @unchecked Sendable {
  // Sendable: a pthread mutex is made for sharing.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  @usableFromInline
  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    var attributes = pthread_mutexattr_t()
    let errors = unsafe [
      pthread_mutexattr_init(&attributes),
      pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK)),
      pthread_mutex_init(mutex, &attributes),
      pthread_mutexattr_destroy(&attributes),
    ]
    require(errors.allSatisfy { $0 == 0 }, "_WriterLock: pthread can't create a mutex")
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  @usableFromInline
  func lock() {
    let error = unsafe pthread_mutex_lock(mutex)
    require(
      error == 0,
      "RCUDomain.List: a predicate changes the list that calls it; change it after the call")
  }

  @usableFromInline
  func unlock() {
    let error = unsafe pthread_mutex_unlock(mutex)
    require(error == 0, "_WriterLock: the thread doesn't hold the lock, errno \(error)")
  }
}
