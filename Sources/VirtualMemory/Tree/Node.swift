// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What leaves and inner nodes have in common: arrays of words, of which the first holds the keys, and
/// a header behind them.
///
/// Never used as an existential, and only through its two conforming types: every access compiles to
/// one load or store at a constant distance.
protocol Node {
  /// The block. Its contents are immutable once the node is published.
  var base: UnsafeMutableRawPointer { get }
  /// Bytes of one array: of 28 or 32 words.
  static var arrayBytes: Int { get }
  /// Where the header lies in the block.
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

  /// 1 if the key at `index` is at most `address`, else 0.
  @inline(__always)
  private func isAtMost(_ address: UInt64, _ index: Int) -> Int {
    word(0, index) <= address ? 1 : 0
  }

  /// The number of keys that are at most `address`: the position of the first entry that ends above it.
  ///
  /// First which four keys have it, by the last keys of all fours but the last one; then all of the four:
  /// keys that don't depend on one another are loaded side by side, and there is no branch.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    var fours =
      isAtMost(address, 3) &+ isAtMost(address, 7) &+ isAtMost(address, 11) &+ isAtMost(address, 15)
      &+ isAtMost(address, 19) &+ isAtMost(address, 23)
    if Self.arrayBytes == 8 * 32 { fours &+= isAtMost(address, 27) }
    let first = fours &* 4
    return first &+ isAtMost(address, first) &+ isAtMost(address, first &+ 1)
      &+ isAtMost(address, first &+ 2) &+ isAtMost(address, first &+ 3)
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
  var edit: UInt64 {
    get { unsafe base.load(fromByteOffset: Self.headerOffset + 8, as: UInt64.self) }
    nonmutating set {
      unsafe base.storeBytes(of: newValue, toByteOffset: Self.headerOffset + 8, as: UInt64.self)
    }
  }

  /// Copies all of `other`'s arrays and its count.
  @inline(__always)
  func copyContents(of other: Self) {
    unsafe base.copyMemory(from: other.base, byteCount: Self.headerOffset + 8)
  }

  /// Sets the keys in `from..<to` to the padding.
  func pad(from: Int, to: Int) {
    for index in from..<to { setWord(0, index, .max) }
  }

  /// Sets the keys from `from` on to the padding.
  func pad(from: Int) { pad(from: from, to: Self.arrayBytes / 8) }
}
