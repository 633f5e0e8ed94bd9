// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

extension AddressSpace {
  /// The program break: the end of the heap, in bytes. 0 if there is no heap.
  public var programBreak: UInt64 { withCurrentVersion { $0.breakEnd } }

  /// Moves the program break: `brk`.
  ///
  /// The heap starts where ``ImportedLayout/breakRange`` does. Growing needs a page of room below
  /// what is mapped behind it, and below the guard gap of what grows down there; the heap grows in
  /// place if what ends at the break is compatible, and gets a VMA of its own otherwise.
  ///
  /// - Returns: the break that is in force afterwards: the new one, or the old one if it could not
  ///   be moved. Never an error, as in Linux: there was no room, a limit was reached
  ///   (``ResourceLimits/data``, ``ResourceLimits/addressSpace``,
  ///   ``AddressSpaceConfiguration/maximumMapCount``), or `address` is below the heap's start.
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
  /// - Returns: whether the break moves to `address`; what that changes of the map is done.
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
    // The heap merges with what is before it only, and only from its own start on.
    around.after = nil
    if let before = around.before, before.end <= draft.breakStart { around.before = nil }
    insert(record, around)
    return true
  }
}
