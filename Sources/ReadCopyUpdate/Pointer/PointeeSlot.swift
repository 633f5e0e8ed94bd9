// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
public import _SystemShims

/// The word of a pointer: the address of one heap allocation that holds a `Pointee`, or nil. What
/// both families of pointers, ``RCUDomain/Pointer`` and ``SleepableRCU/Pointer``, do with it.
///
/// Memory ordering: ``load()`` is acquiring, whatever publishes is releasing. *Pairs with* each
/// other: whoever loads a pointee sees it initialised. What replaces one is acquiring, too, and
/// pairs with the release that put the old pointee there, so that it can be destroyed by whoever
/// gets it.
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

  /// Where the slot is: tells whether it is part of what goes with another pointer's pointee.
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
      "Pointer: the body of update replaces the pointee of the pointer that it updates; change the copy instead"
    )
    return unsafe address.exchange(new, ordering: .acquiringAndReleasing)
  }

  /// The pointee's address; where there is none, that of a new one, unless another thread comes
  /// first.
  @inlinable
  borrowing func load(orStore pointee: () -> Pointee) -> UnsafeMutableRawPointer {
    if let found = unsafe load() { return unsafe found }
    let new = unsafe _PointeeBox<Pointee>.allocate(pointee())
    let (exchanged, found) = unsafe address.compareExchange(
      expected: nil, desired: new, ordering: .acquiringAndReleasing)
    guard !exchanged, let found = unsafe found else { return unsafe new }
    // Seen by nobody.
    unsafe _PointeeBox<Pointee>.destroy(new)
    return unsafe found
  }

  /// Puts `desired` in the place of the pointee at `expected`. If another one is there, gives it
  /// back; what is there is not looked at then: relaxed.
  @inlinable
  borrowing func compareExchange(
    expected: UnsafeMutableRawPointer?, desired: consuming Pointee
  ) -> Pointee? {
    let new = unsafe _PointeeBox<Pointee>.allocate(desired)
    let (exchanged, _) = unsafe address.compareExchange(
      expected: expected, desired: new, successOrdering: .acquiringAndReleasing,
      failureOrdering: .relaxed)
    if exchanged { return nil }
    // Never published: it is this thread's alone.
    let pointee = unsafe new.assumingMemoryBound(to: Pointee.self).move()
    unsafe _PointeeBox<Pointee>.deallocate(new)
    return pointee
  }
}

extension _PointeeSlot: @unchecked Sendable where Pointee: ~Copyable {
  // All access to the word is atomic, and the pointee is Sendable.
}

extension _PointeeSlot where Pointee: Sendable {
  /// One attempt of `update`, inside a section. The old pointee can't be freed and allocated again
  /// at the same address while the section is open, so that comparing addresses is enough.
  ///
  /// - Parameter makePointee: what is changed where there is no pointee; `nil` for nothing.
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
  /// Another writer came first.
  case collided
  /// The changed copy is in place of the pointee at `old`.
  case replaced(old: UnsafeMutableRawPointer?, R)
}
