// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// A value under a pthread mutex.
///
/// For tests in place of `Mutex`, whose lock ThreadSanitizer doesn't see: it would report what the
/// lock guards.
@safe
package final class Locked<Value>: @unchecked Sendable {
  // Sendable: `value` is read and written under `mutex`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  package init(_ value: Value) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    self.value = value
    let error = unsafe pthread_mutex_init(mutex, nil)
    precondition(error == 0, "Locked: no mutex, errno \(error)")
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  package func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
