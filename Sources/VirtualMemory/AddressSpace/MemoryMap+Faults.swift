// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

/// Page faults, as far as they change VMAs: a write to private memory gives its VMA an `anon_vma`,
/// and a write below a stack lets the stack grow.
extension MemoryMap {
  /// Writes one byte at `address`.
  ///
  /// - Source: `do_user_addr_fault` of x86, `lock_mm_and_find_vma`.
  mutating func touch(_ address: UInt64) throws(MemoryFault) {
    guard address < configuration.taskSize, var record = tree.firstRecord(endingAfter: address)
    else {
      throw .segmentation
    }
    if record.start > address {
      guard record.flags.contains(.growsDown) else { throw .segmentation }
      record = try growDown(record, to: address.roundedDownToPage)
    }
    guard record.flags.contains(.write), !record.isSpecial else { throw .segmentation }
    if !record.flags.contains(.shared) { prepareAnonVMA(of: record) }
    guard record.hasPage(at: address) else { throw .bus }
  }

  /// Lets `record` grow down to `address`. It isn't merged with what it then touches.
  ///
  /// - Source: `expand_downwards`, `acct_stack_growth`.
  private mutating func growDown(
    _ record: Record, to address: UInt64
  ) throws(MemoryFault) -> Record {
    guard address >= configuration.minimumAddress else { throw .segmentation }
    let previous = tree.lastRecord(endingAtOrBefore: record.start)
    if let previous, !previous.flags.contains(.growsDown),
      !previous.flags.isDisjoint(with: .access),
      address - previous.end < configuration.stackGuardGap
    {
      throw .segmentation
    }
    // The kernel prepares the `anon_vma` before it finds out whether the VMA may grow.
    var grown = prepareAnonVMA(of: record)
    let pages = (record.start - address) / .page
    guard pages <= record.pageOffset, mayExpand(by: pages, record.flags),
      record.end - address <= limits.stack, mayLock(pages: pages, record.flags)
    else { throw .segmentation }
    grown.start = address
    grown.pageOffset -= pages
    replace(address, record.end, with: Replacement(grown))
    return grown
  }

  /// Gives `record` an `anon_vma`, if it has none: a neighbour's if that can be shared, trying the
  /// next VMA first.
  ///
  /// - Returns: the changed record.
  /// - Source: `__anon_vma_prepare`, `find_mergeable_anon_vma`.
  @discardableResult
  mutating func prepareAnonVMA(of record: Record) -> Record {
    guard record.anonVMA == 0 else { return record }
    // This comes first, since it rebuilds the tree.
    if lastAnonVMA == .max { renumberAnonVMAs() }
    let place = tree.locate(record.start)
    let around = neighbours(record.start, record.end, at: place)
    var prepared = record
    if let after = around.after, Record.canShareAnonVMA(of: after, record, after) {
      prepared.anonVMA = after.anonVMA
    } else if let before = around.before, Record.canShareAnonVMA(of: before, before, record) {
      prepared.anonVMA = before.anonVMA
    } else {
      prepared.anonVMA = nextAnonVMA()
    }
    replace(record.start, record.end, with: Replacement(prepared), at: place)
    return prepared
  }

  /// A number that no VMA has yet.
  mutating func nextAnonVMA() -> UInt32 {
    if lastAnonVMA == .max { renumberAnonVMAs() }
    lastAnonVMA += 1
    return lastAnonVMA
  }

  /// Renumbers the `anon_vma`s in use from 1, after four thousand million first writes.
  ///
  /// - Complexity: O(n).
  private mutating func renumberAnonVMAs() {
    var numbers: [UInt32: UInt32] = [:]
    var records: [Record] = []
    tree.forEach(in: 0, .max) { record in
      var record = record
      if record.anonVMA != 0 {
        let number = numbers[record.anonVMA] ?? UInt32(numbers.count + 1)
        numbers[record.anonVMA] = number
        record.anonVMA = number
      }
      records.append(record)
    }
    lastAnonVMA = UInt32(numbers.count)
    tree.removeAll()
    tree.build(records)
  }

  /// Faults in the pages of `start..<end`.
  ///
  /// - Parameter skippingErrors: whether to go on with the next VMA if a page can't be provided.
  /// - Throws: otherwise `ENOMEM`, for the first such page.
  /// - Source: `__mm_populate`, `populate_vma_page_range`.
  mutating func populate(
    _ start: UInt64, _ end: UInt64, skippingErrors: Bool
  ) throws(Errno) {
    var position = start
    while position < end, let record = tree.firstRecord(endingAfter: position), record.start < end {
      let last = min(record.end, end)
      let isComplete = populate(record, max(record.start, position), last)
      if !isComplete && !skippingErrors { throw .noMemory }
      position = last
    }
  }

  /// Faults in pages of one VMA, for writing if that makes them the process's own.
  ///
  /// - Returns: whether all of them are present.
  mutating func populate(_ record: Record, _ start: UInt64, _ end: UInt64) -> Bool {
    if record.isSpecial || record.flags.contains(.lockOnFault) { return true }
    guard !record.flags.isDisjoint(with: .access), !record.flags.contains(.executeOnlyKey) else {
      return false
    }
    let isWritten = record.flags.intersection([.write, .shared]) == .write
    if isWritten || record.readsIntoHugePage(start, end) { prepareAnonVMA(of: record) }
    return record.hasPage(at: end - 1)
  }
}

extension Record {
  /// Whether the page at `address` of the VMA exists: the VMA has no file, or the page lies before
  /// the end of the file.
  func hasPage(at address: UInt64) -> Bool {
    guard let object = MapObject(word: object), object.isFile else { return true }
    let byte = (pageOffset &+ (address - start) / .page) &* .page
    return byte < object.byteCount
  }

  /// Whether a read of these pages asks for a huge page. The kernel then prepares the `anon_vma`,
  /// though nothing is written.
  ///
  /// - Source: `do_huge_pmd_anonymous_page`.
  fileprivate func readsIntoHugePage(_ start: UInt64, _ end: UInt64) -> Bool {
    guard isAnonymous, flags.contains(.hugePage) else { return false }
    let size = MemoryMap.hugePage
    let first = max(start & ~(size - 1), (self.start + size - 1) & ~(size - 1))
    return first < end && first + size <= self.end
  }
}
