// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import KernelOracle
import TestSupport
import MapScripts

/// The running kernel as the one that performs a script, in a child process.
enum KernelSide {
  /// Why this machine's kernel can't be the judge; `nil` if it can.
  static let unusable: String? = {
    guard let reason = unsafe kernel_oracle_unusable() else { return nil }
    return unsafe String(cString: reason)
  }()

  /// Whether this process can ask the kernel. ThreadSanitizer's processes can't be its subjects,
  /// and run on one thread there is nothing for it to see. Prints once why not.
  static let canJudge: Bool = {
    var reason = unusable
    if isThreadSanitizerBuild || isAddressSanitizerBuild {
      reason = "a sanitizer has mappings of its own"
    }
    if let reason { print("nothing is compared with the kernel: \(reason)") }
    return reason == nil
  }()

  /// Whether this machine has protection keys: scripts of the other kind of machine are the model's
  /// alone, and those that were recorded there.
  static let hasExecuteOnlyKeys: Bool = {
    let hasKeys = canJudge && kernel_oracle_has_execute_only_keys() != 0
    print("this machine has \(hasKeys ? "" : "no ")protection keys for execute-only memory")
    return hasKeys
  }()

  /// A script that could not be run.
  struct Failure: Error, CustomStringConvertible {
    var code: Int32
    var message: String
    var description: String { "the kernel's side could not be set up: \(message) (\(code))" }
  }

  /// The results of all operations.
  static func run(_ script: MapScript) throws(Failure) -> [UInt8] {
    guard script.hasExecuteOnlyKeys == hasExecuteOnlyKeys else {
      throw Failure(code: KO_UNUSABLE.rawValue, message: "the script is of another kind of machine")
    }
    var setup = setup(of: script)
    let operations = script.operations.map(operation)
    var text: UnsafeMutablePointer<CChar>?
    var count = 0
    let code = unsafe kernel_oracle_run(&setup, operations, operations.count, &text, &count)
    defer { unsafe free(text) }
    let bytes = unsafe UnsafeRawBufferPointer(start: text, count: unsafe text == nil ? 0 : count)
    guard code == 0 else {
      throw Failure(code: code, message: unsafe String(decoding: bytes, as: UTF8.self))
    }
    return unsafe Array(bytes)
  }

  private static func setup(of script: MapScript) -> kernel_oracle_setup {
    var setup = kernel_oracle_setup()
    setup.window_base = script.window.base
    setup.window_length = script.window.length
    setup.is_confined = script.isConfined ? 1 : 0
    setup.has_heap = script.heapStart == nil ? 0 : 1
    setup.heap_start = script.heapStart ?? 0
    let limits: [(UInt64?, WritableKeyPath<kernel_oracle_setup, UInt64>)] = [
      (script.limits.lockedMemory, \.memlock), (script.limits.addressSpace, \.as),
      (script.limits.data, \.data), (script.limits.stack, \.stack),
      (script.limits.mapCount, \.maps),
    ]
    for (bit, (value, path)) in limits.enumerated() {
      guard let value else { continue }
      setup.limits |= 1 << UInt32(bit)
      setup[keyPath: path] = value
    }
    return setup
  }

  private static func operation(_ operation: ScriptOperation) -> kernel_oracle_operation {
    var result = kernel_oracle_operation()
    let kind: kernel_oracle_kind =
      switch operation.kind {
      case .map: KO_MMAP
      case .unmap: KO_MUNMAP
      case .protect: KO_MPROTECT
      case .remap: KO_MREMAP
      case .advise: KO_MADVISE
      case .lock: KO_MLOCK
      case .unlock: KO_MUNLOCK
      case .setBreak: KO_BRK
      case .fork: KO_FORK
      case .touch: KO_TOUCH
      case .query: KO_QUERY
      case .dump: KO_DUMP
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
