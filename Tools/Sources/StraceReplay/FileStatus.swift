// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import VirtualMemory

/// The little that is asked of the file system.
enum FileStatus {
  /// The device and the inode of the file at `path`; `nil` if there is none.
  static func read(_ path: [UInt8]) -> (device: DeviceNumber, inode: UInt64)? {
    var status = stat()
    // C's char has no sign on some processors.
    let terminated = path.map { CChar(truncatingIfNeeded: $0) } + [0]
    guard unsafe stat(terminated, &status) == 0 else { return nil }
    // Linux's encoding of a device's number.
    let major = UInt32(truncatingIfNeeded: status.st_dev >> 8 & 0xfff)
    let minor = UInt32(truncatingIfNeeded: status.st_dev & 0xff | status.st_dev >> 12 & 0xfff00)
    return (DeviceNumber(major: major, minor: minor), UInt64(status.st_ino))
  }

  /// All of a file; empty if it can't be read.
  static func contents(_ path: String) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var result: [UInt8] = []
    while true {
      let chunk = readChunk(descriptor)
      if chunk.isEmpty { return result }
      result += chunk
    }
  }

  /// What comes next in an open file; empty at its end.
  static func readChunk(_ descriptor: Int32) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = max(0, unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count))
    }
  }
}
