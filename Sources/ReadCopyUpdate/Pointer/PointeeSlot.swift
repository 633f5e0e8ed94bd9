// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
public import _SystemShims

/// The word of a pointer: the address of a heap allocation that holds a `Pointee`, or nil. Both
/// families of pointers, ``RCUDomain/Pointer`` and ``SleepableRCU/Pointer``, are built on it.
///
/// Memory ordering: ``load()`` acquires, and everything that publishes releases. These *pair with*
/// each other: a reader that loads a pointee sees it initialised. Replacing a pointee acquires,
/// too, and pairs with the release that published the old pointee, so that its new owner may
/// destroy it.
@safe
@frozen
@usableFromInline
struct _PointeeSlot<Pointee: ~Copyable & Sendable>: ~Copyable {
  @usableFromInline let address: Atomic<UnsafeMutableRawPointer?>

  @inlinable
  init() { unsafe address = Atomic(nil) }

  @inlinable
  init(_ pointee: consuming Pointee) {
    unsafe address = Atomic(_PointeeBox<Pointee>.allocate(pointee))
  }

  @inlinable
  @inline(__always)
  borrowing func load() -> UnsafeMutableRawPointer? { unsafe address.load(ordering: .acquiring) }

  /// The slot's address. It tells whether this pointer is itself part of another pointer's pointee.
  @usableFromInline
  var owner: UInt { unsafe withUnsafePointer(to: address) { UInt(bitPattern: $0) } }

  /// Replaces the pointee; returns the old one's address.
  @inlinable
  borrowing func exchange(_ pointee: consuming Pointee) -> UnsafeMutableRawPointer? {
    unsafe exchange(address: _PointeeBox<Pointee>.allocate(pointee))
  }

  @inlinable
  borrowing func exchange(address new: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    require(
      unsafe withUnsafePointer(to: address) { unsafe sysshims_updating() != UnsafeRawPointer($0) },
      "Pointer: the body of update replaces the pointee of the pointer being updated; change the copy instead"
    )
    return unsafe address.exchange(new, ordering: .acquiringAndReleasing)
  }

  /// The pointee's address. If there is none, publishes a new pointee and returns its address,
  /// unless another thread publishes one first.
  @inlinable
  borrowing func load(orStore pointee: () -> Pointee) -> UnsafeMutableRawPointer {
    if let found = unsafe load() { return unsafe found }
    let new = unsafe _PointeeBox<Pointee>.allocate(pointee())
    let (exchanged, found) = unsafe address.compareExchange(
      expected: nil, desired: new, ordering: .acquiringAndReleasing)
    guard !exchanged, let found = unsafe found else { return unsafe new }
    // No other thread has seen it.
    unsafe _PointeeBox<Pointee>.destroy(new)
    return unsafe found
  }

  /// Replaces the pointee at `expected` with `desired`. If another pointee is there, returns
  /// `desired` instead; the load is relaxed then, since the other pointee isn't read.
  @inlinable
  borrowing func compareExchange(
    expected: UnsafeMutableRawPointer?, desired: consuming Pointee
  ) -> Pointee? {
    let new = unsafe _PointeeBox<Pointee>.allocate(desired)
    let (exchanged, _) = unsafe address.compareExchange(
      expected: expected, desired: new, successOrdering: .acquiringAndReleasing,
      failureOrdering: .relaxed)
    if exchanged { return nil }
    // It was never published: only this thread has it.
    let pointee = unsafe new.assumingMemoryBound(to: Pointee.self).move()
    unsafe _PointeeBox<Pointee>.deallocate(new)
    return pointee
  }
}

extension _PointeeSlot: @unchecked Sendable where Pointee: ~Copyable {
  // Safety: all access to the word is atomic, and the pointee is Sendable.
}

extension _PointeeSlot where Pointee: Sendable {
  /// One attempt of `update`, inside a section. While the section is open, the old pointee can't be
  /// freed and its address can't be reused, so comparing addresses is enough.
  ///
  /// - Parameter makePointee: makes a value to change if there is no pointee; `nil` to change
  ///   nothing then.
  @inlinable
  borrowing func update<R, E: Error>(
    orFrom makePointee: () -> Pointee?, _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> _UpdateAttempt<R> {
    let old = unsafe load()
    var copy: Pointee
    if let old = unsafe old {
      copy = unsafe old.assumingMemoryBound(to: Pointee.self).pointee
    } else if let made = makePointee() {
      copy = made
    } else {
      return unsafe .empty
    }
    let result = try change(&copy, body)
    let new = unsafe _PointeeBox<Pointee>.allocate(copy)
    let (exchanged, _) = unsafe address.compareExchange(
      expected: old, desired: new, ordering: .acquiringAndReleasing)
    if exchanged { return unsafe .replaced(old: old, result) }
    unsafe _PointeeBox<Pointee>.destroy(new)
    return unsafe .collided
  }

  @inlinable
  borrowing func change<R, E: Error>(
    _ copy: inout Pointee, _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> R {
    let outer = unsafe sysshims_updating()
    defer { unsafe sysshims_set_updating(outer) }
    unsafe withUnsafePointer(to: address) { unsafe sysshims_set_updating(UnsafeRawPointer($0)) }
    return try body(&copy)
  }
}

/// How an attempt of `update` ended.
@unsafe
@usableFromInline
enum _UpdateAttempt<R> {
  /// There is no pointee to change.
  case empty
  /// Another writer was faster.
  case collided
  /// The changed copy has replaced the pointee at `old`.
  case replaced(old: UnsafeMutableRawPointer?, R)
}
