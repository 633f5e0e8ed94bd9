// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension AddressSpace {
  /// The operations with the signatures of the kernel's system calls: separate addresses and
  /// lengths, raw flag bits, and every argument that the kernel answers with an error.
  ///
  /// ```swift
  /// let address = try space.systemCalls.mmap(
  ///   length: length, protection: Protection(rawValue: prot), flags: MmapFlags(rawValue: flags))
  /// ```
  ///
  /// For emulators, replays and sandboxes, which have a program's arguments and need the kernel's
  /// answer to them: a length of 0, a range that wraps, two sharing types at once. Other programs
  /// should use the operations of ``AddressSpace`` itself, which take ranges.
  ///
  /// - Threads: any, but not in a read section. Changes exclude one another.
  public struct SystemCalls: Sendable {
    /// The address space that the operations change.
    public let space: AddressSpace
  }

  /// The operations with the signatures of the kernel's system calls.
  public var systemCalls: SystemCalls { SystemCalls(space: self) }
}

extension Range<UInt64> {
  /// The length of a range of addresses in bytes.
  @inline(__always)
  var length: UInt64 { upperBound - lowerBound }
}
