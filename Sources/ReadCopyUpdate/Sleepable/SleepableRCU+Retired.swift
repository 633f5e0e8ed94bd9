// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension SleepableRCU {
  /// A value that was taken out of a ``Pointer`` and that readers may still see.
  ///
  /// Dropping it defers its destruction by a grace period, and never waits;
  /// ``retire(additionalBytes:mayWait:)`` does the same and says more, ``reclaim()`` waits for a
  /// grace period instead, and ``take()`` gives the value itself after one.
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
      unsafe Self.defer(address, of: domain, additionalBytes: 0, mayWait: false, owner: 0)
    }

    /// Hands the value over to the reclaimer.
    ///
    /// - Parameter owner: the address of the pointer that goes, with what it owned; 0: another
    ///   place.
    /// - Safety: as the initialiser's, and nobody does this twice.
    @unsafe
    @inlinable
    static func `defer`(
      _ address: UnsafeMutableRawPointer, of domain: SleepableRCU, additionalBytes: Int,
      mayWait: Bool, owner: UInt
    ) {
      unsafe domain._reclaimer.retire(
        _Retirement(
          bytes: _PointeeBox<Value>.bytes, additionalBytes: additionalBytes, allocation: address
        ) { address in
          unsafe _PointeeBox<Value>.deinitialize(address.unsafelyUnwrapped)
        }, mayWait: mayWait, owner: owner)
    }

    /// Has the value destroyed after a grace period, by the domain's reclaimer thread.
    ///
    /// - Parameter additionalBytes: the memory that the value owns elsewhere, such as an array's
    ///   storage, and gives back; 0 to 2^47.
    /// - Parameter mayWait: whether to wait, past ``SleepableRCU/limits``, for the reclaimer, where
    ///   that can't deadlock; see ``SleepableRCU/afterGracePeriod(bytes:mayWait:_:)``.
    @inlinable
    public consuming func retire(additionalBytes: Int = 0, mayWait: Bool = true) {
      require(
        additionalBytes >= 0 && additionalBytes <= 1 << 47,
        "SleepableRCU.Retired.retire: additional bytes are 0 to 2^47")
      guard let address = unsafe self.address else { return }
      unsafe self.address = nil
      unsafe Self.defer(
        address, of: domain, additionalBytes: additionalBytes, mayWait: mayWait, owner: 0)
    }

    /// The same, where the value itself says what it owns elsewhere.
    @inlinable
    public consuming func retire(
      additionalBytes: (borrowing Value) -> Int, mayWait: Bool = true
    ) {
      guard let address = unsafe self.address else { return }
      let bytes = additionalBytes(unsafe address.assumingMemoryBound(to: Value.self).pointee)
      retire(additionalBytes: bytes, mayWait: mayWait)
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
    /// - Precondition: as ``SleepableRCU/synchronize()``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    @inlinable
    public consuming func reclaim() {
      domain.synchronize()
      destroyNow()
    }

    /// Suspends the task for a grace period, then destroys the value.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()``.
    @inlinable
    public consuming func reclaim() async {
      await domain.synchronize()
      destroyNow()
    }

    /// Waits for a grace period and gives the value to the caller, who is then its only owner.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    @inlinable
    public consuming func take() -> Value {
      domain.synchronize()
      return moveNow()
    }

    /// Suspends the task for a grace period and gives the value to the caller, who is then its only
    /// owner.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()``.
    @inlinable
    public consuming func take() async -> Value {
      await domain.synchronize()
      return moveNow()
    }

    @inlinable
    consuming func moveNow() -> Value {
      let address = unsafe self.address.unsafelyUnwrapped
      unsafe self.address = nil
      let value = unsafe address.assumingMemoryBound(to: Value.self).move()
      unsafe _PointeeBox<Value>.deallocate(address)
      return value
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
