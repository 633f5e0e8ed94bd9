// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

extension AddressSpace {
  /// Locks pages in memory: `mlock`, and `mlock2` with `MLOCK_ONFAULT`.
  ///
  /// VMAs are locked one by one, up to the first hole, each split or merged as by
  /// ``protect(_:_:)``. If there was no hole, their pages are then faulted in.
  ///
  /// - Parameters:
  ///   - range: every page that it touches is locked.
  ///   - onFault: whether each page is locked when it is first used, instead of all at once.
  /// - Throws: as ``SystemCalls/mlock(_:length:onFault:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in the range × log n).
  public func lock(_ range: Range<UInt64>, onFault: Bool = false) throws(Errno) {
    try systemCalls.mlock(range.lowerBound, length: range.length, onFault: onFault)
  }

  /// Unlocks pages: `munlock`.
  ///
  /// - Parameter range: every page that it touches is unlocked.
  /// - Throws: as ``SystemCalls/munlock(_:length:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in the range × log n).
  public func unlock(_ range: Range<UInt64>) throws(Errno) {
    try systemCalls.munlock(range.lowerBound, length: range.length)
  }
}

extension AddressSpace.SystemCalls {
  /// `mlock`, and `mlock2` with `MLOCK_ONFAULT`: locks pages in memory.
  ///
  /// - Parameters:
  ///   - address: an address in the first page.
  ///   - length: in bytes; everything up to the end of the last page is locked.
  ///   - onFault: whether each page is locked when it is first used, instead of all at once.
  /// - Throws:
  ///   - `EPERM`: the process may not lock memory.
  ///   - `ENOMEM`: past ``ResourceLimits/lockedMemory``.
  ///   - `EINVAL`: the range wraps.
  ///   - `ENOMEM`: at the first page that is not mapped, or at a split that would make one VMA too
  ///     many. Also, with the VMAs locked, for a page that can't be provided: in inaccessible
  ///     memory, behind the end of a file, or, with protection keys
  ///     (``AddressSpaceConfiguration/hasProtectionKeys``), in execute-only memory.
  /// - Complexity: O(VMAs in the range × log n).
  public func mlock(_ address: UInt64, length: UInt64, onFault: Bool = false) throws(Errno) {
    try space.write { (writer) throws(Errno) in
      guard writer.mayLockAny else { throw .notPermitted }
      let (start, bytes) = MemoryMap.lockRange(address, length)
      guard writer.mayLock(start, bytes) else { throw .noMemory }
      try writer.setLock(start, bytes, onFault ? [.locked, .lockOnFault] : .locked)
      try writer.populate(start, start + bytes, skippingErrors: false)
    }
  }

  /// `munlock`: unlocks pages.
  ///
  /// - Parameters:
  ///   - address: an address in the first page.
  ///   - length: in bytes; everything up to the end of the last page is unlocked.
  /// - Throws: `EINVAL` if the range wraps; `ENOMEM` at the first page that is not mapped, or at a
  ///   split that would make one VMA too many. What precedes it is unlocked.
  /// - Complexity: O(VMAs in the range × log n).
  public func munlock(_ address: UInt64, length: UInt64) throws(Errno) {
    try space.write { (writer) throws(Errno) in
      let (start, bytes) = MemoryMap.lockRange(address, length)
      try writer.setLock(start, bytes, [])
    }
  }
}

extension MemoryMap {
  /// The pages of a range. It may wrap, and then be empty.
  fileprivate static func lockRange(
    _ address: UInt64, _ length: UInt64
  ) -> (start: UInt64, bytes: UInt64) {
    let start = address.roundedDownToPage
    return (start, (length &+ (address - start)).roundedUpToPage)
  }

  /// Whether the range may be locked. Memory that is already locked isn't counted twice.
  ///
  /// - Source: `do_mlock`, `count_mm_mlocked_page_nr`.
  fileprivate mutating func mayLock(_ start: UInt64, _ bytes: UInt64) -> Bool {
    guard let limit = limits.lockedMemory else { return true }
    let pages = bytes / .page &+ draft.lockedPages
    if pages <= limit / .page { return true }
    var lockedPages: UInt64 = 0
    let (sum, wraps) = start.addingReportingOverflow(bytes)
    let end = wraps ? .max : sum
    tree.forEach(in: start, end) { record in
      guard record.flags.contains(.locked) else { return }
      lockedPages += (min(record.end, end) - max(record.start, start)) / .page
    }
    return pages - lockedPages <= limit / .page
  }

  /// - Parameter lock: `.locked`, with or without `.lockOnFault`; or empty.
  /// - Source: `apply_vma_lock_flags`, `mlock_fixup`.
  fileprivate mutating func setLock(
    _ start: UInt64, _ bytes: UInt64, _ lock: VMAFlags
  ) throws(Errno) {
    let (end, wraps) = start.addingReportingOverflow(bytes)
    guard !wraps else { throw .invalidArgument }
    var position = start
    while position < end {
      guard let place = tree.locate(position), let record = place.record,
        record.start <= position
      else { throw .noMemory }
      let next = min(record.end, end)
      let flags = record.flags.subtracting(.lockedMask).union(lock)
      if flags != record.flags && !record.isSpecial && !flags.contains(.droppable) {
        try modify(record, position, next, at: place) { $0.flags = flags }
      }
      position = next
    }
  }
}
