// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import SystemPackage
import TestSupport
import VirtualMemory

/// A range of this process's addresses where the kernel does for real what an `AddressSpace` says
/// it would: the oracle.
///
/// It lies far below everything else, where the kernel puts nothing by itself, and ThreadSanitizer
/// nothing of its own. One at a time per base address.
@safe
final class KernelWindow {
  let base: UInt64
  let pageCount: UInt64
  private let descriptor: Int32
  private var text = [UInt8](repeating: 0, count: 64 << 10)

  /// - Parameter number: of the test: windows of different numbers don't overlap.
  init(number: UInt64, pageCount: UInt64) {
    base = 0x10_0000_0000 + number << 32
    self.pageCount = pageCount
    descriptor = unsafe Glibc.open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
    precondition(descriptor >= 0, "KernelWindow: no /proc/self/maps")
    precondition(lines().isEmpty, "KernelWindow: something is mapped there")
  }

  deinit {
    try? unmap(base, length: pageCount * 4096)
    Glibc.close(descriptor)
  }

  var end: UInt64 { base + pageCount * 4096 }

  func map(
    at address: UInt64, length: UInt64, protection: Protection, flags: MmapFlags,
    descriptor: Int32 = -1, offset: UInt64 = 0
  ) throws(Errno) -> UInt64 {
    try KernelCalls.map(
      at: address, length: length, protection: protection, flags: flags, descriptor: descriptor,
      offset: offset)
  }

  func unmap(_ address: UInt64, length: UInt64) throws(Errno) {
    try KernelCalls.unmap(address, length: length)
  }

  func protect(_ address: UInt64, length: UInt64, _ protection: Protection) throws(Errno) {
    try KernelCalls.protect(address, length: length, protection)
  }

  /// The lines of the kernel's text that intersect the window. They come first in it: the rest of
  /// the text, whose mappings other tests change, is not read.
  func lines() -> [MapsLine] {
    var count = 0
    Glibc.lseek(descriptor, 0, SEEK_SET)
    var result: [MapsLine] = []
    while true {
      let done = unsafe text.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
      }
      precondition(done >= 0, "KernelWindow: no text")
      if done == 0 { return result }
      count += done
      // Chunks are whole lines.
      for line in text[0..<count].split(separator: UInt8(ascii: "\n")) {
        let parsed = MapsLine(String(decoding: line, as: UTF8.self))
        if parsed.start >= end { return result }
        if parsed.end > base { result.append(parsed) }
      }
      count = 0
    }
  }
}

/// A file that the kernel and the model map alike.
struct WindowFile {
  let descriptor: Int32
  let file: MappedFile

  /// A file of the file system, opened for `access`.
  static func path(_ path: String, _ access: MappedFile.Access) -> WindowFile {
    let flags =
      switch access {
      case .readOnly: O_RDONLY
      case .readWrite: O_RDWR
      case .writeOnly: O_WRONLY
      }
    let descriptor = unsafe Glibc.open(path, flags | O_CREAT | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "WindowFile: can't open \(path)")
    return WindowFile(
      descriptor: descriptor,
      file: MappedFile(
        path: path, device: DeviceNumber(major: 0, minor: 0), inode: 1, access: access))
  }

  func close() { Glibc.close(descriptor) }
}
