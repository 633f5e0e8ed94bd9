// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

/// One deferred destruction: what to run after a grace period, and what it gives back.
@safe
public struct _Retirement: ~Copyable, Sendable {
  @safe
  @usableFromInline
  enum Action: Sendable {
    /// Functions without a context, where the type is known: no allocation for a retirement.
    // Safety: the object is handed from the retiring thread to the runner through its lock.
    case deinitialize(UInt, @Sendable (UnsafeMutableRawPointer?) -> Void)
    case destroy(UInt, @Sendable (UnsafeMutableRawPointer?) -> Void)
    case call(@Sendable () -> Void)
  }

  /// What it gives back.
  @usableFromInline let bytes: Int
  /// Of these, what isn't of the object itself.
  @usableFromInline let additionalBytes: Int
  @usableFromInline let action: Action

  /// A deferred call.
  @inlinable
  init(bytes: Int, action: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    additionalBytes = 0
    self.action = .call(action)
  }

  /// A deferred destruction of the one object at `allocation`, which has `bytes`, or a few more.
  ///
  /// - Parameter action: destroys what is there; the allocation is freed after it.
  @inlinable
  init(
    bytes: Int, additionalBytes: Int, allocation object: UnsafeMutableRawPointer,
    deinitialize action: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
  ) {
    self.bytes = bytes &+ additionalBytes
    self.additionalBytes = additionalBytes
    unsafe self.action = .deinitialize(UInt(bitPattern: object), action)
  }

  /// A deferred destruction of all that is reached from `object`, which `action` frees.
  @inlinable
  init(
    bytes: Int, object: UnsafeMutableRawPointer,
    action: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
  ) {
    self.bytes = bytes
    additionalBytes = 0
    unsafe self.action = .destroy(UInt(bitPattern: object), action)
  }

  /// The addresses of what is destroyed in place; empty if that isn't known.
  var memory: Range<UInt> {
    guard case .deinitialize(let object, _) = action else { return 0..<0 }
    return object..<object + UInt(bytes - additionalBytes)
  }

  /// The code of what runs, for reports.
  var function: UInt {
    switch action {
    case .deinitialize(_, let function), .destroy(_, let function):
      // Safety: a function and its context, two words; only looked at.
      unsafe unsafeBitCast(function, to: (UInt, UInt).self).0
    case .call(let function):
      unsafe unsafeBitCast(function, to: (UInt, UInt).self).0
    }
  }

  /// - Returns: memory that is to be freed, and belongs to the caller.
  consuming func run() -> UnsafeMutableRawPointer? {
    switch action {
    case .deinitialize(let object, let deinitialize):
      let object = unsafe UnsafeMutableRawPointer(bitPattern: object)
      unsafe deinitialize(object)
      return unsafe object
    case .destroy(let object, let destroy):
      unsafe destroy(UnsafeMutableRawPointer(bitPattern: object))
    case .call(let call): call()
    }
    return nil
  }
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
  guard sysshims_poisons() && byteCount > 0 else { return }
  unsafe sysshims_poison(address, byteCount)
}
