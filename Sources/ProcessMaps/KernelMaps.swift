// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// The kernel's own maps of a process, as a client: the text and `PROCMAP_QUERY`.
///
/// - Threads: one at a time, like the file offset that it has.
public struct KernelMaps: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Opens `/proc/PID/maps`.
  ///
  /// - Parameter pid: the process; `nil` for the calling one.
  /// - Throws: `ENOENT` if there is no such process, `EACCES` if it may not be read.
  public init(pid: Int32? = nil) throws(Errno) {
    let path = FilePath("/proc/\(pid.map(String.init) ?? "self")/maps")
    descriptor = try Self.rethrowing {
      try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    }
  }

  deinit { try? descriptor.close() }

  /// Reads on from where the last read ended, as `read` does: 0 at the end.
  ///
  /// - Throws: what `read` does; `ESRCH` if the process is gone.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try Self.rethrowing { try unsafe descriptor.read(into: buffer) }
  }

  /// Goes back to the start: the next read starts afresh.
  public func rewind() throws(Errno) {
    try Self.rethrowing { _ = try descriptor.seek(offset: 0, from: .start) }
  }

  /// The whole text from the start.
  ///
  /// The kernel makes it in chunks: of a process that is changing, the chunks may not fit together.
  public func text() throws(Errno) -> [UInt8] {
    try rewind()
    var text: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { unsafe chunk.deallocate() }
    while true {
      let count = try unsafe read(into: chunk)
      if count == 0 { return text }
      unsafe text.append(contentsOf: chunk[0..<count])
    }
  }

  /// The text, read again until two in a row are equal; `nil` after `maximumAttempts` that differ.
  public func stableText(maximumAttempts: Int = 8) throws(Errno) -> [UInt8]? {
    var last = try text()
    for _ in 1..<max(maximumAttempts, 2) {
      let next = try text()
      if next == last { return next }
      last = next
    }
    return nil
  }

  /// The VMA at `address`, with its name, as `PROCMAP_QUERY` gives it.
  ///
  /// - Parameters:
  ///   - address: any address.
  ///   - flags: what the VMA must have, and whether it may be one above the address.
  /// - Returns: the VMA, or `nil` if none matches. The name is as the query gives it: newlines of a path as
  ///   they are.
  /// - Throws: `EINVAL` for unknown flags; `ESRCH` if the process is gone; `ENOTTY` before Linux 6.11.
  /// - Complexity: one system call.
  public func query(_ address: UInt64, matching flags: QueryFlags = []) throws(Errno) -> VMA? {
    var query = ProcMapQuery()
    query.queryAddress = address
    query.queryFlags = flags.rawValue
    // The name with its terminator: `PATH_MAX`.
    var name = [UInt8](repeating: 0, count: 4096)
    query.vmaNameSize = UInt32(name.count)
    let status = unsafe name.withUnsafeMutableBytes { bytes in
      query.vmaNameAddress = UInt64(UInt(bitPattern: bytes.baseAddress))
      return unsafe withUnsafeMutablePointer(to: &query) { pointer in
        unsafe sysshims_procmap_query(descriptor.rawValue, pointer)
      }
    }
    guard status == 0 else {
      let error = Errno(rawValue: sysshims_errno())
      if error == .noSuchFileOrDirectory { return nil }
      throw error
    }
    let found = QueryFlags(rawValue: query.vmaFlags)
    return VMA(
      start: query.vmaStart, end: query.vmaEnd,
      protection: Protection(rawValue: UInt32(truncatingIfNeeded: query.vmaFlags & 7)),
      isShared: found.contains(.shared), offset: query.vmaOffset,
      device: DeviceNumber(major: query.deviceMajor, minor: query.deviceMinor),
      inode: query.inode, name: Array(name.prefix(max(0, Int(query.vmaNameSize) - 1))))
  }

  /// `PROCMAP_QUERY`, in place.
  ///
  /// - Throws: the kernel's errno; `ENOTTY` before Linux 6.11.
  public func query(_ query: inout ProcMapQuery) throws(Errno) {
    let status = unsafe withUnsafeMutablePointer(to: &query) { pointer in
      unsafe sysshims_procmap_query(descriptor.rawValue, pointer)
    }
    guard status == 0 else { throw Errno(rawValue: sysshims_errno()) }
  }

  /// Swift System throws `any Error` that is always an `Errno`.
  private static func rethrowing<R>(_ body: () throws -> R) throws(Errno) -> R {
    do {
      return try body()
    } catch let error as Errno {
      throw error
    } catch {
      fatalError("KernelMaps: Swift System threw \(error), which is no Errno")
    }
  }
}
