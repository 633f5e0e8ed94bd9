// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// The maps of a process as the kernel serves them: the text, and `PROCMAP_QUERY`.
///
/// An open maps file stands for one address space: the one that the process had when the file was
/// opened. When the process exits or starts another program, reads return nothing, and queries fail
/// with `ESRCH`; ``state()`` tells the two apart. The kernel checks permission when the file is
/// opened, and not again, so a process may pass its own file to another that has no rights over it.
///
/// - Threads: one at a time, since a file has one offset; ``query(_:matching:)`` and ``query(_:)``
///   from any.
public struct KernelMaps: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  /// The folder of the process or thread, such as `/proc/42`; `nil` if the file was adopted.
  let folder: FilePath?

  /// Opens `/proc/PID/maps`.
  ///
  /// - Parameters:
  ///   - pid: the process; `nil` for the calling process.
  ///   - thread: one of the process's threads, to open `/proc/PID/task/TID/maps`; `nil` for the
  ///     file of the process.
  ///   - root: where the proc file system is mounted.
  /// - Throws: `ENOENT` if there is no such process or thread; `EACCES` if the caller may not read
  ///   it; `ESRCH` if it has ended meanwhile.
  /// - Complexity: one system call.
  public init(pid: Int32? = nil, thread: Int32? = nil, root: FilePath = "/proc") throws(Errno) {
    var folder = root.appending(pid.map(String.init) ?? "self")
    if let thread { folder.append("task/\(thread)") }
    try self.init(folder: folder)
  }

  /// Opens the maps file in a folder such as `/proc/42`.
  init(folder: FilePath) throws(Errno) {
    descriptor = try Self.rethrowing {
      try FileDescriptor.open(folder.appending("maps"), .readOnly, options: .closeOnExec)
    }
    self.folder = folder
  }

  /// Takes over an open maps file, for example one that another process has sent. The file is
  /// closed together with this value.
  ///
  /// - Throws: `EBADF` if the descriptor isn't open; `EINVAL` if it isn't a maps file of the proc
  ///   file system. After an error, the descriptor still belongs to the caller.
  /// - Complexity: one or two system calls.
  public init(adopting descriptor: FileDescriptor) throws(Errno) {
    let target = try Self.linkTarget(of: descriptor)
    // Who sends one of another file system may send any text, or one without an end.
    guard target.hasSuffix("/maps"), sysshims_is_of_proc(descriptor.rawValue) else {
      throw .invalidArgument
    }
    self.descriptor = descriptor
    folder = nil
  }

  deinit { try? descriptor.close() }

  /// The state of the address space for which an open maps file stands.
  public enum State: Sendable, Hashable, Codable {
    /// The address space is in use.
    case live
    /// The process or thread has ended, or is a zombie.
    case exited
    /// The process has started another program since the file was opened, and has another address
    /// space. If the file was adopted, the process may also have ended: such a file doesn't tell.
    case replaced
    /// It is a kernel thread, which never has an address space.
    case withoutAddressSpace
  }

  /// The state of the address space for which the file stands.
  ///
  /// - Throws: the errors of reading the file, except those that mean that the process is gone.
  /// - Complexity: one system call if the address space is in use, otherwise a few more.
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

  /// Reads on from the end of the previous read, like `read`.
  ///
  /// - Returns: the number of bytes; 0 at the end.
  /// - Throws: the errors of `read`; `ESRCH` if the process is gone.
  /// - Complexity: one system call.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try Self.rethrowing { try unsafe descriptor.read(into: buffer) }
  }

  /// Goes back to the start, so that the next read begins a new text.
  ///
  /// - Throws: the errors of `lseek`.
  /// - Complexity: one system call.
  public func rewind() throws(Errno) {
    try Self.rethrowing { _ = try descriptor.seek(offset: 0, from: .start) }
  }

  /// The whole text from the start. It is empty if the process has no address space any more, or
  /// never had one: ``state()`` tells which.
  ///
  /// The kernel produces the text in chunks. If the process changes its map meanwhile, the chunks
  /// may not fit together. The file's offset stays as it is.
  ///
  /// - Throws: the errors of `read`; `ESRCH` if the process ended while its text was read.
  /// - Complexity: O(bytes); one system call for about 60 lines.
  public func text() throws(Errno) -> [UInt8] {
    var text: [UInt8] = []
    try read(into: &text)
    return text
  }

  /// Like ``text()``, but reuses the memory of an array.
  ///
  /// The file's offset is neither used nor changed: the sender of a descriptor, and a forked
  /// process, share it, and could produce a text without an end by setting it back.
  func read(into text: inout [UInt8]) throws(Errno) {
    text.removeAll(keepingCapacity: true)
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { unsafe chunk.deallocate() }
    while true {
      let offset = Int64(text.count)
      let count = try Self.rethrowing {
        try unsafe descriptor.read(fromAbsoluteOffset: offset, into: chunk)
      }
      if count == 0 { return }
      unsafe text.append(contentsOf: chunk[0..<count])
    }
  }

  /// The text, which is read again until two in a row are equal.
  ///
  /// - Parameter maximumAttempts: the most readings, at least 2.
  /// - Returns: the text, or `nil` if each reading differed from the one before it.
  /// - Throws: the errors of ``text()``.
  /// - Complexity: O(bytes) for each reading.
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

  /// The VMA at `address` with its name, as `PROCMAP_QUERY` returns it.
  ///
  /// - Parameters:
  ///   - address: any address.
  ///   - flags: the properties that the VMA must have, and whether it may lie above the address.
  /// - Returns: the VMA, or `nil` if none matches. The name is as the query returns it: newlines in
  ///   a path aren't escaped.
  /// - Throws: `EINVAL` for unknown flags; `ESRCH` if the process is gone; `ENOTTY` on Linux before
  ///   6.11.
  /// - Threads: any.
  /// - Complexity: one system call.
  public func query(_ address: UInt64, matching flags: QueryFlags = []) throws(Errno) -> VMA? {
    var query = ProcMapQuery()
    query.queryAddress = address
    query.queryFlags = flags.rawValue
    // Room for a name with its terminator: `PATH_MAX`.
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

  /// Makes the `PROCMAP_QUERY` call. The answer is stored in `query`.
  ///
  /// - Throws: the kernel's errno, `ENOENT` if no VMA matches; `ENOTTY` on Linux before 6.11.
  /// - Threads: any.
  /// - Complexity: one system call.
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

  /// The path of an open file, according to `/proc/self/fd`.
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

  /// Calls `body`, which uses Swift System: that throws `any Error`, but always an `Errno`.
  static func rethrowing<R>(_ body: () throws -> R) throws(Errno) -> R {
    do {
      return try body()
    } catch let error as Errno {
      throw error
    } catch {
      fatalError("KernelMaps: Swift System threw \(error), which isn't an Errno")
    }
  }
}
