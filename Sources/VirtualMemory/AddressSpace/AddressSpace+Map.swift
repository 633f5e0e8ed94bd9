// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage
internal import SequenceLocks

extension AddressSpace {
  /// Maps memory: `mmap`.
  ///
  /// ```swift
  /// let range = try space.map(length: 3 * AddressSpace.pageSize)
  /// let code = try space.map(
  ///   length: size, at: .fixed(0x40_0000), protection: [.read, .execute],
  ///   backing: .file(program))
  /// ```
  ///
  /// A new mapping merges with its neighbours where Linux merges them: if they have the same flags,
  /// the same file with contiguous offsets, and the same name, and weren't touched independently.
  ///
  /// - Parameters:
  ///   - length: in bytes, rounded up to pages.
  ///   - placement: where to map.
  ///   - protection: the access allowed.
  ///   - sharing: who sees what is written.
  ///   - flags: properties of the mapping.
  ///   - backing: anonymous memory or a file.
  /// - Returns: the addresses mapped, whole pages.
  /// - Throws: as ``SystemCalls/mmap(at:length:protection:flags:backing:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(log n), and O(VMAs replaced).
  @discardableResult
  public func map(
    length: UInt64, at placement: Placement = .anywhere,
    protection: Protection = [.read, .write], sharing: Sharing = .private,
    flags: MapFlags = [], backing: Backing = .anonymous
  ) throws(Errno) -> Range<UInt64> {
    let start = try systemCalls.mmap(
      at: placement.address, length: length, protection: protection,
      flags: MmapFlags(flags, sharing, placement), backing: backing)
    return start..<start + length.roundedUpToPage
  }

  /// Unmaps memory: `munmap`. Removes everything that is mapped in the range, and cuts VMAs that
  /// reach beyond its ends.
  ///
  /// - Parameter range: begins at a multiple of the page; its length is rounded up to pages.
  /// - Throws: as ``SystemCalls/munmap(_:length:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(log n), and O(VMAs removed).
  public func unmap(_ range: Range<UInt64>) throws(Errno) {
    try systemCalls.munmap(range.lowerBound, length: range.length)
  }
}

extension AddressSpace.SystemCalls {
  /// `mmap`: maps memory.
  ///
  /// - Parameters:
  ///   - address: where to map, if `flags` contain ``MmapFlags/fixed`` or
  ///     ``MmapFlags/fixedNoReplace``; otherwise 0, or a hint, which is rounded down to a page and
  ///     used if the range there is free.
  ///   - length: in bytes, rounded up to pages.
  ///   - protection: the access allowed.
  ///   - flags: the sharing type and the rest.
  ///   - backing: anonymous memory or a file.
  /// - Returns: the address of the first page.
  /// - Throws: the first error that applies:
  ///   - `EINVAL`: the file's offset is not a multiple of the page; the length is 0.
  ///   - `ENOMEM`: the length wraps when rounded up.
  ///   - `ENOMEM`: there are more VMAs than ``AddressSpaceConfiguration/maximumMapCount``; no free
  ///     range is long enough; a fixed range goes beyond the task's addresses.
  ///   - `EINVAL`: a fixed address is not a multiple of the page. `EPERM`: it is below
  ///     ``AddressSpaceConfiguration/minimumAddress``, and the process may not map low addresses.
  ///     `EEXIST`: something is mapped there, and the flags say no-replace.
  ///   - `EPERM`: ``MmapFlags/locked``, and the process may not lock memory. `EAGAIN`: it may not
  ///     lock so much.
  ///   - `EOVERFLOW`: the file's offset plus the length exceeds the largest offset.
  ///   - `EINVAL`: no sharing type, or one that the backing doesn't allow; a shared or file mapping
  ///     that grows down; droppable memory that grows down or is locked. `EOPNOTSUPP`: unknown
  ///     flags with ``MmapFlags/sharedValidate``.
  ///   - `EACCES`: the file was not opened for that access.
  ///   - `ENOMEM`: cutting a hole into a VMA would make one VMA too many.
  ///   - `ENOMEM`: past ``ResourceLimits/addressSpace`` or ``ResourceLimits/data``. The VMAs at the
  ///     ends of the range have been split by then.
  ///   - `EOPNOTSUPP`: ``MmapFlags/sync`` for a file. What was mapped in the range is gone by then.
  /// - Complexity: O(log n), and O(VMAs replaced).
  @discardableResult
  public func mmap(
    at address: UInt64 = 0, length: UInt64, protection: Protection, flags: MmapFlags,
    backing: Backing = .anonymous
  ) throws(Errno) -> UInt64 {
    var request = MapRequest(
      address: address, length: length, protection: protection, flags: flags)
    if case .file(let file, let offset) = backing {
      request.file = file.object
      request.fileOffset = offset
    }
    // Keeps the file alive, too, since `request` holds no reference to it.
    return try withExtendedLifetime(backing) { () throws(Errno) in
      try space.write { (writer) throws(Errno) in try writer.map(request) }
    }
  }

  /// `munmap`: unmaps memory.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: in bytes, rounded up to pages.
  /// - Throws: `EINVAL` if the address is not a multiple of the page, the length is 0, or the range
  ///   goes beyond the task's addresses; `ENOMEM` if it would cut a hole into a VMA, and there are
  ///   already ``AddressSpaceConfiguration/maximumMapCount`` VMAs. If nothing is mapped in the
  ///   range, this succeeds.
  /// - Complexity: O(log n), and O(VMAs removed).
  public func munmap(_ address: UInt64, length: UInt64) throws(Errno) {
    try space.write { (writer) throws(Errno) in try writer.unmap(address, length: length) }
  }
}

/// The arguments of `mmap`.
struct MapRequest {
  var address: UInt64
  var length: UInt64
  var protection: Protection
  var flags: MmapFlags
  /// `nil` for anonymous memory. Not counted as a reference.
  var file: MapObject?
  /// In bytes; 0 for anonymous memory.
  var fileOffset: UInt64 = 0

  /// The largest offset in a file, in bytes: `MAX_LFS_FILESIZE`.
  static var maximumFileOffset: UInt64 { 0x7fff_ffff_ffff_ffff }

  /// Whether the pages are to be faulted in at once.
  var populates: Bool { flags.intersection([.populate, .nonBlock]) == .populate }

  /// Whether the file system refuses to map the file.
  var isRefusedByFile: Bool { file != nil && flags.contains(.sync) }

  /// `vm_flags` before the sharing type is considered.
  ///
  /// - Parameter hasKeys: whether there are protection keys.
  func baseFlags(hasKeys: Bool) -> VMAFlags {
    var result = VMAFlags(protection, hasKeys: hasKeys).union(.may)
    if flags.contains(.growsDown) { result.insert(.growsDown) }
    if flags.contains(.locked) { result.insert(.locked) }
    if flags.contains(.stack) { result.insert(.noHugePage) }
    if flags.contains(.noReserve) { result.insert(.noReserve) }
    if flags.contains(.sync) { result.insert(.sync) }
    return result
  }

  /// `vm_flags` of the mapping.
  ///
  /// - Parameter hasKeys: whether there are protection keys.
  /// - Source: `do_mmap`, `accountable_mapping`.
  func vmaFlags(hasKeys: Bool) throws(Errno) -> VMAFlags {
    var result = baseFlags(hasKeys: hasKeys)
    let type = flags.rawValue & MmapFlags.typeMask
    if let file {
      let access = unsafe file.header.pointee.access
      switch type {
      case MmapFlags.shared.rawValue, MmapFlags.sharedValidate.rawValue:
        let isValidated = type == MmapFlags.sharedValidate.rawValue
        if isValidated && flags.rawValue & ~MmapFlags.validatedMask != 0 {
          throw .notSupportedOnSocket
        }
        if protection.contains(.write) && access == .readOnly { throw .permissionDenied }
        result.formUnion([.shared, .mayShare])
        if access == .readOnly { result.subtract([.mayWrite, .shared]) }
      case MmapFlags.private.rawValue:
        break
      default:
        throw .invalidArgument
      }
      if access == .writeOnly { throw .permissionDenied }
      if result.contains(.growsDown) { throw .invalidArgument }
    } else {
      switch type {
      case MmapFlags.shared.rawValue:
        if result.contains(.growsDown) { throw .invalidArgument }
        result.formUnion([.shared, .mayShare])
      case MmapFlags.droppable.rawValue:
        guard !flags.contains(.locked), !result.contains(.growsDown) else {
          throw .invalidArgument
        }
        result.formUnion([.droppable, .noReserve, .wipeOnFork, .dontDump])
      case MmapFlags.private.rawValue:
        break
      default:
        throw .invalidArgument
      }
    }
    if result.intersection([.noReserve, .shared, .write]) == .write { result.insert(.accounted) }
    return result
  }
}

extension MemoryMap {
  /// - Source: `__vm_munmap`.
  mutating func unmap(_ address: UInt64, length: UInt64) throws(Errno) {
    guard
      address.isPageAligned, address <= configuration.taskSize,
      length <= configuration.taskSize - address, length.roundedUpToPage > 0
    else { throw .invalidArgument }
    try removeRange(address, address + length.roundedUpToPage)
  }

  /// - Source: `do_mmap`, `__mmap_region`.
  mutating func map(_ request: MapRequest) throws(Errno) -> UInt64 {
    guard request.fileOffset.isPageAligned, request.length > 0 else { throw .invalidArgument }
    let length = request.length.roundedUpToPage
    guard length > 0 else { throw .noMemory }
    guard draft.mapCount <= configuration.maximumMapCount else { throw .noMemory }
    let placement = try place(PlacementRequest(request, length: length))
    let start = placement.start
    if request.flags.contains(.locked) {
      guard mayLockAny else { throw .notPermitted }
      guard mayLock(pages: length / .page, .locked) else { throw .resourceTemporarilyUnavailable }
    }
    let (sum, wraps) = request.fileOffset.addingReportingOverflow(length)
    guard !wraps, sum <= MapRequest.maximumFileOffset else { throw .overflow }
    let flags = try request.vmaFlags(hasKeys: configuration.hasProtectionKeys)
    try insertNew(request, flags, start, start + length, at: placement.place)
    if flags.contains(.locked) || request.populates {
      try populate(start, start + length, skippingErrors: true)
    }
    return start
  }

  /// Inserts the VMA of `request` in place of what is mapped there.
  private mutating func insertNew(
    _ request: MapRequest, _ flags: VMAFlags, _ start: UInt64, _ end: UInt64, at place: Place?
  ) throws(Errno) {
    guard place?.touchesNothing(start, end) ?? true else {
      return try insertAmongOthers(request, flags, start, end, at: place)
    }
    guard mayExpand(by: (end - start) / .page, flags) else { throw .noMemory }
    if request.isRefusedByFile { throw .notSupportedOnSocket }
    let record = makeRecord(request, flags, start, end)
    replace(start, end, with: Replacement(record), at: place)
    if request.file == nil { MapObject(word: record.object)?.release() }
  }

  /// The same, if something is mapped in the range or next to it.
  @inline(never)
  private mutating func insertAmongOthers(
    _ request: MapRequest, _ flags: VMAFlags, _ start: UInt64, _ end: UInt64, at place: Place?
  ) throws(Errno) {
    let around = neighbours(start, end, at: place)
    if around.cutsHole && draft.mapCount >= configuration.maximumMapCount { throw .noMemory }
    guard mayExpand(by: (end - start) / .page - around.pageCount, flags) else {
      splitEdges(start, end, around)
      throw .noMemory
    }
    if request.isRefusedByFile {
      // The range has been unmapped by then.
      replace(start, end, with: around.remains(start, end))
      throw .notSupportedOnSocket
    }
    let record = makeRecord(request, flags, start, end)
    insert(record, around, at: place)
    if request.file == nil { MapObject(word: record.object)?.release() }
  }

  /// The record of a new mapping. If it has an object that isn't the request's file, the caller
  /// must release that.
  private mutating func makeRecord(
    _ request: MapRequest, _ flags: VMAFlags, _ start: UInt64, _ end: UInt64
  ) -> Record {
    var record = Record(start: start, end: end, flags: flags, pageOffset: 0, object: 0)
    if let file = request.file {
      record.object = file.word
      record.pageOffset = request.fileOffset / .page
    } else if flags.contains(.mayShare) {
      // Each shared anonymous mapping is a file of its own, which can't be opened by a name.
      record.object = makeSharedMemory(byteCount: end - start).word
    } else {
      record.pageOffset = start / .page
    }
    return record
  }

  private mutating func makeSharedMemory(byteCount: UInt64) -> MapObject {
    sharedMemoryCount += 1
    return MapObject(
      kind: .file, device: configuration.sharedMemoryDevice, inode: sharedMemoryCount,
      name: Array("/dev/zero (deleted)".utf8), isSharedMemory: true, byteCount: byteCount)
  }
}
