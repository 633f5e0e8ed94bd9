// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import Synchronization
internal import _SystemShims

/// The buckets of a hash table: an array of lines, with what is needed to move its nodes to
/// another array.
///
/// It is one word: the address of the first line, which is a multiple of 64, and in its lowest bits
/// the binary logarithm of the number of buckets. So a reader finds its bucket with one load.
@safe
@frozen
@usableFromInline
struct _TableArray: Equatable {
  @usableFromInline let word: UInt

  @inlinable
  @inline(__always)
  init(_ word: UInt) { self.word = word }

  @usableFromInline static var scaleMask: UInt { @inlinable get { 63 } }

  @inlinable
  @inline(__always)
  var scale: Int { Int(truncatingIfNeeded: word & Self.scaleMask) }

  /// The number of buckets.
  @inlinable
  @inline(__always)
  var count: Int { 1 &<< scale }

  @inlinable
  @inline(__always)
  var mask: Int { count &- 1 }

  @inlinable
  @inline(__always)
  var lines: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: word & ~Self.scaleMask).unsafelyUnwrapped
  }

  @inlinable
  @inline(__always)
  func line(at index: Int) -> _TableLine {
    unsafe _TableLine(lines + index &* _TableLine.byteCount)
  }

  @inlinable
  @inline(__always)
  func line(for hash: Int) -> _TableLine { line(at: hash & mask) }

  /// The number of elements that are wanted per bucket at most. With more, one bucket in nine needs
  /// a second line.
  static var maximumLoad: Int { 4 }

  var capacity: Int { count &* Self.maximumLoad }

  // MARK: The header, in the line before the first

  @safe
  struct Header: ~Copyable {
    /// What calloc returned.
    let allocation: UnsafeMutableRawPointer
    /// The array that the nodes move to, as a word; 0 if they don't move.
    let next = Atomic<UInt>(0)
    /// How many buckets threads have chosen to move; it goes around.
    let cursor = Atomic(0)
    /// How many buckets have moved.
    let movedCount = Atomic(0)
    /// How many lines are in no bucket any more.
    let unlinkedCount = Atomic(0)
    /// The last block of additional lines, or 0.
    let blocks = Atomic<UInt>(0)
    /// The number of the process that made it.
    let forkCount = sysshims_fork_count()
  }

  var header: UnsafeMutablePointer<Header> {
    unsafe (lines - _TableLine.byteCount).assumingMemoryBound(to: Header.self)
  }

  /// The array that the nodes move to. Only for a reader that has seen that a bucket has moved.
  @inlinable
  @inline(__always)
  var next: _TableArray {
    // At its offset in the header.
    let next = unsafe (lines - (_TableLine.byteCount - MemoryLayout<UInt>.size))
      .assumingMemoryBound(to: Atomic<UInt>.self)
    return unsafe _TableArray(next.pointee.load(ordering: .acquiring))
  }

  /// Empty buckets. Large arrays come from the system as pages of zeros, one by one, when they are
  /// first touched. (Huge pages make look-ups in a million entries only a twentieth faster.)
  static func make(scale: Int) -> _TableArray? {
    let (bytes, isTooMuch) = ((1 << scale) + 2).multipliedReportingOverflow(
      by: _TableLine.byteCount)
    guard !isTooMuch, let allocation = unsafe calloc(1, bytes) else { return nil }
    let lines = unsafe allocation.alignedUp(toMultipleOf: _TableLine.byteCount) + 64
    let array = _TableArray(UInt(bitPattern: lines) | UInt(scale))
    unsafe array.header.initialize(to: Header(allocation: allocation))
    return array
  }

  /// - Safety: nobody uses the array any more.
  @unsafe
  func destroy() {
    var block = unsafe Block(bitPattern: header.pointee.blocks.load(ordering: .acquiring))
    while let current = unsafe block {
      unsafe block = Block(bitPattern: current.pointee.previous)
      unsafe free(current.pointee.allocation)
    }
    let allocation = unsafe header.pointee.allocation
    unsafe header.deinitialize(count: 1)
    unsafe free(allocation)
  }

  // MARK: Additional lines

  /// Lines for buckets that have more than six nodes, many in one allocation.
  @safe
  struct BlockHeader: ~Copyable {
    let allocation: UnsafeMutableRawPointer
    let count: Int
    let used = Atomic(0)
    var previous: UInt = 0
  }

  typealias Block = UnsafeMutablePointer<BlockHeader>

  /// An empty line, which is freed with the array.
  func makeLine() -> _TableLine {
    while true {
      let last = unsafe header.pointee.blocks.load(ordering: .acquiring)
      if let block = unsafe Block(bitPattern: last) {
        let index = unsafe block.pointee.used.wrappingAdd(1, ordering: .relaxed).oldValue
        if unsafe index < block.pointee.count {
          return unsafe _TableLine(
            UnsafeMutableRawPointer(block) + (index + 1) * _TableLine.byteCount)
        }
      }
      let made = unsafe makeBlock(after: last)
      let (isLast, _) = unsafe header.pointee.blocks.compareExchange(
        expected: last, desired: UInt(bitPattern: made), ordering: .acquiringAndReleasing)
      if !isLast { unsafe free(made.pointee.allocation) }
    }
  }

  private func makeBlock(after last: UInt) -> Block {
    let lineCount = min(max(4, count / 16), 256)
    guard let allocation = unsafe calloc(lineCount + 2, _TableLine.byteCount) else {
      fail("RCUDomain.HashTable: no memory for \(lineCount * _TableLine.byteCount) bytes")
    }
    let block = unsafe allocation.alignedUp(toMultipleOf: _TableLine.byteCount)
      .assumingMemoryBound(to: BlockHeader.self)
    unsafe block.initialize(to: BlockHeader(allocation: allocation, count: lineCount))
    unsafe block.pointee.previous = last
    return unsafe block
  }
}
