// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import SystemPackage
import TestSupport
import VirtualMemory

/// The running kernel's `mmap`, `munmap` and `mprotect`, on this process.
enum KernelCalls {
  static func map(
    at address: UInt64, length: UInt64, protection: Protection, flags: MmapFlags,
    descriptor: Int32 = -1, offset: UInt64 = 0
  ) throws(Errno) -> UInt64 {
    let result = unsafe Glibc.mmap(
      pointer(address), Int(bitPattern: UInt(length)), Int32(protection.rawValue),
      Int32(flags.rawValue), descriptor, Int(bitPattern: UInt(offset)))
    guard let result = unsafe result, unsafe result != MAP_FAILED else {
      throw Errno(rawValue: Glibc.errno)
    }
    return UInt64(UInt(bitPattern: result))
  }

  static func unmap(_ address: UInt64, length: UInt64) throws(Errno) {
    guard unsafe Glibc.munmap(pointer(address), Int(bitPattern: UInt(length))) == 0 else {
      throw Errno(rawValue: Glibc.errno)
    }
  }

  static func protect(_ address: UInt64, length: UInt64, _ protection: Protection) throws(Errno) {
    let result = unsafe Glibc.mprotect(
      pointer(address)!, Int(bitPattern: UInt(length)), Int32(protection.rawValue))
    guard result == 0 else { throw Errno(rawValue: Glibc.errno) }
  }

  private static func pointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))
  }
}

/// The text of this process's maps, read without an allocation in between.
@safe
final class OwnMapsText {
  private let descriptor: Int32
  private let memory: UnsafeMutableRawPointer
  private let capacity = 4 << 20
  private var count = 0

  init() {
    unsafe descriptor = Glibc.open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
    precondition(descriptor >= 0, "OwnMapsText: no /proc/self/maps")
    unsafe memory = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit {
    Glibc.close(descriptor)
    unsafe memory.deallocate()
  }

  func read() {
    count = 0
    Glibc.lseek(descriptor, 0, SEEK_SET)
    while true {
      let done = unsafe Glibc.read(descriptor, memory + count, capacity - count)
      precondition(done >= 0 && count + done < capacity, "OwnMapsText: no text, or too much")
      if done == 0 { return }
      count += done
    }
  }

  var lines: [MapsLine] {
    let bytes = unsafe UnsafeRawBufferPointer(start: memory, count: count)
    return MapsLine.parse(unsafe String(decoding: bytes, as: UTF8.self))
  }
}

/// All of a file, also of one that gives less than asked for before its end, as those of `/proc`
/// do; empty if it can't be opened.
func contentsOfFile(_ path: String) -> [UInt8] {
  let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return [] }
  defer { Glibc.close(descriptor) }
  var result: [UInt8] = []
  while true {
    let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = max(0, unsafe Glibc.read(descriptor, buffer.baseAddress!, buffer.count))
    }
    if chunk.isEmpty { return result }
    result += chunk
  }
}
