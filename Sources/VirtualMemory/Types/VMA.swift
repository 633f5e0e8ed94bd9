// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A virtual memory area, copied out of a version of an ``AddressSpace``.
public struct VMA: Sendable, Hashable {
  /// The first address.
  public var start: UInt64
  /// The address after the last one.
  public var end: UInt64
  /// The access allowed: ``Protection/read``, ``Protection/write`` and ``Protection/execute``.
  public var protection: Protection
  /// Whether writes may be seen by other processes: the `s` of the text.
  public var isShared: Bool
  /// Where the mapping starts in its file, in bytes; 0 without a file, as in the text.
  public var offset: UInt64
  /// The file's device; 0:0 without a file.
  public var device: DeviceNumber
  /// The file's inode; 0 without a file.
  public var inode: UInt64
  /// The name as the text shows it; empty if there is none. Bytes, since paths need not be UTF-8.
  public var name: [UInt8]

  /// Creates a VMA with these fields.
  public init(
    start: UInt64, end: UInt64, protection: Protection, isShared: Bool = false, offset: UInt64 = 0,
    device: DeviceNumber = DeviceNumber(major: 0, minor: 0), inode: UInt64 = 0, name: [UInt8] = []
  ) {
    self.start = start
    self.end = end
    self.protection = protection
    self.isShared = isShared
    self.offset = offset
    self.device = device
    self.inode = inode
    self.name = name
  }

  /// The addresses from ``start`` to ``end``.
  public var range: Range<UInt64> { start..<end }

  /// ``name`` as a string, in which anything that isn't UTF-8 is replaced.
  public var nameString: String { String(decoding: name, as: UTF8.self) }
}
