// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

extension AddressSpace {
  /// Changes the access allowed: `mprotect`.
  ///
  /// VMAs are changed one by one, each split at the range's edges or merged with its neighbours.
  /// What was changed before an error stays.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: in bytes, rounded up to pages; 0 changes nothing.
  ///   - protection: the new access.
  /// - Throws: `EINVAL` if both grow flags are given, the address is not a multiple of the page,
  ///   `protection` has unknown bits, or ``Protection/growsDown`` is given for a VMA that doesn't;
  ///   `ENOMEM` if the range wraps, a page of it is not mapped, or a split would make one VMA too
  ///   many; `EACCES` if the file was not opened for that.
  /// - Complexity: O(VMAs in the range × log n).
  public func protect(
    _ address: UInt64, length: UInt64, _ protection: Protection
  ) throws(Errno) {
    try write { (writer) throws(Errno) in
      try writer.protect(address, length, protection, configuration: configuration)
    }
  }
}

extension TreeWriter {
  /// - Source: `do_mprotect_pkey`.
  mutating func protect(
    _ address: UInt64, _ length: UInt64, _ protection: Protection,
    configuration: AddressSpaceConfiguration
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
    guard let first = draft.record(endingAbove: address) else { throw .noMemory }
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
      guard let record = draft.record(endingAbove: position), record.start <= position else {
        throw .noMemory
      }
      let flags = record.flags.subtracting(.access).union(VMAFlags(access))
      let allowed = VMAFlags(rawValue: record.flags.rawValue >> 4).intersection(.access)
      guard flags.intersection(.access).isSubset(of: allowed) else { throw .permissionDenied }
      let next = min(record.end, end)
      try setFlags(
        Self.accounting(flags, of: record), of: record, position, next, configuration)
      position = next
    }
  }

  /// `flags` with the accounting that a change of protection brings: private memory that becomes
  /// writable is charged; anonymous memory that was never written is given back.
  ///
  /// - Source: `mprotect_fixup`.
  private static func accounting(_ flags: VMAFlags, of record: Record) -> VMAFlags {
    var flags = flags
    if flags.contains(.write) {
      if record.flags.isDisjoint(with: [.accounted, .write, .shared, .noReserve]) {
        flags.insert(.accounted)
      }
    } else if record.flags.contains(.accounted) && record.object == 0 {
      flags.remove(.accounted)
    }
    return flags
  }

  /// Gives `start..<end` of `record` the flags `flags`: merges at an edge that it shares with
  /// `record`, splits at the others, the lower first.
  ///
  /// - Throws: `ENOMEM` if a split would make one VMA too many; the first of two stays.
  /// - Source: `vma_modify_flags`.
  mutating func setFlags(
    _ flags: VMAFlags, of record: Record, _ start: UInt64, _ end: UInt64,
    _ configuration: AddressSpaceConfiguration
  ) throws(Errno) {
    if flags == record.flags { return }
    guard var changed = record.part(start, end) else { return }
    changed.flags = flags
    var items = Items()
    var first = record.start
    var last = record.end
    // A neighbour that meets the range exactly: none where the range ends within `record`.
    let around = surroundings(start, end)
    let (before, after) = (around.before, around.after)
    let mergesLeft = before.map { $0.canMerge(with: changed) } ?? false
    let mergesRight = after.map { changed.canMerge(with: $0) } ?? false
    if mergesLeft, let before {
      changed = before.merged(with: changed)
      first = before.start
    } else {
      items.append(record.part(record.start, start))
    }
    if mergesRight, let after {
      changed = changed.merged(with: after)
      last = after.end
    }
    items.append(changed)
    if !mergesRight { items.append(record.part(end, record.end)) }

    if !mergesLeft && !mergesRight {
      // Two splits at most, each of which needs room for one more VMA.
      let splitCount = (record.start < start ? 1 : 0) + (end < record.end ? 1 : 0)
      let room = configuration.mapCountMax - draft.mapCount
      if room < splitCount {
        if splitCount == 2 && room == 1 {
          // The lower split is done before the upper one fails.
          var halves = Items()
          halves.append(record.part(record.start, start))
          halves.append(record.part(start, record.end))
          replace(first, last, with: halves)
        }
        throw .noMemory
      }
    }
    replace(first, last, with: items)
  }
}
