// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension AddressSpace {
  /// The operations as the kernel's system calls take them: addresses and lengths apart, flags bit
  /// for bit, and every argument that the kernel answers with an error.
  ///
  /// ```swift
  /// let address = try space.systemCalls.mmap(
  ///   length: length, protection: Protection(rawValue: prot), flags: MmapFlags(rawValue: flags))
  /// ```
  ///
  /// For emulators, replays and sandboxes, which have a program's arguments and need the kernel's
  /// answer to them: a length of 0, a range that wraps, two sharing types at once. Other programs
  /// are better served by the operations of ``AddressSpace`` itself, which take ranges.
  ///
  /// - Threads: any, but not in a read section. Changes exclude one another.
  public struct SystemCalls: Sendable {
    /// The address space that is changed.
    public let space: AddressSpace
  }

  /// The operations as the kernel's system calls take them.
  public var systemCalls: SystemCalls { SystemCalls(space: self) }
}

extension Range<UInt64> {
  /// Bytes of a range of addresses.
  @inline(__always)
  var length: UInt64 { upperBound - lowerBound }
}
