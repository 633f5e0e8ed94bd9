// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A leaf: up to 32 VMAs in ascending order.
///
/// - Safety: made only from the address of a leaf block. Immutable once published; only the writer
///   that made it calls the mutating functions, before that.
@safe
struct Leaf: Node {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  static var arrayBytes: Int { NodeLayout.leafArrayBytes }
  static var headerOffset: Int { NodeLayout.leafHeader }

  @inline(__always) func end(_ index: Int) -> UInt64 { word(0, index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { word(1, index) }

  @inline(__always)
  func record(_ index: Int) -> Record {
    let flags = word(2, index)
    return Record(
      start: word(1, index), end: word(0, index),
      flags: VMAFlags(rawValue: flags & 0xffff_ffff),
      anonymousArea: UInt32(truncatingIfNeeded: flags &>> 32), pageOffset: word(3, index),
      object: UInt(word(4, index)))
  }

  @inline(__always)
  func setRecord(_ index: Int, _ record: Record) {
    setWord(0, index, record.end)
    setWord(1, index, record.start)
    setWord(2, index, record.flags.rawValue | UInt64(record.anonymousArea) &<< 32)
    setWord(3, index, record.pageOffset)
    setWord(4, index, UInt64(record.object))
  }

  /// The number of VMAs that end at or before `address`: the position of the first that doesn't.
  ///
  /// First which of the four cache lines of keys has it, by the last keys of three of them, which are
  /// loaded side by side; then which half of that line; then all of the four.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    var base = (isAtMost(address, 7) &+ isAtMost(address, 15) &+ isAtMost(address, 23)) &* 8
    base &+= isAtMost(address, base &+ 3) &* 4
    return base &+ rankInFour(address, from: base)
  }

  /// Moves the entries from `index` on by `shift` positions. Keys beyond the new count are padded.
  func shift(from index: Int, by shift: Int) {
    let oldCount = count
    for array in 0..<5 {
      let from = unsafe base + (array * NodeLayout.leafArrayBytes + index * 8)
      unsafe memmoveWords(to: from + shift * 8, from: from, count: oldCount - index)
    }
    count = oldCount + shift
    if shift < 0 { pad(from: oldCount + shift, to: oldCount) }
  }

  /// The leaf as a child.
  var edge: Edge {
    let last = count - 1
    var gap: UInt64 = 0
    for index in 0..<last { gap = max(gap, start(index + 1) - end(index)) }
    return unsafe Edge(node: base, start: start(0), end: end(last), gap: gap)
  }
}

/// - Safety: both ranges lie in one block.
@inline(__always)
func memmoveWords(to target: UnsafeMutableRawPointer, from source: UnsafeRawPointer, count: Int) {
  unsafe target.copyMemory(from: source, byteCount: count * 8)
}
