// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

extension AddressSpace {
  /// Changes the access allowed: `mprotect`.
  ///
  /// VMAs are changed one by one, each split at the range's ends or merged with its neighbours.
  /// What was changed before an error stays changed.
  ///
  /// - Parameters:
  ///   - range: begins at a multiple of the page; its length is rounded up to pages. An empty range
  ///     changes nothing.
  ///   - protection: the new access.
  /// - Throws: as ``SystemCalls/mprotect(_:length:_:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in the range × log n).
  public func protect(_ range: Range<UInt64>, _ protection: Protection) throws(Errno) {
    try systemCalls.mprotect(range.lowerBound, length: range.length, protection)
  }
}

extension AddressSpace.SystemCalls {
  /// `mprotect`: changes the access allowed.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: in bytes, rounded up to pages; 0 changes nothing.
  ///   - protection: the new access.
  /// - Throws:
  ///   - `EINVAL`: both grow flags; an address that is not a multiple of the page; unknown bits in
  ///     `protection`; ``Protection/growsDown`` for a VMA that doesn't grow down.
  ///   - `ENOMEM`: the range wraps; a page of it is not mapped; a split would make one VMA too
  ///     many; what becomes writable is past ``ResourceLimits/data``.
  ///   - `EACCES`: the file was not opened for that access.
  /// - Complexity: O(VMAs in the range × log n).
  public func mprotect(
    _ address: UInt64, length: UInt64, _ protection: Protection
  ) throws(Errno) {
    try space.write { (writer) throws(Errno) in
      try writer.protect(address, length, protection)
    }
  }
}

extension MemoryMap {
  /// - Source: `do_mprotect_pkey`.
  mutating func protect(
    _ address: UInt64, _ length: UInt64, _ protection: Protection
  ) throws(Errno) {
    let growth: Protection = [.growsDown, .growsUp]
    guard !protection.isSuperset(of: growth), address.isPageAligned else {
      throw .invalidArgument
    }
    if length == 0 { return }
    let (end, wraps) = address.addingReportingOverflow(length.roundedUpToPage)
    guard !wraps, end > address else { throw .noMemory }
    let access = protection.subtracting(growth)
    guard access.isSubset(of: [.read, .write, .execute, .atomicOperations]) else {
      throw .invalidArgument
    }
    var place = tree.locate(address)
    guard let first = place?.record else { throw .noMemory }
    var position = address
    if protection.contains(.growsDown) {
      guard first.start < end else { throw .noMemory }
      guard first.flags.contains(.growsDown) else { throw .invalidArgument }
      position = first.start
    } else {
      guard first.start <= address else { throw .noMemory }
      guard !protection.contains(.growsUp) else { throw .invalidArgument }
    }

    while position < end {
      guard let record = place?.record, record.start <= position else { throw .noMemory }
      let flags = record.flags.subtracting(.accessAndKey).union(
        VMAFlags(access, hasKeys: configuration.hasProtectionKeys))
      let allowed = VMAFlags(rawValue: record.flags.rawValue >> 4).intersection(.access)
      guard flags.intersection(.access).isSubset(of: allowed) else { throw .permissionDenied }
      let next = min(record.end, end)
      try setAccess(flags, of: record, position, next, at: place)
      position = next
      if position < end { place = tree.locate(position) }
    }
  }

  /// Gives a part of `record` the access in `flags`, which are otherwise the record's own.
  ///
  /// - Source: `mprotect_fixup`.
  private mutating func setAccess(
    _ flags: VMAFlags, of record: Record, _ start: UInt64, _ end: UInt64, at place: Place?
  ) throws(Errno) {
    if flags == record.flags { return }
    var flags = flags
    if flags.contains(.write) {
      let pages = (end - start) / .page
      guard mayExpand(by: pages, flags) || !mayExpand(by: pages, record.flags) else {
        throw .noMemory
      }
      // Private memory that becomes writable is charged.
      if record.flags.isDisjoint(with: [.accounted, .write, .shared, .noReserve]) {
        flags.insert(.accounted)
      }
    } else if record.flags.contains(.accounted) && record.isAnonymous
      && record.anonVMA == 0
    {
      // What has never been written is no longer charged.
      flags.remove(.accounted)
    }
    try modify(record, start, end, at: place) { $0.flags = flags }
    if record.flags.intersection([.write, .shared, .locked]) == .locked && flags.contains(.write),
      let changed = tree.firstRecord(endingAfter: start)
    {
      _ = populate(changed, start, end)
    }
  }
}
