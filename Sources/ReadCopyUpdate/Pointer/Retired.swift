// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A value that was taken out of a ``Pointer`` or a collection and that readers may still see.
  ///
  /// Dropping it defers its destruction by a grace period, and never waits, since what drops it may
  /// be a `deinit` that doesn't know which locks are held. ``retire(additionalBytes:mayWait:)``
  /// does the same and says more. ``reclaim()`` waits for a grace period instead, and ``take()``
  /// gives the value itself after one.
  @safe
  @frozen
  public struct Retired<Value: ~Copyable & Sendable>: ~Copyable {
    // The allocation, which starts with a Value. Nil: given up by `reclaim` or `take`, nothing is
    // left to do. (`discard self` would ask for fields that need no destruction.)
    @usableFromInline
    var address: UnsafeMutableRawPointer?
    // What to do with the allocation where it holds more than a Value. Nil: it doesn't.
    @usableFromInline
    let node: _RetiredNode?

    /// - Safety: `address` is a `_PointeeBox<Value>` that no new reader can reach, and that no one
    ///   else retires.
    @usableFromInline
    @unsafe
    init(_ address: UnsafeMutableRawPointer) {
      unsafe self.address = address
      self.node = nil
    }

    /// - Safety: `address` starts with a `Value`, is what `node` says, and as above.
    @usableFromInline
    @unsafe
    init(_ address: UnsafeMutableRawPointer, node: _RetiredNode) {
      unsafe self.address = address
      self.node = node
    }

    @inlinable
    deinit {
      guard let address = unsafe address else { return }
      unsafe Self.defer(address, node, additionalBytes: 0, mayWait: false, owner: 0)
    }

    /// Hands the value over to the reclaimer.
    ///
    /// - Parameter owner: the address of the pointer that goes, with what it owned; 0: another
    ///   place.
    /// - Safety: as the initialisers', and nobody does this twice.
    @unsafe
    @inlinable
    static func `defer`(
      _ address: UnsafeMutableRawPointer, _ node: _RetiredNode?, additionalBytes: Int,
      mayWait: Bool, owner: UInt
    ) {
      guard let node else {
        return unsafe Flavor._retire(
          _Retirement(
            bytes: _PointeeBox<Value>.bytes, additionalBytes: additionalBytes, allocation: address
          ) { address in
            unsafe _PointeeBox<Value>.deinitialize(address.unsafelyUnwrapped)
          }, mayWait: mayWait, owner: owner)
      }
      unsafe Flavor._retire(
        _Retirement(
          bytes: node.bytes, additionalBytes: additionalBytes, allocation: address,
          deinitialize: node.deinitialize), mayWait: mayWait, owner: owner)
    }

    /// The value, in place. Readers may look at it at the same time.
    @inlinable
    @safe
    public var value: Value {
      // Safety: only `reclaim` and `take`, which consume this, give the allocation up.
      @inline(__always)
      unsafeAddress {
        unsafe UnsafePointer(address.unsafelyUnwrapped.assumingMemoryBound(to: Value.self))
      }
    }
  }
}

extension RCUDomain.Retired: @unchecked Sendable where Value: ~Copyable {
  // It is the only owner of a Sendable value.
}

// MARK: - Deferred destruction

extension RCUDomain.Retired where Value: ~Copyable {
  /// Has the value destroyed after a grace period, by the domain's reclaimer thread.
  ///
  /// - Parameter additionalBytes: the memory that the value owns elsewhere, such as an array's
  ///   storage, and gives back; 0 to 2^47. It counts for ``RCUDomain/limits``, as the value's own
  ///   size does.
  /// - Parameter mayWait: whether to wait, past a limit, for the reclaimer, outside of sections.
  ///   False for a caller that must not block: what it retires is counted in
  ///   ``RCUStatistics/overLimitCount``.
  /// - Precondition: where it may wait, the thread holds no lock that a deferred call or a `deinit`
  ///   takes.
  /// - Complexity: O(1), under the reclaimer's lock.
  @inlinable
  public consuming func retire(additionalBytes: Int = 0, mayWait: Bool = true) {
    require(
      additionalBytes >= 0 && additionalBytes <= 1 << 47,
      "RCUDomain.Retired.retire: additional bytes are 0 to 2^47")
    guard let address = unsafe self.address else { return }
    unsafe self.address = nil
    unsafe Self.defer(
      address, node, additionalBytes: additionalBytes, mayWait: mayWait, owner: 0)
  }

  /// The same, where the value itself says what it owns elsewhere.
  ///
  /// ```swift
  /// image.exchange(new)?.retire(additionalBytes: { $0.pixels.count })
  /// ```
  @inlinable
  public consuming func retire(
    additionalBytes: (borrowing Value) -> Int, mayWait: Bool = true
  ) {
    // Not by `value`: a borrow of it would last too long for the compiler.
    guard let address = unsafe self.address else { return }
    let bytes = additionalBytes(unsafe address.assumingMemoryBound(to: Value.self).pointee)
    retire(additionalBytes: bytes, mayWait: mayWait)
  }
}

// MARK: - Waiting for the grace period

extension RCUDomain.Retired where Value: ~Copyable {
  /// Waits for a grace period, then destroys the value on the calling thread.
  ///
  /// - Precondition: as ``RCUDomain/synchronize()``.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  @inlinable
  public consuming func reclaim() {
    RCUDomain.synchronize()
    destroyNow()
  }

  /// Suspends the task for a grace period, then destroys the value.
  @inlinable
  public consuming func reclaim() async {
    await RCUDomain.synchronize()
    destroyNow()
  }

  /// Waits for a grace period and gives the value to the caller, who is then its only owner.
  ///
  /// - Precondition: as ``RCUDomain/synchronize()``.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  @inlinable
  public consuming func take() -> Value {
    RCUDomain.synchronize()
    return moveNow()
  }

  /// Suspends the task for a grace period and gives the value to the caller, who is then its only
  /// owner.
  @inlinable
  public consuming func take() async -> Value {
    await RCUDomain.synchronize()
    return moveNow()
  }

  /// A grace period has passed: the caller is the last who can reach the value.
  @inlinable
  consuming func destroyNow() {
    let address = unsafe self.address.unsafelyUnwrapped
    unsafe self.address = nil
    guard let node else { return unsafe _PointeeBox<Value>.destroy(address) }
    unsafe node.deinitialize(address)
    unsafe address.deallocate()
  }

  @inlinable
  consuming func moveNow() -> Value {
    let address = unsafe self.address.unsafelyUnwrapped
    unsafe self.address = nil
    let value = unsafe address.assumingMemoryBound(to: Value.self).move()
    if let node {
      unsafe node.deinitializeRest(address)
      unsafe address.deallocate()
    } else {
      unsafe _PointeeBox<Value>.deallocate(address)
    }
    return value
  }
}

/// What to do with an allocation that starts with a retired value and holds more than that.
@safe
@frozen
@usableFromInline
struct _RetiredNode: Sendable {
  /// What its destruction gives back, for the limits.
  @usableFromInline let bytes: Int
  // Functions without a context: a retirement allocates nothing.
  /// Destroys all that the allocation holds. It is to be freed then.
  @usableFromInline let deinitialize: @Sendable (UnsafeMutableRawPointer?) -> Void
  /// The same after the value was moved out.
  @usableFromInline let deinitializeRest: @Sendable (UnsafeMutableRawPointer?) -> Void

  @inlinable
  init(
    bytes: Int, deinitialize: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void,
    deinitializeRest: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
  ) {
    self.bytes = bytes
    unsafe self.deinitialize = deinitialize
    unsafe self.deinitializeRest = deinitializeRest
  }
}
