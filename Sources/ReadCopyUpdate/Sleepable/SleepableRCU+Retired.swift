// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension SleepableRCU {
  /// A value that was taken out of a ``Pointer`` and that readers may still see.
  ///
  /// Dropping it defers its destruction by a grace period, with the bounds of
  /// ``SleepableRCU/afterGracePeriod(bytes:_:)``; ``reclaim()-(()->())`` waits for one instead.
  @safe
  @frozen
  public struct Retired<Value: ~Copyable & Sendable>: ~Copyable {
    // Nil: given up by `reclaim`.
    @usableFromInline
    var address: UnsafeMutableRawPointer?
    @usableFromInline
    let domain: SleepableRCU

    /// - Safety: `address` is a `_PointeeBox<Value>` that no new reader can reach, and that no one
    ///   else retires; `domain` is the one whose sections could.
    @usableFromInline
    @unsafe
    init(_ address: UnsafeMutableRawPointer, of domain: SleepableRCU) {
      unsafe self.address = address
      self.domain = domain
    }

    @inlinable
    deinit {
      guard let address = unsafe address else { return }
      unsafe domain._reclaimer.retire(
        _Retirement(bytes: _PointeeBox<Value>.bytes, allocation: address) { address in
          unsafe _PointeeBox<Value>.deinitialize(address.unsafelyUnwrapped)
        })
    }

    /// The value, in place. Readers may look at it at the same time.
    @inlinable
    @safe
    public var value: Value {
      // Safety: only `reclaim`, which consumes this, gives the allocation up.
      @inline(__always)
      unsafeAddress {
        unsafe UnsafePointer(address.unsafelyUnwrapped.assumingMemoryBound(to: Value.self))
      }
    }

    /// Waits for a grace period, then destroys the value on the calling thread.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()-(()->())``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    @inlinable
    public consuming func reclaim() {
      domain.synchronize()
      destroyNow()
    }

    /// Suspends the task for a grace period, then destroys the value.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()-(()->())``.
    @inlinable
    public consuming func reclaim() async {
      await domain.synchronize()
      destroyNow()
    }

    /// A grace period has passed: the caller is the last who can reach the value.
    @inlinable
    consuming func destroyNow() {
      let address = unsafe self.address.unsafelyUnwrapped
      unsafe self.address = nil
      unsafe _PointeeBox<Value>.destroy(address)
    }
  }
}

extension SleepableRCU.Retired: @unchecked Sendable where Value: ~Copyable {
  // It is the only owner of a Sendable value.
}
