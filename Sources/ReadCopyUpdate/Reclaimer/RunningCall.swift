// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

/// Describes the code that a reclaimer is running, for reports.
enum RunningCall {
  /// - Parameter function: the address of the code.
  /// - Returns: the symbol's name, as the linker knows it (`swift demangle` makes it readable), or
  ///   the file and the offset in it.
  static func name(of function: UInt) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
      let start = unsafe text.baseAddress.unsafelyUnwrapped
      unsafe sysshims_describe_code(function, start, text.count)
      return unsafe String(cString: start)
    }
  }
}
