// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import Synchronization
internal import _SystemShims

/// What all accesses to a hash table share: its array of buckets, and how writers change them. It
/// knows nodes by their addresses, and of their contents only the hash.
///
/// Readers load the root, then a bucket's control word, then a node. They take no lock and never
/// wait. A writer takes the lock of a bucket, which is a bit of its control word, for as long as it
/// takes to compare tags and to store two words: no code of a user runs meanwhile, and no node is
/// read but for its hash. All calls but the initialiser are made inside a read section, in which no
/// node and no array is freed, so that equal addresses are the same node.
///
/// Invariants:
/// - A node stays at its place in its line until it is removed or replaced, or its bucket moves.
/// - Of several nodes with the same key, each is in a later line of the bucket than those that were
///   added before. (`append` and `move` see to it for equal hashes, which they know.)
/// - When a bucket moves, its nodes are in the next array before its control word says so. From
///   then on its lines don't change.
/// - An array that has a next one is full, far too large or worn; the next one has none until all
///   buckets have moved and it is the root.
/// - A line that was taken out of its bucket leads on to the lines that came after it.
///
/// The lock of a thread that doesn't exist in a forked child is ignored there. A bucket is right at
/// each moment, except one whose move has begun, which then begins again.
@safe
@usableFromInline
struct _TableStorage: ~Copyable, @unchecked Sendable {
  // Sendable: what isn't constant is atomic.
  /// The array where every search begins, as a word.
  @usableFromInline let root: Atomic<UInt>
  @usableFromInline let counts = _ShardedCount()
  let minimumScale: Int
  /// The offset of the hash in a node.
  let hashOffset: Int

  init(minimumScale: Int, hashOffset: Int) {
    guard let array = _TableArray.make(scale: minimumScale) else {
      fail("RCUDomain.HashTable: no memory for \(1 << minimumScale) buckets of 64 bytes")
    }
    root = Atomic(array.word)
    self.minimumScale = minimumScale
    self.hashOffset = hashOffset
  }

  @usableFromInline
  @inline(__always)
  func hash(of node: UnsafeMutableRawPointer) -> Int {
    unsafe (node + hashOffset).load(as: Int.self)
  }

  /// The array where a search begins.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the exchange in `help`.
  @inlinable
  @inline(__always)
  var array: _TableArray { _TableArray(root.load(ordering: .acquiring)) }

  // MARK: - Locks

  /// Locks the bucket of a hash, wherever it has moved.
  private func lock(hash: Int) -> (array: _TableArray, first: _TableLine) {
    var array = self.array
    while true {
      let line = array.line(for: hash)
      if lockUnlessMoved(line) != nil { return (array, line) }
      array = array.next
    }
  }

  /// - Returns: nil if the bucket has moved. Otherwise, whether the lock was that of a thread that
  ///   this process doesn't have.
  /// - Memory ordering: acquiring. *Pairs with* the releasing store in `unlock`.
  func lockUnlessMoved(_ line: _TableLine) -> Bool? {
    // The lowest bits of the number are enough: a child's locks and its parent's differ.
    let locked = _TableLine.isLocked | UInt(sysshims_fork_count()) &<< _TableLine.forkShift
    let forkBits = UInt.max &<< _TableLine.forkShift
    var attempts = 0
    var control = unsafe line.control.pointee.load(ordering: .acquiring)
    while true {
      if control & _TableLine.isMoved != 0 { return nil }
      let isLocked = control & _TableLine.isLocked != 0
      if isLocked && control & forkBits == locked & forkBits {
        attempts &+= 1
        if attempts % 64 == 0 { sched_yield() } else { sysshims_relax() }
        unsafe control = line.control.pointee.load(ordering: .acquiring)
        continue
      }
      let (isOurs, current) = unsafe line.control.pointee.weakCompareExchange(
        expected: control, desired: control & _TableLine.tags | locked,
        successOrdering: .acquiring, failureOrdering: .acquiring)
      if isOurs { return isLocked }
      control = current
    }
  }

  func unlock(_ line: _TableLine) {
    let tags = unsafe line.control.pointee.load(ordering: .relaxed) & _TableLine.tags
    unsafe line.control.pointee.store(tags, ordering: .releasing)
  }

  // MARK: - Changes

  /// Adds a node, unless there is one with the same tag that isn't in `known`.
  ///
  /// - Parameter known: nodes that have another key.
  /// - Returns: such a node, which the caller compares; nil if `node` was added.
  @usableFromInline
  func insert(
    _ node: UnsafeMutableRawPointer, hash: Int, unlike known: borrowing _KnownNodes
  ) -> UnsafeMutableRawPointer? {
    let pattern = _TableLine.pattern(of: hash)
    let (array, first) = lock(hash: hash)
    defer { unlock(first) }
    var line = first
    var free: _TableLine?
    while true {
      let control = unsafe line.control.pointee.load(ordering: .relaxed)
      var matches = _TableLine.matches(of: pattern, in: control)
      while matches != 0 {
        let other = unsafe line.node(matches)
        if unsafe !known.contains(other) { return unsafe other }
        matches &= matches &- 1
      }
      if free == nil && ~control & _TableLine.occupied != 0 { free = line }
      guard let next = line.next else { break }
      line = next
    }
    unsafe put(node, pattern, in: free ?? append(to: line, of: array))
    return nil
  }

  /// Adds a node after all that have the same hash.
  @usableFromInline
  func append(_ node: UnsafeMutableRawPointer, hash: Int) {
    let (array, first) = lock(hash: hash)
    unsafe append(node, hash: hash, to: first, of: array)
    unlock(first)
  }

  /// The same, in a bucket that nobody else changes.
  func append(
    _ node: UnsafeMutableRawPointer, hash: Int, to first: _TableLine, of array: _TableArray
  ) {
    let pattern = _TableLine.pattern(of: hash)
    var line = first
    var free: _TableLine?
    while true {
      let control = unsafe line.control.pointee.load(ordering: .relaxed)
      if free == nil && ~control & _TableLine.occupied != 0 { free = line }
      var matches = _TableLine.matches(of: pattern, in: control)
      while matches != 0 {
        if unsafe self.hash(of: line.node(matches)) == hash { free = nil }
        matches &= matches &- 1
      }
      guard let next = line.next else { break }
      line = next
    }
    unsafe put(node, pattern, in: free ?? append(to: line, of: array))
  }

  /// Replaces a node by another one with the same key, or removes it.
  ///
  /// - Returns: false if it isn't in the table: another writer has removed or replaced it.
  @usableFromInline
  func exchange(
    _ node: UnsafeMutableRawPointer, hash: Int, with new: UnsafeMutableRawPointer?
  ) -> Bool {
    let pattern = _TableLine.pattern(of: hash)
    let (array, first) = lock(hash: hash)
    defer { unlock(first) }
    var line = first
    var (previous, index) = (first, 0)
    while true {
      let control = unsafe line.control.pointee.load(ordering: .relaxed)
      var matches = _TableLine.matches(of: pattern, in: control)
      while matches != 0 {
        if unsafe line.node(matches) == node {
          if let new = unsafe new {
            // Pairs with the acquiring load in `_TableLine.node`.
            unsafe line.slot(matches).pointee.store(
              UInt(bitPattern: new), ordering: .releasing)
          } else {
            let rest = remove(matches & ~(matches &- 1), from: line, control)
            if rest & _TableLine.tags == 0 && index >= Self.keptLineCount {
              unlink(line, after: previous, in: array)
            }
          }
          return true
        }
        matches &= matches &- 1
      }
      guard let next = line.next else { return false }
      previous = line
      line = next
      index &+= 1
    }
  }

  /// How many lines of a bucket stay though they are empty: more than nearly all buckets have.
  /// Without a limit, a key that gets a new duplicate whenever an old one goes would move on from
  /// line to line for ever.
  private static var keptLineCount: Int { 3 }

  /// Takes an empty line out of its bucket, where a writer has the lock. Readers that are at the
  /// line go on from there, so it isn't used again before the array is destroyed.
  private func unlink(_ line: _TableLine, after previous: _TableLine, in array: _TableArray) {
    let next = unsafe line.nextAddress.pointee.load(ordering: .relaxed)
    unsafe previous.nextAddress.pointee.store(next, ordering: .releasing)
    unsafe array.header.pointee.unlinkedCount.wrappingAdd(1, ordering: .relaxed)
  }

  /// Puts a node into the line's first empty place.
  private func put(_ node: UnsafeMutableRawPointer, _ pattern: UInt, in line: _TableLine) {
    let control = unsafe line.control.pointee.load(ordering: .relaxed)
    let empty = ~control & _TableLine.occupied
    // These two pair with the acquiring loads in `_TableLine.node` and of control words.
    unsafe line.slot(empty).pointee.store(UInt(bitPattern: node), ordering: .releasing)
    let tag = pattern & 0xff
    unsafe line.control.pointee.store(
      control | tag &<< UInt(empty.trailingZeroBitCount &- 7), ordering: .releasing)
  }

  /// - Parameter place: the bit of one place.
  /// - Returns: the new control word.
  @discardableResult
  func remove(_ place: UInt, from line: _TableLine, _ control: UInt) -> UInt {
    let rest = control & ~(UInt(0xff) &<< UInt(place.trailingZeroBitCount &- 7))
    unsafe line.control.pointee.store(rest, ordering: .releasing)
    return rest
  }

  private func append(to line: _TableLine, of array: _TableArray) -> _TableLine {
    let new = array.makeLine()
    unsafe line.nextAddress.pointee.store(UInt(bitPattern: new.address), ordering: .releasing)
    return new
  }
}

/// Nodes that a writer has compared with its key and found to be unequal.
@safe
@usableFromInline
struct _KnownNodes {
  private var first: UnsafeMutableRawPointer?
  // Empty, and so without an allocation, unless three keys have the same tag.
  private var others: [UnsafeMutableRawPointer] = unsafe []

  @usableFromInline
  init() { unsafe first = nil }

  @usableFromInline
  @unsafe
  mutating func append(_ node: UnsafeMutableRawPointer) {
    if unsafe first == nil { unsafe first = node } else { unsafe others.append(node) }
  }

  @unsafe
  func contains(_ node: UnsafeMutableRawPointer) -> Bool {
    unsafe first == node || others.contains(node)
  }
}
