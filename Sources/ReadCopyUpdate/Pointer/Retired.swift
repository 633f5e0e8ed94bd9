// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A value that was taken out of a ``Pointer`` or a collection and that readers may still see.
  ///
  /// Dropping it defers its destruction by a grace period. That never waits, since the drop may
  /// happen in a `deinit` that can't know which locks are held.
  /// ``retire(additionalBytes:mayWait:)`` does the same explicitly, with more options.
  /// ``reclaim()`` waits for a grace period and then destroys the value, and ``take()`` waits and
  /// then returns it.
  ///
  /// - Threads: any.
  @safe
  @frozen
  public struct Retired<Value: ~Copyable & Sendable>: ~Copyable {
    // The allocation, which starts with a Value. Nil if `reclaim`, `retire` or `take` has given it
    // up, and nothing is left to do. (`discard self` would require fields that need no
    // destruction.)
    @usableFromInline
    var address: UnsafeMutableRawPointer?
    // How to destroy an allocation that holds more than a Value. Nil if it holds nothing else.
    @usableFromInline
    let node: _RetiredNode?

    /// - Safety: `address` is a `_PointeeBox<Value>` that no new reader can reach, and that nothing
    ///   else retires.
    @usableFromInline
    @unsafe
    init(_ address: UnsafeMutableRawPointer) {
      unsafe self.address = address
      self.node = nil
    }

    /// - Safety: as above, but `address` starts with a `Value` and is laid out as `node` says.
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
    /// - Parameter owner: the address of the pointer that is being destroyed with what it owns; 0
    ///   for anything else.
    /// - Safety: as for the initialisers; called only once.
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
  }
}

extension RCUDomain.Retired: @unchecked Sendable where Value: ~Copyable {
  // Safety: it is the only owner of a Sendable value.
}

// MARK: - Deferred destruction

extension RCUDomain.Retired where Value: ~Copyable {
  /// Lets the domain's reclaimer thread destroy the value after a grace period.
  ///
  /// - Parameter additionalBytes: the bytes that the value owns elsewhere, such as an array's
  ///   storage, and that its destruction gives back; 0 to 2^47. They count for
  ///   ``RCUDomain/limits``, as the value's own size does.
  /// - Parameter mayWait: whether this may wait for the reclaimer past a limit, outside of
  ///   sections. False for a caller that must not block: what it retires past a limit is counted in
  ///   ``RCUStatistics/overLimitCount``.
  /// - Precondition: if this may wait, the thread holds no lock that a deferred call or a `deinit`
  ///   takes.
  /// - Threads: any, inside a section too; there it never waits.
  /// - Complexity: O(1), under the reclaimer's lock.
  @inlinable
  public consuming func retire(additionalBytes: Int = 0, mayWait: Bool = true) {
    require(
      additionalBytes >= 0 && additionalBytes <= 1 << 47,
      "RCUDomain.Retired.retire: additionalBytes must be 0 to 2^47")
    guard let address = unsafe self.address else { return }
    unsafe self.address = nil
    unsafe Self.defer(
      address, node, additionalBytes: additionalBytes, mayWait: mayWait, owner: 0)
  }

  /// The same, for a value that can tell how many bytes it owns elsewhere.
  ///
  /// ```swift
  /// image.exchange(new)?.retire(additionalBytes: { $0.pixels.count })
  /// ```
  ///
  /// - Parameter additionalBytes: returns the bytes that the value owns elsewhere; 0 to 2^47.
  /// - Parameter mayWait: as for ``retire(additionalBytes:mayWait:)-(Int,_)``, whose precondition
  ///   applies.
  @inlinable
  public consuming func retire(
    additionalBytes: (borrowing Value) -> Int, mayWait: Bool = true
  ) {
    // Not through `value`, whose borrow would last too long for the compiler.
    guard let address = unsafe self.address else { return }
    let bytes = additionalBytes(unsafe address.assumingMemoryBound(to: Value.self).pointee)
    retire(additionalBytes: bytes, mayWait: mayWait)
  }
}

// MARK: - Waiting for the grace period

extension RCUDomain.Retired where Value: ~Copyable {
  /// Waits for a grace period, then destroys the value on the calling thread.
  ///
  /// - Precondition: as for ``RCUDomain/synchronize()``.
  /// - Complexity: as for ``RCUDomain/synchronize()``, and that of the value's destruction.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  @inlinable
  public consuming func reclaim() {
    RCUDomain.synchronize()
    destroyNow()
  }

  /// Suspends the task for a grace period, then destroys the value on the task's thread.
  @inlinable
  public consuming func reclaim() async {
    await RCUDomain.synchronize()
    destroyNow()
  }

  /// Waits for a grace period and returns the value to the caller, which is then its only owner.
  ///
  /// - Precondition: as for ``RCUDomain/synchronize()``.
  /// - Complexity: as for ``RCUDomain/synchronize()``.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  @inlinable
  public consuming func take() -> Value {
    RCUDomain.synchronize()
    return moveNow()
  }

  /// Suspends the task for a grace period and returns the value to the caller, which is then its
  /// only owner.
  @inlinable
  public consuming func take() async -> Value {
    await RCUDomain.synchronize()
    return moveNow()
  }

  /// Destroys the value and frees its memory. A grace period has passed, so nobody else can reach
  /// it.
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

/// How to destroy an allocation that starts with a retired value and holds more than that.
@safe
@frozen
@usableFromInline
struct _RetiredNode: Sendable {
  /// The bytes that its destruction gives back; counted for the limits.
  @usableFromInline let bytes: Int
  // Destroys everything that the allocation holds, but doesn't free its memory.
  @usableFromInline let deinitialize: @Sendable (UnsafeMutableRawPointer?) -> Void
  /// The same, after the value has been moved out.
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
