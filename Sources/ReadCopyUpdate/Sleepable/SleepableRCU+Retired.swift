// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension SleepableRCU {
  /// A value that was taken out of a ``Pointer`` and that readers may still see.
  ///
  /// Dropping it defers its destruction by a grace period, and never waits.
  /// ``retire(additionalBytes:mayWait:)`` does the same explicitly, with more options.
  /// ``reclaim()`` waits for a grace period and then destroys the value, and ``take()`` waits and
  /// then returns it.
  ///
  /// - Threads: any.
  @safe
  @frozen
  public struct Retired<Value: ~Copyable & Sendable>: ~Copyable {
    // Nil if `reclaim`, `retire` or `take` has given it up.
    @usableFromInline
    var address: UnsafeMutableRawPointer?
    @usableFromInline
    let domain: SleepableRCU

    /// - Safety: `address` is a `_PointeeBox<Value>` that no new reader can reach, and that nothing
    ///   else retires; only sections of `domain` may have reached it.
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
    /// - Parameter owner: the address of the pointer that is being destroyed with what it owns; 0
    ///   for anything else.
    /// - Safety: as for the initialiser; called only once.
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

    /// Lets the domain's reclaimer thread destroy the value after a grace period.
    ///
    /// - Parameter additionalBytes: the bytes that the value owns elsewhere, such as an array's
    ///   storage, and that its destruction gives back; 0 to 2^47. They count for
    ///   ``SleepableRCU/limits``.
    /// - Parameter mayWait: whether this may wait for the reclaimer past ``SleepableRCU/limits``,
    ///   if that can't deadlock; see ``SleepableRCU/afterGracePeriod(bytes:mayWait:_:)``.
    /// - Precondition: if this may wait, the thread holds no lock that a deferred call or a
    ///   `deinit` takes.
    /// - Complexity: O(1), under the reclaimer's lock, unless it waits.
    @inlinable
    public consuming func retire(additionalBytes: Int = 0, mayWait: Bool = true) {
      require(
        additionalBytes >= 0 && additionalBytes <= 1 << 47,
        "SleepableRCU.Retired.retire: additionalBytes must be 0 to 2^47")
      guard let address = unsafe self.address else { return }
      unsafe self.address = nil
      unsafe Self.defer(
        address, of: domain, additionalBytes: additionalBytes, mayWait: mayWait, owner: 0)
    }

    /// The same, for a value that can tell how many bytes it owns elsewhere.
    ///
    /// - Parameter additionalBytes: returns the bytes that the value owns elsewhere; 0 to 2^47.
    /// - Parameter mayWait: as for ``retire(additionalBytes:mayWait:)-(Int,_)``, whose precondition
    ///   applies.
    @inlinable
    public consuming func retire(
      additionalBytes: (borrowing Value) -> Int, mayWait: Bool = true
    ) {
      guard let address = unsafe self.address else { return }
      let bytes = additionalBytes(unsafe address.assumingMemoryBound(to: Value.self).pointee)
      retire(additionalBytes: bytes, mayWait: mayWait)
    }

    /// The value, in place. Readers may be reading it at the same time.
    @inlinable
    @safe
    public var value: Value {
      // Safety: only consuming methods give up the allocation.
      @inline(__always)
      unsafeAddress {
        unsafe UnsafePointer(address.unsafelyUnwrapped.assumingMemoryBound(to: Value.self))
      }
    }

    /// Waits for a grace period, then destroys the value on the calling thread.
    ///
    /// - Precondition: as for ``SleepableRCU/synchronize()``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    @inlinable
    public consuming func reclaim() {
      domain.synchronize()
      destroyNow()
    }

    /// Suspends the task for a grace period, then destroys the value on the task's thread.
    ///
    /// - Precondition: as for ``SleepableRCU/synchronize()``.
    @inlinable
    public consuming func reclaim() async {
      await domain.synchronize()
      destroyNow()
    }

    /// Waits for a grace period and returns the value to the caller, which is then its only owner.
    ///
    /// - Precondition: as for ``SleepableRCU/synchronize()``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    @inlinable
    public consuming func take() -> Value {
      domain.synchronize()
      return moveNow()
    }

    /// Suspends the task for a grace period and returns the value to the caller, which is then its
    /// only owner.
    ///
    /// - Precondition: as for ``SleepableRCU/synchronize()``.
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

    /// Destroys the value and frees its memory. A grace period has passed, so nobody else can reach
    /// it.
    @inlinable
    consuming func destroyNow() {
      let address = unsafe self.address.unsafelyUnwrapped
      unsafe self.address = nil
      unsafe _PointeeBox<Value>.destroy(address)
    }
  }
}

extension SleepableRCU.Retired: @unchecked Sendable where Value: ~Copyable {
  // Safety: it is the only owner of a Sendable value.
}
