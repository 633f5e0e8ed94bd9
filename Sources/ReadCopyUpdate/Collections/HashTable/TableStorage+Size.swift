// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _SystemShims

/// How a table grows and shrinks: its nodes move to another array, a few buckets with each change.
extension _TableStorage {
  /// Counts nodes that were added or removed. Begins to move the nodes to another array if the
  /// table is too small or far too large, and moves a few if others still have to be.
  ///
  /// - Returns: an array that nobody else will ever find, as a word, for the caller to destroy
  ///   after a grace period; 0 if there is none.
  @usableFromInline
  func count(_ change: Int, hash: Int) -> UInt {
    let shard = counts.add(change, hash: hash)
    let array = self.array
    if unsafe array.header.pointee.next.load(ordering: .relaxed) == 0 {
      // One counter stands for all. This is only a hint, which is checked with the sum.
      let estimate = shard &* _ShardedCount.shardCount
      let mayShrink = change < 0 && array.scale > minimumScale && isSparse(array, count: estimate)
      guard estimate > array.capacity || mayShrink || isWorn(array) else { return 0 }
      beginToMove(array)
    }
    return help(array)
  }

  private func isSparse(_ array: _TableArray, count: Int) -> Bool { count &* 8 < array.capacity }

  /// Whether many lines were taken out of their buckets, which only a new array gives back.
  private func isWorn(_ array: _TableArray) -> Bool {
    unsafe array.header.pointee.unlinkedCount.load(ordering: .relaxed) > array.count / 4 + 64
  }

  private func beginToMove(_ array: _TableArray) {
    let count = counts.sum
    let changes = count > array.capacity || isSparse(array, count: count)
    guard changes || isWorn(array) else { return }
    // Twice what is needed, so that it doesn't move back soon.
    let wanted = count > array.capacity ? count : count * 2
    let buckets = max(1, (wanted + _TableArray.maximumLoad - 1) / _TableArray.maximumLoad)
    let fitting = max(minimumScale, Int.bitWidth - (buckets - 1).leadingZeroBitCount)
    let scale = changes ? fitting : array.scale
    // Without memory it stays as it is.
    guard scale != array.scale || isWorn(array), let next = _TableArray.make(scale: scale) else {
      return
    }
    let (isOurs, _) = unsafe array.header.pointee.next.compareExchange(
      expected: 0, desired: next.word, ordering: .acquiringAndReleasing)
    if !isOurs { unsafe next.destroy() }
  }

  /// How many buckets a change moves. When a table doubles, half as many changes as there are
  /// buckets complete the move. Those of a table that shrinks are nearly empty.
  private func helpCount(of array: _TableArray, _ next: _TableArray) -> Int {
    next.scale > array.scale ? 2 : 8
  }

  private func help(_ array: _TableArray) -> UInt {
    let next = unsafe _TableArray(array.header.pointee.next.load(ordering: .acquiring))
    guard next.word != 0 else { return 0 }
    var isLast = false
    for _ in 0..<helpCount(of: array, next) {
      // Who has chosen a bucket may take long over it, or not exist in a forked child. Then others
      // come to it in the next round.
      let index = unsafe array.header.pointee.cursor.wrappingAdd(1, ordering: .relaxed).oldValue
      if move(index & array.mask, of: array, to: next) {
        let moved = unsafe array.header.pointee.movedCount.wrappingAdd(
          1, ordering: .acquiringAndReleasing)
        isLast = isLast || moved.newValue == array.count
      }
      if index & array.mask == 0 && index != 0 { isLast = isLast || wasLeftByAFork(array) }
    }
    guard isLast else { return 0 }
    let (isOurs, _) = root.compareExchange(
      expected: array.word, desired: next.word, ordering: .acquiringAndReleasing)
    return isOurs ? array.word : 0
  }

  /// Whether all buckets have moved, though `movedCount` doesn't say so, since a thread was about
  /// to count when the process was forked.
  private func wasLeftByAFork(_ array: _TableArray) -> Bool {
    guard unsafe array.header.pointee.forkCount != sysshims_fork_count() else { return false }
    return (0..<array.count).allSatisfy { index in
      unsafe array.line(at: index).control.pointee.load(ordering: .acquiring)
        & _TableLine.isMoved != 0
    }
  }

  /// Moves a bucket.
  ///
  /// - Returns: whether it has moved by this call.
  private func move(_ index: Int, of array: _TableArray, to next: _TableArray) -> Bool {
    let first = array.line(at: index)
    guard let wasLocked = lockUnlessMoved(first) else { return false }
    // In a larger array, nobody looks into the buckets until this one has moved. In a smaller one,
    // others may be in use, whose nodes have moved before.
    let shared = next.scale < array.scale ? next.line(for: index) : nil
    // `next` has no next array: it isn't the root.
    if let shared { _ = lockUnlessMoved(shared) }
    if wasLocked { takeBack(index, of: array, from: next) }
    var line: _TableLine? = first
    while let current = line {
      var places = unsafe current.control.pointee.load(ordering: .relaxed) & _TableLine.occupied
      while places != 0 {
        let node = unsafe current.node(places)
        let hash = unsafe self.hash(of: node)
        unsafe append(node, hash: hash, to: next.line(for: hash), of: next)
        places &= places &- 1
      }
      line = current.next
    }
    if let shared { unlock(shared) }
    // Pairs with the acquiring loads of control words: what they lead to is in the next array.
    unsafe first.control.pointee.store(_TableLine.isMoved, ordering: .releasing)
    return true
  }

  /// Removes from the next array what a thread that doesn't exist in this process had moved.
  private func takeBack(_ index: Int, of array: _TableArray, from next: _TableArray) {
    for bucket in stride(from: index & next.mask, to: next.count, by: array.count) {
      var line: _TableLine? = next.line(at: bucket)
      while let current = line {
        var places = unsafe current.control.pointee.load(ordering: .relaxed) & _TableLine.occupied
        while places != 0 {
          let hash = unsafe self.hash(of: current.node(places))
          if hash & array.mask == index {
            let control = unsafe current.control.pointee.load(ordering: .relaxed)
            remove(places & ~(places &- 1), from: current, control)
          }
          places &= places &- 1
        }
        line = current.next
      }
    }
  }
}
