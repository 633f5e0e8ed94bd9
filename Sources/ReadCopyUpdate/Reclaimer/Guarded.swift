// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

/// A value and the ``Monitor`` that guards it, for the other modules of this package.
@safe
package final class Guarded<Value>: @unchecked Sendable {
  // Sendable: `value` is accessed only under the monitor's lock.
  private let monitor = Monitor()
  private var value: Value

  package init(_ value: sending Value) { self.value = value }

  /// Runs `body` with the value, under the lock.
  package func withLock<R, E: Error>(
    _ body: (inout Value) throws(E) -> sending R
  ) throws(E) -> sending R {
    monitor.lock()
    defer { monitor.unlock() }
    return try body(&value)
  }

  /// Waits until `isOver` returns true, at most until `deadline`, in nanoseconds of the monotonic
  /// clock. `isOver` is called under the lock, and again after each ``signal()``.
  package func wait(until deadline: UInt64, _ isOver: (inout Value) -> Bool) {
    monitor.lock()
    defer { monitor.unlock() }
    while !isOver(&value), sysshims_now() < deadline { monitor.wait(until: deadline) }
  }

  /// Wakes all waiting threads.
  package func signal() { monitor.signalAll() }
}
