// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import KernelTraces
import TestSupport
import _MapTraces

/// The running kernel as the one that performs a trace, in a child process.
enum KernelSide {
  /// Why this machine's kernel can't be the judge; `nil` if it can.
  static let unusable: String? = {
    guard let reason = unsafe kernel_traces_unusable() else { return nil }
    return unsafe String(cString: reason)
  }()

  /// Whether this process can ask the kernel. ThreadSanitizer's processes can't be its subjects, and
  /// run on one thread there is nothing for it to see. Prints once why not.
  static let canJudge: Bool = {
    var reason = unusable
    if isThreadSanitizerBuild || isAddressSanitizerBuild {
      reason = "a sanitizer has mappings of its own"
    }
    if let reason { print("nothing is compared with the kernel: \(reason)") }
    return reason == nil
  }()

  /// Whether this machine has protection keys: traces of the other kind of machine are the model's
  /// alone, and those that were recorded there.
  static let hasExecuteOnlyKeys: Bool = {
    let hasKeys = canJudge && kernel_traces_has_execute_only_keys() != 0
    print("this machine has \(hasKeys ? "" : "no ")protection keys for execute-only memory")
    return hasKeys
  }()

  /// A trace that could not be run.
  struct Failure: Error, CustomStringConvertible {
    var code: Int32
    var message: String
    var description: String { "the kernel's side could not be set up: \(message) (\(code))" }
  }

  /// The results of all operations.
  static func run(_ trace: MapTrace) throws(Failure) -> [UInt8] {
    guard trace.hasExecuteOnlyKeys == hasExecuteOnlyKeys else {
      throw Failure(code: KT_UNUSABLE.rawValue, message: "the trace is of another kind of machine")
    }
    var setup = setup(of: trace)
    let operations = trace.operations.map(operation)
    var text: UnsafeMutablePointer<CChar>?
    var count = 0
    let code = unsafe kernel_traces_run(&setup, operations, operations.count, &text, &count)
    defer { unsafe free(text) }
    let bytes = unsafe UnsafeRawBufferPointer(start: text, count: unsafe text == nil ? 0 : count)
    guard code == 0 else {
      throw Failure(code: code, message: unsafe String(decoding: bytes, as: UTF8.self))
    }
    return unsafe Array(bytes)
  }

  private static func setup(of trace: MapTrace) -> kernel_trace_setup {
    var setup = kernel_trace_setup()
    setup.window_base = trace.window.base
    setup.window_length = trace.window.length
    setup.is_confined = trace.isConfined ? 1 : 0
    let limits: [(UInt64?, WritableKeyPath<kernel_trace_setup, UInt64>)] = [
      (trace.limits.lockedMemory, \.memlock), (trace.limits.addressSpace, \.as),
      (trace.limits.data, \.data), (trace.limits.stack, \.stack), (trace.limits.mapCount, \.maps),
    ]
    for (bit, (value, path)) in limits.enumerated() {
      guard let value else { continue }
      setup.limits |= 1 << UInt32(bit)
      setup[keyPath: path] = value
    }
    return setup
  }

  private static func operation(_ operation: TraceOperation) -> kernel_trace_operation {
    var result = kernel_trace_operation()
    let kind: kernel_trace_kind =
      switch operation.kind {
      case .map: KT_MMAP
      case .unmap: KT_MUNMAP
      case .protect: KT_MPROTECT
      case .remap: KT_MREMAP
      case .advise: KT_MADVISE
      case .lock: KT_MLOCK
      case .unlock: KT_MUNLOCK
      case .touch: KT_TOUCH
      case .query: KT_QUERY
      case .dump: KT_DUMP
      }
    result.kind = kind.rawValue
    result.file = Int32(operation.source.rawValue) - 1
    var numbers = operation.numbers
    if case .advise(_, _, let advice) = operation {
      numbers[2] = UInt64(Int32(exactly: advice) ?? .max)
    }
    numbers += repeatElement(0, count: 5 - numbers.count)
    result.arguments = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
    return result
  }
}
