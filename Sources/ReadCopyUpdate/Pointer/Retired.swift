// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A value that was taken out of a ``Pointer`` and that readers may still see.
  ///
  /// Dropping it defers its destruction by a grace period, and past ``RCUDomain/limits`` waits for
  /// the reclaimer, outside of sections. ``reclaim()`` waits for a grace period instead.
  @safe
  @frozen
  public struct Retired<Value: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline
    let address: UnsafeMutableRawPointer

    /// - Safety: `address` is a `_PointeeBox<Value>` that no new reader can reach, and that no one
    ///   else retires.
    @usableFromInline
    @unsafe
    init(_ address: UnsafeMutableRawPointer) {
      unsafe self.address = address
    }

    @inlinable
    deinit {
      unsafe Flavor._reclaimer.retire(
        _Retirement(bytes: _PointeeBox<Value>.bytes, object: address) { object in
          unsafe _PointeeBox<Value>.destroy(object.unsafelyUnwrapped)
        })
    }

    /// Waits for a grace period, then destroys the value on the calling thread.
    ///
    /// - Precondition: as ``RCUDomain/synchronize()-(()->())``.
    @available(*, noasync, message: "blocks the thread; drop the value instead")
    @inlinable
    public consuming func reclaim() {
      RCUDomain.synchronize()
      let address = unsafe self.address
      discard self
      unsafe _PointeeBox<Value>.destroy(address)
    }
  }
}

extension RCUDomain.Retired: @unchecked Sendable where Value: ~Copyable {
  // It is the only owner of a Sendable value.
}
