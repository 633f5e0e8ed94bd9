// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The filters and the mode of a query: `PROCMAP_QUERY_*`. The raw values are Linux's.
public struct QueryFlags: OptionSet, Sendable, Hashable, BitwiseCopyable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Only VMAs that are readable; a subset test, like the three after it.
  public static var readable: Self { Self(rawValue: 0x1) }
  public static var writable: Self { Self(rawValue: 0x2) }
  public static var executable: Self { Self(rawValue: 0x4) }
  /// Only VMAs that may be shared.
  public static var shared: Self { Self(rawValue: 0x8) }
  /// The VMA that covers the address, or the next one that passes the filters.
  public static var coveringOrNext: Self { Self(rawValue: 0x10) }
  /// Only VMAs with a file.
  public static var fileBacked: Self { Self(rawValue: 0x20) }

  static var known: UInt64 { filters | coveringOrNext.rawValue }
  /// What a VMA must have.
  static var filters: UInt64 { 0x2f }
}

/// What a query found: the output fields of `struct procmap_query`.
public struct QueryResult: Sendable, Hashable, BitwiseCopyable {
  /// The first address.
  public var start: UInt64
  /// The address after the last one.
  public var end: UInt64
  /// Of ``QueryFlags/readable``, ``QueryFlags/writable``, ``QueryFlags/executable`` and
  /// ``QueryFlags/shared``.
  public var flags: QueryFlags
  /// Bytes of a page of the VMA.
  public var pageSize: UInt64
  /// Where the mapping starts in its file, in bytes; 0 without a file.
  public var offset: UInt64
  /// The file's inode; 0 without a file.
  public var inode: UInt64
  /// The file's device; 0:0 without a file.
  public var device: DeviceNumber
  /// The generation of the version that was asked.
  public var generation: UInt64
}

/// A ``QueryResult`` with the variable-length fields.
public struct NamedQueryResult: Sendable, Hashable {
  public var result: QueryResult
  /// The name as the query gives it: newlines of a path as they are. Empty if there is none.
  public var name: [UInt8]
  /// The build id of the file; empty if there is none.
  public var buildID: [UInt8]
}

/// `struct procmap_query` of `<linux/fs.h>`, 104 bytes, field by field.
public struct ProcmapQuery: Sendable, Hashable, BitwiseCopyable {
  /// In: bytes of the structure that the caller knows.
  public var size: UInt64 = 104
  /// In: ``QueryFlags``.
  public var queryFlags: UInt64 = 0
  /// In: the address asked for.
  public var queryAddress: UInt64 = 0
  public var vmaStart: UInt64 = 0
  public var vmaEnd: UInt64 = 0
  public var vmaFlags: UInt64 = 0
  public var vmaPageSize: UInt64 = 0
  public var vmaOffset: UInt64 = 0
  public var inode: UInt64 = 0
  public var deviceMajor: UInt32 = 0
  public var deviceMinor: UInt32 = 0
  /// In: bytes of the buffer for the name. Out: bytes of the name with its terminator.
  public var vmaNameSize: UInt32 = 0
  /// In: bytes of the buffer for the build id. Out: bytes of the build id.
  public var buildIDSize: UInt32 = 0
  /// In: the buffer for the name, or 0.
  public var vmaNameAddress: UInt64 = 0
  /// In: the buffer for the build id, or 0.
  public var buildIDAddress: UInt64 = 0

  public init() {}

  /// `PROCMAP_QUERY`, the request number of the ioctl.
  public static var request: UInt { 0xc068_6611 }
}
