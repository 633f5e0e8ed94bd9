// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What leaves and inner nodes have in common: arrays of words, the first of which holds the keys,
/// followed by a header.
///
/// Never used as an existential, and only through its two conforming types, so that every access
/// compiles to one load or store at a constant offset.
protocol Node {
  /// The block. What readers look at is immutable once the node is published.
  var base: UnsafeMutableRawPointer { get }
  /// The size of one array in bytes.
  static var arrayBytes: Int { get }
  /// The offset of the header in the block.
  static var headerOffset: Int { get }
}

extension Node {
  @inline(__always)
  func word(_ array: Int, _ index: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: array &* Self.arrayBytes &+ index &* 8, as: UInt64.self)
  }

  @inline(__always)
  func setWord(_ array: Int, _ index: Int, _ value: UInt64) {
    unsafe base.storeBytes(
      of: value, toByteOffset: array &* Self.arrayBytes &+ index &* 8, as: UInt64.self)
  }

  /// The number of keys, among the four from `first` on, that are at most `address`.
  @inline(__always)
  func rankInFour(_ address: UInt64, from first: Int) -> Int {
    isAtMost(address, word(0, first)) &+ isAtMost(address, word(0, first &+ 1))
      &+ isAtMost(address, word(0, first &+ 2)) &+ isAtMost(address, word(0, first &+ 3))
  }

  /// The number of entries.
  @inline(__always)
  var count: Int {
    get { Int(unsafe base.load(fromByteOffset: Self.headerOffset, as: UInt32.self)) }
    nonmutating set {
      unsafe base.storeBytes(
        of: UInt32(truncatingIfNeeded: newValue), toByteOffset: Self.headerOffset, as: UInt32.self)
    }
  }

  /// The write section that made the node.
  @inline(__always)
  var transaction: UInt64 {
    get { unsafe base.load(fromByteOffset: Self.headerOffset + 8, as: UInt64.self) }
    nonmutating set {
      unsafe base.storeBytes(of: newValue, toByteOffset: Self.headerOffset + 8, as: UInt64.self)
    }
  }

  /// Moves the words of the entries from `index` on by `shift` positions. Pads keys beyond the new
  /// count.
  func shiftWords(from index: Int, by shift: Int) {
    let oldCount = count
    let words = unsafe base + index * 8
    unsafe moveBytes(words, by: shift * 8, (oldCount - index) * 8)
    unsafe moveBytes(words + Self.arrayBytes, by: shift * 8, (oldCount - index) * 8)
    count = oldCount + shift
    if shift < 0 { pad(from: oldCount + shift, to: oldCount) }
  }

  /// Completes a new node of `count` entries.
  func finish(_ count: Int) {
    pad(from: count)
    self.count = count
  }

  /// Sets the keys in `from..<to` to the padding.
  func pad(from: Int, to: Int) {
    for index in from..<to { setWord(0, index, .max) }
  }

  /// Sets the keys from `from` on to the padding.
  func pad(from: Int) { pad(from: from, to: Self.arrayBytes / 8) }
}

/// 1 if `key` is at most `address`; otherwise 0.
@inline(__always)
func isAtMost(_ address: UInt64, _ key: UInt64) -> Int { key <= address ? 1 : 0 }

/// The index of the first of those four keys that contain the first key above `address`.
///
/// - Parameter last: returns the last key of each four but the eighth. These keys don't depend on
///   one another, so they are loaded in parallel; there is no branch.
@inline(__always)
func firstOfFour(_ address: UInt64, _ last: (Int) -> UInt64) -> Int {
  let fours =
    isAtMost(address, last(0)) &+ isAtMost(address, last(1)) &+ isAtMost(address, last(2))
    &+ isAtMost(address, last(3)) &+ isAtMost(address, last(4)) &+ isAtMost(address, last(5))
    &+ isAtMost(address, last(6))
  return fours &* 4
}

/// Moves `count` bytes of an array by `distance`.
///
/// - Safety: both ranges lie in one array of a block.
@unsafe
func moveBytes(_ bytes: UnsafeMutableRawPointer, by distance: Int, _ count: Int) {
  unsafe (bytes + distance).copyMemory(from: bytes, byteCount: count)
}
