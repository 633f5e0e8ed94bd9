// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

extension AddressSpace {
  /// Makes a mapping shorter or longer: `mremap`.
  ///
  /// A mapping that becomes shorter loses its tail. A mapping that becomes longer grows in place if
  /// the range reaches the end of its VMA and there is room behind it; otherwise it moves, if it
  /// may.
  ///
  /// - Parameters:
  ///   - range: begins at a multiple of the page; its length is rounded up to pages.
  ///   - newLength: in bytes, rounded up to pages.
  ///   - mayMove: whether the mapping may move to another address.
  /// - Returns: where the mapping is now.
  /// - Throws: as ``SystemCalls/mremap(_:length:newLength:flags:newAddress:)``; `ENOMEM` if there
  ///   is no room in place and it may not move.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in the range × log n).
  @discardableResult
  public func resize(
    _ range: Range<UInt64>, to newLength: UInt64, mayMove: Bool = true
  ) throws(Errno) -> Range<UInt64> {
    let start = try systemCalls.mremap(
      range.lowerBound, length: range.length, newLength: newLength, flags: mayMove ? .mayMove : [])
    return start..<start + newLength.roundedUpToPage
  }

  /// Moves a mapping to another address, where it replaces what is mapped: `mremap` with
  /// `MREMAP_FIXED`.
  ///
  /// The range may cover several VMAs, whose gaps are kept, unless its length changes. The moved
  /// mapping merges with its new neighbours. Untouched anonymous memory then counts as mapped at
  /// the new address; touched memory remembers where it came from, and merges only with memory that
  /// continues it.
  ///
  /// - Parameters:
  ///   - range: begins at a multiple of the page; its length is rounded up to pages.
  ///   - address: the new address of the first page.
  ///   - newLength: in bytes, rounded up to pages; `nil` for the same length.
  ///   - keepingSource: whether the source stays mapped, without its pages (`MREMAP_DONTUNMAP`).
  /// - Returns: where the mapping is now.
  /// - Throws: as ``SystemCalls/mremap(_:length:newLength:flags:newAddress:)``; `EINVAL` if the
  ///   ranges overlap.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in both ranges × log n).
  @discardableResult
  public func move(
    _ range: Range<UInt64>, to address: UInt64, newLength: UInt64? = nil,
    keepingSource: Bool = false
  ) throws(Errno) -> Range<UInt64> {
    let length = newLength ?? range.length
    let start = try systemCalls.mremap(
      range.lowerBound, length: range.length, newLength: length,
      flags: keepingSource ? [.mayMove, .fixed, .dontUnmap] : [.mayMove, .fixed],
      newAddress: address)
    return start..<start + length.roundedUpToPage
  }
}

extension AddressSpace.SystemCalls {
  /// `mremap`: resizes or moves a mapping.
  ///
  /// - Without flags that name a target: equal lengths change nothing. A shorter new length unmaps
  ///   the tail, whatever is mapped there. A longer one grows the mapping in place if the range
  ///   reaches the end of its VMA and there is room behind it; otherwise, with
  ///   ``RemapFlags/mayMove``, the mapping moves.
  /// - ``RemapFlags/fixed``: moves to `newAddress`, after unmapping what is there. With equal
  ///   lengths, the range may cover several VMAs, whose gaps are kept.
  /// - ``RemapFlags/dontUnmap``: the pages move, and the source stays mapped. Without
  ///   ``RemapFlags/fixed``, `newAddress` is a hint.
  /// - `length` 0 makes a second mapping of shared memory.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: the old length in bytes, rounded up to pages.
  ///   - newLength: in bytes, rounded up to pages.
  ///   - flags: how to remap.
  ///   - newAddress: the target, or a hint, depending on the flags.
  /// - Returns: the address of the resized or moved mapping.
  /// - Throws:
  ///   - `EINVAL`: unknown flags; an address that is not a multiple of the page; a new length that
  ///     is 0 or beyond the task's addresses; ``RemapFlags/fixed`` or ``RemapFlags/dontUnmap``
  ///     without ``RemapFlags/mayMove``, or with a target that overlaps the source;
  ///     ``RemapFlags/dontUnmap`` with unequal lengths; length 0 for private memory.
  ///   - `ENOMEM`: a target is named, and fewer than six VMAs are left up to
  ///     ``AddressSpaceConfiguration/maximumMapCount``.
  ///   - `EFAULT`: nothing is mapped at `address`; the range reaches beyond its VMA, and is to
  ///     grow, or to move with another length. If the source was part of what was mapped at a fixed
  ///     target, that is gone by then.
  ///   - `EAGAIN`: past ``ResourceLimits/lockedMemory``. `ENOMEM`: past
  ///     ``ResourceLimits/addressSpace`` or ``ResourceLimits/data``; no room to grow in place, or
  ///     nowhere to move.
  /// - Complexity: O(VMAs in both ranges × log n).
  @discardableResult
  public func mremap(
    _ address: UInt64, length: UInt64, newLength: UInt64, flags: RemapFlags = [],
    newAddress: UInt64 = 0
  ) throws(Errno) -> UInt64 {
    let request = RemapRequest(
      address: address, oldLength: length.roundedUpToPage, newLength: newLength.roundedUpToPage,
      flags: flags, newAddress: newAddress)
    return try space.write { (writer) throws(Errno) in try writer.remap(request) }
  }
}

/// The arguments of `mremap`, with lengths rounded up to pages; `vma_remap_struct`.
private struct RemapRequest {
  var address: UInt64
  var oldLength: UInt64
  var newLength: UInt64
  var flags: RemapFlags
  var newAddress: UInt64

  var namesTarget: Bool { !flags.isDisjoint(with: [.fixed, .dontUnmap]) }
  /// The difference of the lengths in bytes.
  var delta: UInt64 { newLength > oldLength ? newLength - oldLength : oldLength - newLength }
  var grows: Bool { newLength > oldLength }
  var shrinks: Bool { newLength < oldLength }

  /// - Source: `check_mremap_params`.
  func check(mapCount: Int, _ configuration: AddressSpaceConfiguration) throws(Errno) {
    guard flags.rawValue & ~7 == 0, address.isPageAligned, newLength > 0,
      newLength <= configuration.taskSize
    else { throw .invalidArgument }
    guard namesTarget else { return }
    guard newAddress <= configuration.taskSize - newLength, newAddress.isPageAligned,
      flags.contains(.mayMove), !flags.contains(.dontUnmap) || oldLength == newLength,
      !overlaps
    else { throw .invalidArgument }
    // Two more VMAs must leave at least four below the limit, so that moving can't fail halfway.
    guard mapCount + 2 < configuration.maximumMapCount - 3 else { throw .noMemory }
  }

  private var overlaps: Bool {
    address &+ oldLength > newAddress && newAddress &+ newLength > address
  }
}

extension MemoryMap {
  /// - Source: `do_mremap`.
  fileprivate mutating func remap(_ request: RemapRequest) throws(Errno) -> UInt64 {
    try request.check(mapCount: draft.mapCount, configuration)
    if request.flags.contains(.fixed) && request.oldLength == request.newLength {
      return try moveAll(request)
    }
    return try remapOne(request)
  }

  /// The VMA that covers `address`.
  private mutating func record(at address: UInt64) throws(Errno) -> Record {
    guard let record = tree.firstRecord(endingAfter: address), record.start <= address else {
      throw .badAddress
    }
    return record
  }

  /// Moves what is mapped in a range, VMA by VMA, and keeps the gaps.
  ///
  /// - Source: `remap_move`.
  private mutating func moveAll(_ request: RemapRequest) throws(Errno) -> UInt64 {
    let (end, wraps) = request.address.addingReportingOverflow(request.oldLength)
    var part = request
    var result: UInt64?
    var sourceEnd = request.address
    var target = request.newAddress
    while !wraps, sourceEnd < end, let record = tree.firstRecord(endingAfter: sourceEnd),
      record.start < end
    {
      guard result != nil || record.start <= request.address else { throw .badAddress }
      part.address = max(record.start, sourceEnd)
      part.oldLength = min(record.end, end) - part.address
      part.newLength = part.oldLength
      part.newAddress = target + (part.address - sourceEnd)
      let moved = try remapOne(part)
      result = result ?? moved
      sourceEnd = part.address + part.oldLength
      target = moved + part.newLength
    }
    guard let result else { throw .badAddress }
    return result
  }

  /// Resizes or moves within one VMA.
  private mutating func remapOne(_ request: RemapRequest) throws(Errno) -> UInt64 {
    let record = try record(at: request.address)
    try checkGrowth(request, record)
    let start = try request.namesTarget ? moveToTarget(request) : resize(request, record)
    if request.grows && record.flags.contains(.locked) {
      try populate(
        start + request.oldLength, start + request.newLength, skippingErrors: true)
    }
    return start
  }

  /// - Source: `check_prep_vma`.
  private mutating func checkGrowth(_ request: RemapRequest, _ record: Record) throws(Errno) {
    // Only requests that need a new range are checked.
    guard request.namesTarget || request.grows else { return }
    guard request.oldLength > 0 || !record.flags.isDisjoint(with: [.shared, .mayShare]) else {
      throw .invalidArgument
    }
    if request.flags.contains(.dontUnmap) && record.isSpecial { throw .invalidArgument }
    let keptLength = min(request.oldLength, request.newLength)
    guard keptLength <= record.end - request.address else { throw .badAddress }
    guard request.grows else { return }
    guard !record.isSpecial else { throw .badAddress }
    let pages = request.delta / .page
    guard mayLock(pages: pages, record.flags) else { throw .resourceTemporarilyUnavailable }
    guard mayExpand(by: pages, record.flags) else { throw .noMemory }
  }

  /// Resizes if no target is named.
  ///
  /// - Source: `mremap_at`, `expand_vma`.
  private mutating func resize(
    _ request: RemapRequest, _ record: Record
  ) throws(Errno) -> UInt64 {
    if request.shrinks {
      try unmapTail(request)
      return request.address
    }
    guard request.grows else { return request.address }
    if try growInPlace(request, record) { return request.address }
    guard request.flags.contains(.mayMove) else { throw .noMemory }
    return try move(request, record, to: placeCopy(of: record, request))
  }

  /// - Source: `shrink_vma`.
  private mutating func unmapTail(_ request: RemapRequest) throws(Errno) {
    let (start, wraps) = request.address.addingReportingOverflow(request.newLength)
    guard !wraps, start <= configuration.taskSize,
      request.delta <= configuration.taskSize - start
    else { throw .invalidArgument }
    try removeRange(start, start + request.delta)
  }

  /// - Source: `vma_expandable`, `vma_merge_extend`.
  private mutating func growInPlace(
    _ request: RemapRequest, _ record: Record
  ) throws(Errno) -> Bool {
    let (end, wraps) = record.end.addingReportingOverflow(request.delta)
    guard record.end - request.address == request.oldLength, !wraps,
      end <= configuration.taskSize,
      record.start >= configuration.minimumAddress || configuration.mayMapLowAddresses
    else { return false }
    let place = tree.locate(record.end)
    let around = neighbours(record.end, end, at: place)
    guard around.isFree else { return false }
    var added = record
    added.start = record.end
    added.end = end
    added.pageOffset = record.pageOffset &+ record.pageCount
    insert(added, around, at: place)
    return true
  }

  /// Chooses where a copy of part of `record` goes.
  ///
  /// - Source: `vrm_set_new_addr`.
  private mutating func placeCopy(of record: Record, _ request: RemapRequest) throws(Errno)
    -> ChosenPlace
  {
    try placeRaw(
      PlacementRequest(
        length: request.newLength, address: request.namesTarget ? request.newAddress : 0,
        flags: request.flags.contains(.fixed) ? .fixed : [],
        hugePageOffset: hugePageOffset(of: record, request)))
  }

  /// For memory that is to be aligned to huge pages, the offset at which the copy starts; otherwise
  /// `nil`.
  private mutating func hugePageOffset(of record: Record, _ request: RemapRequest) -> UInt64? {
    guard let object = MapObject(word: record.object), !object.isAnonymousName else {
      return request.namesTarget && request.newAddress != 0
        ? nil : PlacementRequest.hugePageOffset(anonymousLength: request.newLength)
    }
    guard object.usesHugePages else { return nil }
    return (record.pageOffset &+ (request.address - record.start) / .page) &* .page
  }

  /// - Source: `mremap_to`.
  private mutating func moveToTarget(_ request: RemapRequest) throws(Errno) -> UInt64 {
    var request = request
    if request.flags.contains(.fixed) {
      try removeRange(request.newAddress, request.newAddress + request.newLength)
    }
    // The source may have been part of what was unmapped.
    _ = try record(at: request.address)
    if request.shrinks {
      try unmapTail(request)
      request.oldLength = request.newLength
    }
    let source = try record(at: request.address)
    if request.flags.contains(.dontUnmap) {
      guard mayExpand(by: request.oldLength / .page, source.flags) else { throw .noMemory }
    }
    return try move(request, source, to: placeCopy(of: source, request))
  }

  /// Copies the range to `target`, then unmaps it.
  ///
  /// - Source: `move_vma`, `copy_vma`.
  private mutating func move(
    _ request: RemapRequest, _ source: Record, to placement: ChosenPlace
  ) throws(Errno) -> UInt64 {
    let target = placement.start
    guard draft.mapCount < configuration.maximumMapCount - 3 else { throw .noMemory }
    var copy = source
    copy.start = target
    copy.end = target + request.newLength
    copy.pageOffset = source.pageOffset &+ (request.address - source.start) / .page
    if source.isAnonymous && source.anonVMA == 0 { copy.pageOffset = target / .page }
    insert(
      copy, neighbours(copy.start, copy.end, at: placement.place), at: placement.place)
    if request.flags.contains(.dontUnmap) {
      try leaveSource(request, source)
    } else if request.oldLength > 0 {
      try removeRange(request.address, request.address + request.oldLength)
    }
    return target
  }

  /// Updates what stays mapped at the source: it is no longer locked and, if it moved as a whole,
  /// untouched.
  ///
  /// - Source: `dontunmap_complete`.
  private mutating func leaveSource(
    _ request: RemapRequest, _ source: Record
  ) throws(Errno) {
    // The copy may have merged with its source.
    var left = try record(at: request.address)
    let isMerged = left.start != source.start || left.end != source.end
    let unlockedPages = left.flags.contains(.locked) ? left.pageCount : 0
    left.flags.subtract(.lockedMask)
    if !isMerged && request.address == left.start && request.oldLength == left.end - left.start {
      left.anonVMA = 0
      left.flags.remove(.inherited)
    }
    replace(left.start, left.end, with: Replacement(left))
    // The kernel continues to count them.
    draft.lockedPages += unlockedPages
  }
}
