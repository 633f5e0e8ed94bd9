// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import SystemPackage
internal import _SystemShims

/// Reads folders and files of the proc file system.
enum ProcessFolder {
  /// The entries of a folder that are numbers: the processes in `/proc`, or the threads of a
  /// process.
  ///
  /// - Throws: the errors of `opendir` and `readdir`.
  static func numbers(in folder: FilePath) throws(Errno) -> [Int32] {
    guard let stream = unsafe folder.withPlatformString({ unsafe opendir($0) }) else {
      throw Errno(rawValue: sysshims_errno())
    }
    defer { unsafe closedir(stream) }
    var numbers: [Int32] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else { break }
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { numbers.append(number) }
    }
    guard errno == 0 else { throw Errno(rawValue: errno) }
    return numbers
  }

  /// The process that a folder such as `/proc/42` is about, by its first thread's number: the proc
  /// file system has such folders for all threads, though it doesn't list them.
  ///
  /// - Returns: `nil` if it can't be read.
  static func firstThread(of folder: FilePath) -> Int32? {
    field("Tgid", of: folder).flatMap { Int32($0) }
  }

  /// The number of threads of the process in a folder such as `/proc/42`.
  ///
  /// - Returns: `nil` if it can't be read.
  static func threadCount(of folder: FilePath) -> Int? {
    field("Threads", of: folder).flatMap { Int($0) }
  }

  /// Whether the numbers in a proc file system are those that the system calls of this process use.
  /// They aren't if it belongs to another PID namespace.
  static func hasOwnNumbers(_ root: FilePath) -> Bool {
    // The process's numbers in all namespaces from that of the file system to its own.
    field("NSpid", of: root.appending("self")).map { !$0.contains("\t") } ?? false
  }

  /// The value of a line of the status of a process.
  ///
  /// - Returns: `nil` if it can't be read, or if there is no such line.
  private static func field(_ name: String, of folder: FilePath) -> Substring? {
    guard let text = try? contents(of: folder.appending("status")) else { return nil }
    return String(decoding: text, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix(name + ":\t") }?
      .dropFirst(name.utf8.count + 2)
  }

  /// Whether an error says that a process has gone or may not be read, rather than that this
  /// program lacks something, such as descriptors.
  static func isLasting(_ error: Errno) -> Bool {
    [.noSuchFileOrDirectory, .noSuchProcess, .permissionDenied, .notPermitted].contains(error)
  }

  /// The contents of a whole file.
  ///
  /// - Throws: the errors of `open` and `read`.
  static func contents(of path: FilePath) throws(Errno) -> [UInt8] {
    let descriptor = try KernelMaps.rethrowing {
      try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    }
    defer { try? descriptor.close() }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try KernelMaps.rethrowing {
        try unsafe chunk.withUnsafeMutableBytes { unsafe try descriptor.read(into: $0) }
      }
      if count == 0 { return text }
      text += chunk[..<count]
    }
  }
}
