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
  /// - Throws: the errors of `opendir`.
  static func numbers(in folder: FilePath) throws(Errno) -> [Int32] {
    guard let stream = unsafe folder.withPlatformString({ unsafe opendir($0) }) else {
      throw Errno(rawValue: sysshims_errno())
    }
    defer { unsafe closedir(stream) }
    var numbers: [Int32] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { numbers.append(number) }
    }
    return numbers
  }

  /// The process that a folder such as `/proc/42` is about, by its first thread's number: the proc
  /// file system has such folders for all threads, though it doesn't list them.
  ///
  /// - Returns: `nil` if it can't be read.
  static func firstThread(of folder: FilePath) -> Int32? {
    guard let text = try? contents(of: folder.appending("status")) else { return nil }
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("Tgid:\t") {
      return Int32(line.dropFirst(6))
    }
    return nil
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
