// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

extension AddressSpace {
  /// The program break: the end of the heap, a byte address; 0 if there is no heap.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var programBreak: UInt64 { withCurrentVersion { $0.breakEnd } }

  /// Moves the program break: `brk`.
  ///
  /// The heap starts where ``ImportedLayout/breakRange`` does. To grow, it needs a free page
  /// between its end and the next mapping, or the guard gap of that mapping if it grows down. If
  /// the VMA that ends at the break is compatible, the heap grows in place; otherwise, the added
  /// part becomes a VMA of its own.
  ///
  /// - Parameter address: the new break.
  /// - Returns: the break afterwards: the new one, or the old one if it couldn't be moved. As in
  ///   Linux, this is never an error: there may be no room, a limit may be reached
  ///   (``ResourceLimits/data``, ``ResourceLimits/addressSpace``,
  ///   ``AddressSpaceConfiguration/maximumMapCount``), or `address` may be below the heap's start.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(log n), and O(VMAs unmapped).
  @discardableResult
  public func setBreak(_ address: UInt64) -> UInt64 {
    write { writer in
      if writer.setBreak(address) { writer.draft.breakEnd = address }
      return writer.draft.breakEnd
    }
  }
}

extension MemoryMap {
  /// - Returns: whether the break moves to `address`; if so, the map has been changed.
  /// - Source: `brk`.
  fileprivate mutating func setBreak(_ address: UInt64) -> Bool {
    guard address >= draft.breakStart, address - draft.breakStart <= limits.data,
      address <= configuration.taskSize
    else { return false }
    let newEnd = address.roundedUpToPage
    let oldEnd = draft.breakEnd.roundedUpToPage
    isChanged = isChanged || address != draft.breakEnd
    if newEnd == oldEnd { return true }
    if address <= draft.breakEnd {
      guard let record = tree.firstRecord(endingAfter: newEnd), record.start < oldEnd else {
        return false
      }
      do {
        try removeRange(newEnd, oldEnd)
        return true
      } catch {
        return false
      }
    }
    let next = tree.firstRecord(endingAfter: oldEnd)
    if let next, newEnd + .page > guardedStart(next) { return false }
    return extendHeap(oldEnd, newEnd)
  }

  /// - Source: `do_brk_flags`.
  private mutating func extendHeap(_ start: UInt64, _ end: UInt64) -> Bool {
    let flags: VMAFlags = [
      .read, .write, .mayRead, .mayWrite, .mayExecute, .accounted,
    ]
    guard mayExpand(by: (end - start) / .page, flags),
      draft.mapCount <= configuration.maximumMapCount
    else { return false }
    let record = Record(
      start: start, end: end, flags: flags, pageOffset: start / .page, object: 0)
    var around = neighbours(start, end)
    // The heap merges only with what is before it, and only from its own start on.
    around.after = nil
    if let before = around.before, before.end <= draft.breakStart { around.before = nil }
    insert(record, around)
    return true
  }
}
