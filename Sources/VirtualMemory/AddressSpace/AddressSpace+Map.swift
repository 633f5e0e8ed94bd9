// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage
internal import SequenceLocks

extension AddressSpace {
  /// Maps memory: `mmap`.
  ///
  /// A new mapping merges with its neighbours where Linux merges: same flags, same file with
  /// contiguous offsets, same name.
  ///
  /// - Parameters:
  ///   - address: where, if `flags` say ``MapFlags/fixed`` or ``MapFlags/fixedNoReplace``; else a
  ///     hint that is rounded down to a page and used if it is free, or 0.
  ///   - length: in bytes, rounded up to pages.
  ///   - protection: the access allowed.
  ///   - flags: the sharing type and the rest.
  ///   - backing: anonymous memory or a file.
  /// - Returns: the address of the first page.
  /// - Throws, the first that applies:
  ///   - `EINVAL`: the file's offset is not a multiple of the page; the length is 0.
  ///   - `ENOMEM`: the length wraps when rounded up.
  ///   - `ENOMEM`: there are more VMAs than ``AddressSpaceConfiguration/mapCountMax``; no free range
  ///     is long enough; a fixed range goes beyond the task's addresses.
  ///   - `EINVAL`: a fixed address is not a multiple of the page. `EPERM`: it is below
  ///     ``AddressSpaceConfiguration/addressMin``. `EEXIST`: something is mapped there, and the
  ///     flags say no-replace.
  ///   - `EOVERFLOW`: the file's offset and the length exceed what an offset can be.
  ///   - `EINVAL`: no sharing type, or one that the backing doesn't allow; a shared or file mapping
  ///     that grows down. `EOPNOTSUPP`: unknown flags with ``MapFlags/sharedValidate``.
  ///   - `EACCES`: the file was not opened for that.
  ///   - `ENOMEM`: cutting a hole into one VMA would make one too many.
  ///   - `EOPNOTSUPP`: ``MapFlags/sync`` for a file; what was mapped in the range is gone.
  /// - Complexity: O(log n), and O(VMAs replaced).
  @discardableResult
  public func map(
    at address: UInt64 = 0, length: UInt64, protection: Protection, flags: MapFlags,
    backing: Backing = .anonymous
  ) throws(Errno) -> UInt64 {
    let request = MapRequest(
      address: address, length: length, protection: protection, flags: flags, backing: backing)
    return try write { (writer) throws(Errno) in
      try writer.map(request, configuration: configuration)
    }
  }

  /// Unmaps memory: `munmap`. What is mapped in the range goes; VMAs at its edges are cut.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: in bytes, rounded up to pages.
  /// - Throws: `EINVAL` if the address is not a multiple of the page, the length is 0, or the range
  ///   goes beyond the task's addresses; `ENOMEM` if it would cut a hole into one VMA and there are
  ///   already ``AddressSpaceConfiguration/mapCountMax``. Where nothing is mapped: success.
  /// - Complexity: O(log n), and O(VMAs removed).
  public func unmap(_ address: UInt64, length: UInt64) throws(Errno) {
    try write { (writer) throws(Errno) in
      guard
        address.isPageAligned, address <= configuration.taskSize,
        length <= configuration.taskSize - address, length.roundedUpToPage > 0
      else { throw .invalidArgument }
      let end = address + length.roundedUpToPage
      guard writer.removeRange(address, end, mapCountMax: configuration.mapCountMax) else {
        throw .noMemory
      }
    }
  }
}

/// The arguments of `mmap`.
struct MapRequest {
  var address: UInt64
  var length: UInt64
  var protection: Protection
  var flags: MapFlags
  var backing: Backing

  /// Files can't be longer: `MAX_LFS_FILESIZE`, in bytes.
  static var fileOffsetMax: UInt64 { 0x7fff_ffff_ffff_ffff }

  var isFixed: Bool { !flags.isDisjoint(with: [.fixed, .fixedNoReplace]) }

  /// `vm_flags` before the sharing type is looked at.
  var baseFlags: VMAFlags {
    var result = VMAFlags(protection).union(.may)
    if flags.contains(.growsDown) { result.insert(.growsDown) }
    if flags.contains(.locked) { result.insert(.locked) }
    if flags.contains(.stack) { result.insert(.noHugePage) }
    if flags.contains(.noReserve) { result.insert(.noReserve) }
    if flags.contains(.sync) { result.insert(.sync) }
    return result
  }

  /// `vm_flags` of the mapping.
  ///
  /// - Source: `do_mmap`, `accountable_mapping`.
  func vmaFlags() throws(Errno) -> VMAFlags {
    var result = baseFlags
    let type = flags.rawValue & MapFlags.typeMask
    switch backing {
    case .anonymous:
      switch type {
      case MapFlags.shared.rawValue:
        if result.contains(.growsDown) { throw .invalidArgument }
        result.formUnion([.shared, .mayShare])
      case MapFlags.private.rawValue:
        break
      default:
        throw .invalidArgument
      }
    case .file(let file, _):
      let access = unsafe file.object.header.pointee.access
      switch type {
      case MapFlags.shared.rawValue, MapFlags.sharedValidate.rawValue:
        let isValidated = type == MapFlags.sharedValidate.rawValue
        if isValidated && flags.rawValue & ~MapFlags.validatedMask != 0 {
          throw .notSupportedOnSocket
        }
        if protection.contains(.write) && access == .readOnly { throw .permissionDenied }
        result.formUnion([.shared, .mayShare])
        if access == .readOnly { result.subtract([.mayWrite, .shared]) }
      case MapFlags.private.rawValue:
        break
      default:
        throw .invalidArgument
      }
      if access == .writeOnly { throw .permissionDenied }
      if result.contains(.growsDown) { throw .invalidArgument }
    }
    if result.intersection([.noReserve, .shared, .write]) == .write { result.insert(.accounted) }
    return result
  }
}

extension TreeWriter {
  mutating func map(
    _ request: MapRequest, configuration: AddressSpaceConfiguration
  ) throws(Errno) -> UInt64 {
    var pageOffset: UInt64 = 0
    if case .file(_, let offset) = request.backing {
      guard offset.isPageAligned else { throw .invalidArgument }
      pageOffset = offset / .page
    }
    guard request.length > 0 else { throw .invalidArgument }
    let length = request.length.roundedUpToPage
    guard length > 0 else { throw .noMemory }
    guard draft.mapCount <= configuration.mapCountMax else { throw .noMemory }
    let start = try place(request, length: length, configuration: configuration)
    if case .file(_, let offset) = request.backing {
      let (sum, wraps) = offset.addingReportingOverflow(length)
      guard !wraps, sum <= MapRequest.fileOffsetMax else { throw .overflow }
    }
    let flags = try request.vmaFlags()
    let end = start + length

    let around = surroundings(start, end)
    guard !around.cutsHole || draft.mapCount < configuration.mapCountMax else { throw .noMemory }
    if case .file = request.backing, request.flags.contains(.sync) {
      // The file system refuses when the range is already free.
      _ = removeRange(start, end, mapCountMax: .max)
      throw .notSupportedOnSocket
    }
    var record = Record(
      start: start, end: end, flags: flags, pageOffset: pageOffset, object: 0, name: 0)
    var ownObject: MapObject?
    switch request.backing {
    case .file(let file, _):
      record.object = file.object.word
    case .anonymous where flags.contains(.mayShare):
      // Each shared anonymous mapping is a file of its own, without a name to open it by.
      let object = makeSharedMemory(device: configuration.sharedMemoryDevice)
      ownObject = object
      record.object = object.word
    case .anonymous:
      record.pageOffset = start / .page
    }
    insert(record, around)
    ownObject?.release()
    return start
  }

  /// Puts `record` in, in the place of what is mapped there, merged with its neighbours.
  ///
  /// - Source: `vma_merge_new_range`.
  private mutating func insert(_ record: Record, _ around: Surroundings) {
    var record = record
    var (first, last) = (record.start, record.end)
    var items = Items()
    if let left = around.cutAtStart.flatMap({ $0.part($0.start, first) }) ?? around.before,
      left.canMerge(with: record)
    {
      record = left.merged(with: record)
      first = left.start
    } else if let cut = around.cutAtStart {
      items.append(cut.part(cut.start, first))
    }
    if let right = around.cutAtEnd.flatMap({ $0.part(last, $0.end) }) ?? around.after,
      record.canMerge(with: right)
    {
      record = record.merged(with: right)
      items.append(record)
      last = right.end
    } else {
      items.append(record)
      if let cut = around.cutAtEnd { items.append(cut.part(last, cut.end)) }
    }
    replace(first, last, with: items)
  }

  private mutating func makeSharedMemory(device: DeviceNumber) -> MapObject {
    sharedMemoryCount += 1
    return MapObject(
      kind: .file, device: device, inode: sharedMemoryCount,
      name: Array("/dev/zero (deleted)".utf8))
  }
}
