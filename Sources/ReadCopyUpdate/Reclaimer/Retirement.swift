// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

/// A deferred destruction or call: what to run after a grace period, and the bytes that it gives
/// back.
@safe
public struct _Retirement: ~Copyable, Sendable {
  @safe
  @usableFromInline
  enum Action: Sendable {
    /// Functions without a context, if the type is known, so that a retirement doesn't allocate.
    /// Safety: the retiring thread hands the object to the runner under the reclaimer's lock.
    case deinitialize(UInt, @Sendable (UnsafeMutableRawPointer?) -> Void)
    case destroy(UInt, @Sendable (UnsafeMutableRawPointer?) -> Void)
    case call(@Sendable () -> Void)
  }

  /// The bytes that it gives back.
  @usableFromInline let bytes: Int
  /// The part of these bytes that isn't in the object itself.
  @usableFromInline let additionalBytes: Int
  @usableFromInline let action: Action

  /// A deferred call.
  @inlinable
  init(bytes: Int, action: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    additionalBytes = 0
    self.action = .call(action)
  }

  /// A deferred destruction of the object at `allocation`, which has `bytes` bytes, or a few more.
  ///
  /// - Parameter action: destroys the object; the allocation is freed afterwards.
  @inlinable
  init(
    bytes: Int, additionalBytes: Int, allocation object: UnsafeMutableRawPointer,
    deinitialize action: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
  ) {
    self.bytes = bytes &+ additionalBytes
    self.additionalBytes = additionalBytes
    unsafe self.action = .deinitialize(UInt(bitPattern: object), action)
  }

  /// A deferred destruction of everything reachable from `object`, which `action` frees.
  @inlinable
  init(
    bytes: Int, object: UnsafeMutableRawPointer,
    action: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
  ) {
    self.bytes = bytes
    additionalBytes = 0
    unsafe self.action = .destroy(UInt(bitPattern: object), action)
  }

  /// The addresses of what is destroyed in place; empty if that is unknown.
  var memory: Range<UInt> {
    guard case .deinitialize(let object, _) = action else { return 0..<0 }
    return object..<object + UInt(bytes - additionalBytes)
  }

  /// The address of the code that will run, for reports.
  var function: UInt {
    switch action {
    case .deinitialize(_, let function), .destroy(_, let function):
      // Safety: a function and its context, two words that are only looked at.
      unsafe unsafeBitCast(function, to: (UInt, UInt).self).0
    case .call(let function):
      unsafe unsafeBitCast(function, to: (UInt, UInt).self).0
    }
  }

  /// - Returns: memory that the caller must free.
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

/// Overwrites memory that is about to be freed: in sanitizer builds, or if
/// ``RCUDebugging/poisonsReclaimedMemory`` is on.
///
/// ThreadSanitizer doesn't report a `free` or `memset` that races with a reader, but it does report
/// plain stores of instrumented code.
///
/// - Safety: nobody uses the `byteCount` bytes at `address` any more.
@inlinable
@unsafe
package func _poison(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  guard sysshims_poisons() && byteCount > 0 else { return }
  unsafe sysshims_poison(address, byteCount)
}
