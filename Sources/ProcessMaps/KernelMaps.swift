// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// The kernel's own maps of a process, as a client: the text and `PROCMAP_QUERY`.
///
/// An open file of maps stands for one address space, that which the process had when the file was
/// opened. When the process exits or begins another program, the file says so: reads give nothing,
/// queries `ESRCH`; ``state()`` tells these apart. Permission is checked when the file is opened,
/// and not again: a process may hand its own file to another that has no rights over it.
///
/// - Threads: one at a time, like the file offset that it has; ``query(_:matching:)`` and
///   ``query(_:)`` from any.
public struct KernelMaps: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  /// The folder of the process or thread, such as `/proc/42`; `nil` for an adopted file.
  let folder: FilePath?

  /// Opens `/proc/PID/maps`.
  ///
  /// - Parameters:
  ///   - pid: the process; `nil` for the calling one.
  ///   - thread: one of the process's threads, whose file is opened (`/proc/PID/task/TID/maps`);
  ///     `nil` for the process's.
  ///   - root: where the proc file system is mounted.
  /// - Throws: `ENOENT` if there is no such process or thread, `EACCES` if it may not be read,
  ///   `ESRCH` if it ended meanwhile.
  public init(pid: Int32? = nil, thread: Int32? = nil, root: FilePath = "/proc") throws(Errno) {
    var folder = root.appending(pid.map(String.init) ?? "self")
    if let thread { folder.append("task/\(thread)") }
    try self.init(folder: folder)
  }

  /// Opens the maps of a folder such as `/proc/42`.
  init(folder: FilePath) throws(Errno) {
    descriptor = try Self.rethrowing {
      try FileDescriptor.open(folder.appending("maps"), .readOnly, options: .closeOnExec)
    }
    self.folder = folder
  }

  /// Takes over an open file, which is closed with this value: one of `/proc/PID/maps` that another
  /// process has sent, for example.
  ///
  /// - Throws: `EBADF` if it isn't open; `EINVAL` if it isn't a file of maps.
  public init(adopting descriptor: FileDescriptor) throws(Errno) {
    let target = try Self.linkTarget(of: descriptor)
    guard target.hasSuffix("/maps") else { throw .invalidArgument }
    self.descriptor = descriptor
    folder = nil
  }

  deinit { try? descriptor.close() }

  /// What a file of maps stands for now.
  public enum State: Sendable, Hashable, Codable {
    /// The address space is in use.
    case live
    /// The process or thread has ended, or is a zombie.
    case exited
    /// The process has begun another program since the file was opened, and has another address
    /// space. Or it has ended: an adopted file doesn't tell.
    case replaced
    /// A thread of the kernel, which never has an address space.
    case withoutAddressSpace
  }

  /// What the file stands for.
  ///
  /// - Throws: what opening and reading files of `/proc` throws, except for those that have gone.
  /// - Complexity: one system call for one that is live; some more otherwise.
  public func state() throws(Errno) -> State {
    var probe = [UInt8](repeating: 0, count: 1)
    do throws(Errno) {
      let count = try Self.rethrowing {
        try unsafe probe.withUnsafeMutableBytes {
          unsafe try descriptor.read(fromAbsoluteOffset: 0, into: $0)
        }
      }
      if count > 0 { return .live }
    } catch {
      guard error == .noSuchProcess else { throw error }
      return .exited
    }
    guard let folder else { return .replaced }
    guard let status = ProcessStatus(folder) else { return .exited }
    if status.isZombie { return .exited }
    return status.isKernelThread ? .withoutAddressSpace : .replaced
  }

  // MARK: Text

  /// Reads on from where the last read ended, as `read` does: 0 at the end.
  ///
  /// - Throws: what `read` does; `ESRCH` if the process is gone.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try Self.rethrowing { try unsafe descriptor.read(into: buffer) }
  }

  /// Goes back to the start: the next read starts afresh.
  ///
  /// - Throws: what `lseek` does.
  public func rewind() throws(Errno) {
    try Self.rethrowing { _ = try descriptor.seek(offset: 0, from: .start) }
  }

  /// The whole text from the start; empty if the process has no address space any more, or never
  /// had one: ``state()`` tells which.
  ///
  /// The kernel makes it in chunks: of a process that is changing, the chunks may not fit together.
  ///
  /// - Throws: what `read` does; `ESRCH` if the process went while it was read.
  /// - Complexity: O(bytes); a system call for about 60 lines.
  public func text() throws(Errno) -> [UInt8] {
    var text: [UInt8] = []
    try read(into: &text)
    return text
  }

  /// ``text()`` into an array whose memory is used again.
  func read(into text: inout [UInt8]) throws(Errno) {
    try rewind()
    text.removeAll(keepingCapacity: true)
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { unsafe chunk.deallocate() }
    while true {
      let count = try unsafe read(into: chunk)
      if count == 0 { return }
      unsafe text.append(contentsOf: chunk[0..<count])
    }
  }

  /// The text, read again until two in a row are equal; `nil` after `maximumAttempts` that differ.
  ///
  /// - Throws: as ``text()``.
  public func stableText(maximumAttempts: Int = 8) throws(Errno) -> [UInt8]? {
    var last = try text()
    for _ in 1..<max(maximumAttempts, 2) {
      let next = try text()
      if next == last { return next }
      last = next
    }
    return nil
  }

  // MARK: Queries

  /// The VMA at `address`, with its name, as `PROCMAP_QUERY` gives it.
  ///
  /// - Parameters:
  ///   - address: any address.
  ///   - flags: what the VMA must have, and whether it may be one above the address.
  /// - Returns: the VMA, or `nil` if none matches. The name is as the query gives it: newlines of a
  ///   path as they are.
  /// - Throws: `EINVAL` for unknown flags; `ESRCH` if the process is gone; `ENOTTY` before Linux
  ///   6.11.
  /// - Complexity: one system call.
  public func query(_ address: UInt64, matching flags: QueryFlags = []) throws(Errno) -> VMA? {
    var query = ProcMapQuery()
    query.queryAddress = address
    query.queryFlags = flags.rawValue
    // The name with its terminator: `PATH_MAX`.
    var name = [UInt8](repeating: 0, count: 4096)
    query.vmaNameSize = UInt32(name.count)
    let error = unsafe name.withUnsafeMutableBytes { bytes in
      query.vmaNameAddress = UInt64(UInt(bitPattern: bytes.baseAddress))
      return ask(&query)
    }
    if error == .noSuchFileOrDirectory { return nil }
    if let error { throw error }
    return VMA(
      start: query.vmaStart, end: query.vmaEnd,
      protection: Protection(rawValue: UInt32(truncatingIfNeeded: query.vmaFlags & 7)),
      isShared: QueryFlags(rawValue: query.vmaFlags).contains(.shared), offset: query.vmaOffset,
      device: DeviceNumber(major: query.deviceMajor, minor: query.deviceMinor),
      inode: query.inode, name: Array(name.prefix(max(0, Int(query.vmaNameSize) - 1))))
  }

  /// `PROCMAP_QUERY`, in place.
  ///
  /// - Throws: the kernel's errno; `ENOTTY` before Linux 6.11.
  public func query(_ query: inout ProcMapQuery) throws(Errno) {
    if let error = ask(&query) { throw error }
  }

  func ask(_ query: inout ProcMapQuery) -> Errno? {
    let status = unsafe withUnsafeMutablePointer(to: &query) { pointer in
      unsafe sysshims_procmap_query(descriptor.rawValue, pointer)
    }
    return status == 0 ? nil : Errno(rawValue: sysshims_errno())
  }

  // MARK: Files

  /// The path of an open file, as the kernel tells it.
  private static func linkTarget(of descriptor: FileDescriptor) throws(Errno) -> String {
    let link = "/proc/self/fd/\(descriptor.rawValue)"
    let target = unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      let count = unsafe readlink(
        link, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
      return count < 0 ? nil : unsafe String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    guard let target else { throw .badFileDescriptor }
    return target
  }

  /// Swift System throws `any Error` that is always an `Errno`.
  static func rethrowing<R>(_ body: () throws -> R) throws(Errno) -> R {
    do {
      return try body()
    } catch let error as Errno {
      throw error
    } catch {
      fatalError("KernelMaps: Swift System threw \(error), which is no Errno")
    }
  }
}
