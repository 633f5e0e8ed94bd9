// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc

/// Filters of system calls (seccomp), for tests of what a process does when it loses one.
package enum SystemCalls {
  private typealias Prctl = @convention(c) (CInt, UInt, UInt, UInt, UInt) -> CInt
  // Safety: its type but for the variable arguments, which these systems pass in the same way.
  private static let prctl = unsafe unsafeBitCast(dlsym(nil, "prctl"), to: Prctl.self)

  // <linux/prctl.h>, <linux/seccomp.h>
  private static let setSeccomp: CInt = 22
  private static let setNoNewPrivileges: CInt = 38
  private static let filterMode: UInt = 2

  /// `__NR_membarrier`.
  #if arch(x86_64)
    package static let membarrier: UInt32 = 324
  #else
    package static let membarrier: UInt32 = 283
  #endif

  /// Whether this process may install filters.
  package static let canBeFiltered: Bool = {
    // No program at all: a bad address, once everything else is right.
    prctl(setSeccomp, filterMode, 0, 0, 0) == -1 && errno == EFAULT
  }()

  /// Has the system call fail from now on, for the process's other threads too.
  package static func forbid(_ number: UInt32, error: CInt = EPERM) {
    // struct sock_filter: code, jumps if true and if false, operand; <linux/bpf_common.h>.
    let load: UInt64 = 0x20
    let jumpIfEqual: UInt64 = 0x15 | 1 << 24
    let result: UInt64 = 0x06
    var program = [
      load, jumpIfEqual | UInt64(number) << 32, result | UInt64(0x5_0000 | UInt32(error)) << 32,
      result | 0x7fff_0000 << 32,
    ]
    let count = program.count
    // Safety: the kernel copies the program.
    unsafe program.withUnsafeMutableBufferPointer { instructions in
      // struct sock_fprog: a count of 16 bits, and a pointer.
      var header = (UInt(count), UInt(bitPattern: instructions.baseAddress))
      unsafe withUnsafeMutablePointer(to: &header) { header in
        let isSet =
          prctl(setNoNewPrivileges, 1, 0, 0, 0) == 0
          && prctl(setSeccomp, filterMode, UInt(bitPattern: header), 0, 0) == 0
        precondition(isSet, "no filter: errno \(errno)")
      }
    }
  }
}
