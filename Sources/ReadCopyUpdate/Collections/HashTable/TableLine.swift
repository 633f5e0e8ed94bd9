// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

/// A cache line of a hash table: up to six nodes, with a byte of each one's hash.
///
/// | bytes | |
/// |---|---|
/// | 0..<8 | the control word |
/// | 8..<56 | the addresses of six nodes |
/// | 56..<64 | the address of the next line of the same bucket, or 0 |
///
/// The control word has a tag for each of the six places, which is 0 if the place is empty, and
/// flags that count only in a bucket's first line. It decides what is in the line. An address is
/// stored before the tag that makes it count, and isn't cleared with it: a reader that loaded the
/// control word earlier may still follow it, and its section keeps the node alive.
@safe
@frozen
@usableFromInline
struct _TableLine {
  @usableFromInline let address: UnsafeMutableRawPointer

  @usableFromInline static var byteCount: Int { @inlinable get { 64 } }

  // The parts of the control word.
  @usableFromInline static var tags: UInt { @inlinable get { 0x0000_ffff_ffff_ffff } }
  /// The bit that is set in the tag of each place that isn't empty.
  @usableFromInline static var occupied: UInt { @inlinable get { 0x0000_8080_8080_8080 } }
  @usableFromInline static var lowest: UInt { @inlinable get { 0x0000_0101_0101_0101 } }
  /// A writer has the bucket. The bits from `forkShift` on are then the number of its process.
  static var isLocked: UInt { 1 << 48 }
  /// The bucket's nodes are in the next array. There are no tags any more; but what a reader finds
  /// by the tags that it loaded before, in this line and the next ones, is as it was.
  @usableFromInline static var isMoved: UInt { @inlinable get { 1 << 49 } }
  static var forkShift: UInt { 50 }

  @inlinable
  @inline(__always)
  init(_ address: UnsafeMutableRawPointer) { unsafe self.address = address }

  @inlinable
  @inline(__always)
  var control: UnsafeMutablePointer<Atomic<UInt>> {
    unsafe address.assumingMemoryBound(to: Atomic<UInt>.self)
  }

  @inlinable
  @inline(__always)
  var nextAddress: UnsafeMutablePointer<Atomic<UInt>> {
    unsafe (address + 56).assumingMemoryBound(to: Atomic<UInt>.self)
  }

  /// The next line of the bucket.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the releasing store in `TableStorage.append`.
  @inlinable
  @inline(__always)
  var next: _TableLine? {
    let next = unsafe UnsafeMutableRawPointer(
      bitPattern: nextAddress.pointee.load(ordering: .acquiring))
    guard let next = unsafe next else { return nil }
    return unsafe _TableLine(next)
  }

  /// The tag of a hash in all six places. The tags are the highest bits of the hash, since the
  /// lowest ones choose the bucket.
  @inlinable
  @inline(__always)
  static func pattern(of hash: Int) -> UInt {
    ((UInt(bitPattern: hash) &>> 57) | 0x80) &* lowest
  }

  /// A bit for each place that has the tag of `pattern`, and now and then for another place that
  /// isn't empty; 0 if there is none.
  @inlinable
  @inline(__always)
  static func matches(of pattern: UInt, in control: UInt) -> UInt {
    // A byte of the difference is 0 where the tags are equal. Subtracting 1 borrows through it, and
    // into the byte above, which then seems to be 0 if it is 1: that place's tag differs in its
    // lowest bit only, so it isn't empty.
    let difference = control ^ pattern
    return (difference &- lowest) & ~difference & occupied
  }

  /// The address of the node at the place of the lowest bit in `places`.
  ///
  /// - Memory ordering of the loads: acquiring. *Pairs with* the releasing stores in
  ///   `TableStorage`: a node is seen as its writer left it, even if it has come to the place after
  ///   the control word was loaded.
  @inlinable
  @inline(__always)
  func slot(_ places: UInt) -> UnsafeMutablePointer<Atomic<UInt>> {
    // Place p has bit 8 * p + 7, and its address is at 8 + 8 * p.
    unsafe (address + (places.trailingZeroBitCount &+ 1))
      .assumingMemoryBound(to: Atomic<UInt>.self)
  }

  @inlinable
  @inline(__always)
  func node(_ places: UInt) -> UnsafeMutableRawPointer {
    // Safety: an address is stored before its tag.
    unsafe UnsafeMutableRawPointer(
      bitPattern: slot(places).pointee.load(ordering: .acquiring)
    ).unsafelyUnwrapped
  }
}
