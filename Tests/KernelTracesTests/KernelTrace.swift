// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import KernelTraces

/// A script for the kernel: its head, and operations by name.
struct KernelTrace {
  struct Failure: Error {
    var code: Int32
    var message: String
  }

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
    static let sync = Flags(rawValue: 0x80000)
    static let noReplace = Flags(rawValue: 0x10_0000)
  }

  struct Operation {
    var operation: kernel_trace_operation

    init(_ kind: kernel_trace_kind, file: Int32 = -1, _ arguments: UInt64...) {
      let padded = arguments + [0, 0, 0, 0, 0]
      operation = kernel_trace_operation(
        kind: kind.rawValue, file: file,
        arguments: (padded[0], padded[1], padded[2], padded[3], padded[4]))
    }

    static func map(
      _ address: UInt64, _ length: UInt64, _ protection: Protection, _ flags: Flags,
      file: Int32 = -1, offset: UInt64 = 0
    ) -> Operation {
      Operation(
        KT_MMAP, file: file, address, length, protection.rawValue, flags.rawValue, offset)
    }
    static func unmap(_ address: UInt64, _ length: UInt64) -> Operation {
      Operation(KT_MUNMAP, address, length)
    }
    static func protect(_ address: UInt64, _ length: UInt64, _ protection: Protection)
      -> Operation
    {
      Operation(KT_MPROTECT, address, length, protection.rawValue)
    }
    static func remap(
      _ address: UInt64, _ length: UInt64, _ newLength: UInt64, _ flags: UInt64,
      _ newAddress: UInt64 = 0
    ) -> Operation {
      Operation(KT_MREMAP, address, length, newLength, flags, newAddress)
    }
    static func advise(_ address: UInt64, _ length: UInt64, _ advice: UInt64) -> Operation {
      Operation(KT_MADVISE, address, length, advice)
    }
    static func lock(_ address: UInt64, _ length: UInt64) -> Operation {
      Operation(KT_MLOCK, address, length)
    }
    static func unlock(_ address: UInt64, _ length: UInt64) -> Operation {
      Operation(KT_MUNLOCK, address, length)
    }
    static func touch(_ address: UInt64) -> Operation { Operation(KT_TOUCH, address) }
    static func query(_ address: UInt64, _ flags: UInt64 = 0) -> Operation {
      Operation(KT_QUERY, address, flags)
    }
    static var dump: Operation { Operation(KT_DUMP) }
  }

  var setup: kernel_trace_setup

  /// `nil`, with a line that says so, where the kernel can't be the judge.
  init?(pageCount: UInt64 = 64, isConfined: Bool = false) {
    if let reason = unsafe kernel_traces_unusable() {
      print("The kernel can't be the judge:", unsafe String(cString: reason))
      return nil
    }
    setup = kernel_trace_setup()
    setup.window_base = 0x10_0000_0000
    setup.window_length = pageCount * 4096
    setup.is_confined = isConfined ? 1 : 0
  }

  var base: UInt64 { setup.window_base }
  var end: UInt64 { setup.window_base + setup.window_length }

  /// The result lines as one text.
  func run(_ operations: [Operation]) throws -> String {
    var text: UnsafeMutablePointer<CChar>?
    var length = 0
    let raw = operations.map(\.operation)
    let code = unsafe withUnsafePointer(to: setup) { setup in
      unsafe raw.withUnsafeBufferPointer { buffer in
        // An empty array has no address.
        let start = unsafe buffer.baseAddress ?? UnsafePointer(bitPattern: 8)!
        return unsafe kernel_traces_run(setup, start, buffer.count, &text, &length)
      }
    }
    defer { unsafe free(text) }
    let result = unsafe text.map { unsafe String(cString: $0) } ?? ""
    guard code == 0 else { throw Failure(code: code, message: result) }
    return result
  }
}
