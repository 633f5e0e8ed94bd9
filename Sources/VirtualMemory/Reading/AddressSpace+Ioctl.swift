// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage
internal import _SystemShims

extension AddressSpace.SystemCalls {
  /// `ioctl` on `/proc/PID/maps`, bit for bit: the same errors in the kernel's order, the sizes
  /// that older and newer callers pass, and buffers given as addresses.
  ///
  /// - Parameters:
  ///   - request: ``ProcMapQuery/request``.
  ///   - argument: the caller's structure. Its first field says how many of its bytes count.
  ///   - strategy: how to deal with concurrent changes.
  /// - Throws: the first error that applies; `argument` is then unchanged:
  ///   - `ENOTTY`: another request.
  ///   - `EFAULT`: `argument` is too short for its size field, or shorter than that field says.
  ///   - `E2BIG`: the size is above 4,096, or it is above 104 and one of the bytes beyond that
  ///     isn't 0.
  ///   - `EINVAL`: the size is below 24; an unknown flag; a buffer's size without its address, or
  ///     the reverse.
  ///   - `ENOENT`: nothing matches.
  ///   - `ENAMETOOLONG`: the name with its terminator is longer than its buffer, or than 4,096
  ///     bytes; the build ID is longer than its buffer.
  ///   - `EFAULT`: a buffer isn't writable.
  /// - Threads: any. Only with ``ReadingStrategy/snapshot`` in a read section.
  /// - Complexity: as ``namedQuery(_:matching:by:)``.
  /// - Source: `do_procmap_query`.
  public func ioctl(
    _ request: UInt, _ argument: UnsafeMutableRawBufferPointer,
    by strategy: ReadingStrategy = .snapshot
  ) throws(Errno) {
    guard request == ProcMapQuery.request else { throw .inappropriateIOCTLForDevice }
    var query = try unsafe Self.copyIn(argument)
    let known = MemoryLayout<ProcMapQuery>.size
    guard query.queryFlags & ~QueryFlags.known == 0 else { throw .invalidArgument }
    guard (query.vmaNameSize == 0) == (query.vmaNameAddress == 0) else { throw .invalidArgument }
    guard (query.buildIDSize == 0) == (query.buildIDAddress == 0) else { throw .invalidArgument }

    let found = try space.namedQuery(
      query.queryAddress, matching: QueryFlags(rawValue: query.queryFlags), by: strategy)
    query.vmaStart = found.result.start
    query.vmaEnd = found.result.end
    query.vmaFlags = found.result.flags.rawValue
    query.vmaPageSize = found.result.pageSize
    query.vmaOffset = found.result.offset
    query.inode = found.result.inode
    query.deviceMajor = found.result.device.major
    query.deviceMinor = found.result.device.minor

    var name: [UInt8] = []
    if query.vmaNameSize > 0 {
      if !found.name.isEmpty {
        name = found.name + [0]
        guard name.count <= min(Int(query.vmaNameSize), 4096) else { throw .fileNameTooLong }
      }
      query.vmaNameSize = UInt32(name.count)
    }
    if query.buildIDSize > 0 {
      guard found.buildID.count <= Int(query.buildIDSize) else { throw .fileNameTooLong }
      query.buildIDSize = UInt32(found.buildID.count)
    }
    try Self.copyOut(name, to: query.vmaNameAddress)
    if query.buildIDSize > 0 { try Self.copyOut(found.buildID, to: query.buildIDAddress) }
    unsafe withUnsafeBytes(of: query) { bytes in
      let count = min(Int(query.size), known)
      unsafe argument.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[0..<count]))
    }
  }

  /// The structure, with zero in the fields that an older caller doesn't know.
  ///
  /// - Source: `copy_struct_from_user`.
  private static func copyIn(
    _ argument: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> ProcMapQuery {
    guard argument.count >= 8 else { throw .badAddress }
    let size = unsafe argument.loadUnaligned(as: UInt64.self)
    guard size <= 4096 else { throw .argListTooLong }
    guard size >= 24 else { throw .invalidArgument }
    guard argument.count >= Int(size) else { throw .badAddress }
    let known = MemoryLayout<ProcMapQuery>.size
    if Int(size) > known {
      for index in known..<Int(size) where unsafe argument[index] != 0 {
        throw .argListTooLong
      }
    }
    var query = ProcMapQuery()
    unsafe withUnsafeMutableBytes(of: &query) { bytes in
      let count = min(Int(size), known)
      unsafe bytes.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(argument)[0..<count]))
    }
    return query
  }

  private static func copyOut(_ bytes: [UInt8], to address: UInt64) throws(Errno) {
    let error = unsafe bytes.withUnsafeBytes { source -> Int32 in
      guard let base = source.baseAddress else { return 0 }
      return unsafe sysshims_copy_to_user(address, base, bytes.count)
    }
    guard error == 0 else { throw Errno(rawValue: error) }
  }
}
