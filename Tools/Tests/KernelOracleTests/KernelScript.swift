// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import KernelOracle

/// A script for the kernel: its head. The window lies where nothing else is.
struct KernelScript {
  struct Failure: Error, Equatable {
    var code: Int32
    var message: String
  }

  var setup = kernel_oracle_setup()

  init(pageCount: UInt64 = 64, isConfined: Bool = false) {
    setup.window_base = 0x10_0000_0000
    setup.window_length = pageCount * 4096
    setup.is_confined = isConfined ? 1 : 0
  }

  /// Whether the kernel can be the judge; says why it can't.
  static let isUsable: Bool = {
    guard let reason = unsafe kernel_oracle_unusable() else { return true }
    print("KernelOracleTests: skipped,", unsafe String(cString: reason))
    return false
  }()

  var base: UInt64 { setup.window_base }
  var end: UInt64 { setup.window_base + setup.window_length }

  /// The heap starts there.
  mutating func setHeap(_ address: UInt64) {
    setup.has_heap = 1
    setup.heap_start = address
  }

  mutating func limit(_ limit: kernel_oracle_limit, _ value: UInt64) {
    setup.limits |= limit.rawValue
    switch limit {
    case KO_LIMIT_MEMLOCK: setup.memlock = value
    case KO_LIMIT_AS: setup.as = value
    case KO_LIMIT_DATA: setup.data = value
    case KO_LIMIT_STACK: setup.stack = value
    default: setup.maps = value
    }
  }

  /// The result lines.
  func run(_ operations: [Operation]) throws(Failure) -> [String] {
    var text: UnsafeMutablePointer<CChar>?
    var length = 0
    // Never empty: an empty array has no address.
    let raw = operations.map(\.raw) + [Operation.dump.raw]
    let code = unsafe raw.withUnsafeBufferPointer { buffer in
      unsafe withUnsafePointer(to: setup) { setup in
        unsafe kernel_oracle_run(
          setup, buffer.baseAddress!, operations.count, &text, &length)
      }
    }
    defer { unsafe free(text) }
    let result = unsafe text.map { unsafe String(cString: $0) } ?? ""
    guard code == 0 else { throw Failure(code: code, message: result) }
    precondition(result.utf8.count == length, "KernelScript: the length is not that of the text")
    var lines = result.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    precondition(lines.popLast() == "", "KernelScript: the last line is incomplete")
    return lines
  }
}

extension KernelScript {
  struct Protection: OptionSet {
    var rawValue: UInt64
    static let read = Protection(rawValue: 1)
    static let write = Protection(rawValue: 2)
    static let execute = Protection(rawValue: 4)
  }

  struct Flags: OptionSet {
    var rawValue: UInt64
    static let shared = Flags(rawValue: 1)
    static let `private` = Flags(rawValue: 2)
    static let sharedValidate = Flags(rawValue: 3)
    static let fixed = Flags(rawValue: 0x10)
    static let anonymous = Flags(rawValue: 0x20)
    static let growsDown = Flags(rawValue: 0x100)
    static let locked = Flags(rawValue: 0x2000)
    static let noReserve = Flags(rawValue: 0x4000)
    static let populate = Flags(rawValue: 0x8000)
    static let hugePages = Flags(rawValue: 0x40000)
    static let sync = Flags(rawValue: 0x80000)
    static let noReplace = Flags(rawValue: 0x10_0000)
  }

  /// One operation.
  struct Operation {
    var raw: kernel_oracle_operation

    init(_ kind: kernel_oracle_kind, file: Int32 = -1, _ arguments: UInt64...) {
      let a = arguments + [0, 0, 0, 0, 0]
      raw = kernel_oracle_operation(
        kind: kind.rawValue, file: file, arguments: (a[0], a[1], a[2], a[3], a[4]))
    }

    static func map(
      _ address: UInt64, _ length: UInt64, _ protection: Protection, _ flags: Flags,
      file: Int32 = -1, offset: UInt64 = 0
    ) -> Operation {
      Operation(
        KO_MMAP, file: file, address, length, protection.rawValue, flags.rawValue, offset)
    }

    /// Private, anonymous, there.
    static func fix(
      _ address: UInt64, _ length: UInt64, _ protection: Protection = [.read, .write]
    ) -> Operation {
      map(address, length, protection, [.private, .anonymous, .fixed])
    }

    static func unmap(_ address: UInt64, _ length: UInt64) -> Operation {
      Operation(KO_MUNMAP, address, length)
    }

    static func protect(
      _ address: UInt64, _ length: UInt64, _ protection: Protection
    ) -> Operation {
      Operation(KO_MPROTECT, address, length, protection.rawValue)
    }

    static func remap(
      _ address: UInt64, _ length: UInt64, _ newLength: UInt64, _ flags: UInt64,
      _ newAddress: UInt64 = 0
    ) -> Operation {
      Operation(KO_MREMAP, address, length, newLength, flags, newAddress)
    }

    static func advise(_ address: UInt64, _ length: UInt64, _ advice: UInt64) -> Operation {
      Operation(KO_MADVISE, address, length, advice)
    }

    static func lock(_ address: UInt64, _ length: UInt64, _ flags: UInt64 = 0) -> Operation {
      Operation(KO_MLOCK, address, length, flags)
    }

    static func unlock(_ address: UInt64, _ length: UInt64) -> Operation {
      Operation(KO_MUNLOCK, address, length)
    }

    static func setBreak(_ address: UInt64) -> Operation { Operation(KO_BRK, address) }

    static let fork = Operation(KO_FORK)

    static func touch(_ address: UInt64) -> Operation { Operation(KO_TOUCH, address) }

    static func query(_ address: UInt64, _ flags: UInt64 = 0) -> Operation {
      Operation(KO_QUERY, address, flags)
    }

    static let dump = Operation(KO_DUMP)
  }
}
