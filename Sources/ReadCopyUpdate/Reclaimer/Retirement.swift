// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

/// One deferred destruction: what to run after a grace period, and what it gives back.
@safe
public struct _Retirement: Sendable {
  @usableFromInline let bytes: Int
  // Safety: handed from the retiring thread to the reclaimer through its lock, used once.
  @usableFromInline nonisolated(unsafe) let object: UnsafeMutableRawPointer?
  // A function without a context wherever the type is known: no allocation for a retirement.
  @usableFromInline let action: @Sendable (UnsafeMutableRawPointer?) -> Void

  /// A deferred call.
  @inlinable
  init(bytes: Int, action: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    unsafe self.object = nil
    unsafe self.action = { _ in action() }
  }

  /// A deferred destruction of `object`.
  @inlinable
  init(
    bytes: Int, object: UnsafeMutableRawPointer,
    action: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
  ) {
    self.bytes = bytes
    unsafe self.object = object
    unsafe self.action = action
  }

  func run() { unsafe action(object) }
}

/// Fills memory that is about to be freed, in sanitizer builds, or where
/// ``RCUDebugging/poisonsReclaimedMemory`` is on.
///
/// ThreadSanitizer doesn't report `free` or `memset` racing with a reader; it does report plain
/// stores of instrumented code.
///
/// - Safety: `address` holds at least `byteCount` bytes that nobody uses any more.
@inlinable
@unsafe
package func _poison(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  guard rcushims_poisons() && byteCount > 0 else { return }
  unsafe rcushims_poison(address, byteCount)
}
