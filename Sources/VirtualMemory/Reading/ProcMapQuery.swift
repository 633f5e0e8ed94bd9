// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The filters and the mode of a query: `PROCMAP_QUERY_*`. The raw values are Linux's.
public struct QueryFlags: OptionSet, Sendable, Hashable, Codable, BitwiseCopyable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `PROCMAP_QUERY_VMA_READABLE`: only VMAs that are readable; they may have other access, too.
  public static var readable: Self { Self(rawValue: 0x1) }
  /// `PROCMAP_QUERY_VMA_WRITABLE`: only VMAs that are writable; they may have other access, too.
  public static var writable: Self { Self(rawValue: 0x2) }
  /// `PROCMAP_QUERY_VMA_EXECUTABLE`: only VMAs that are executable; they may have other access,
  /// too.
  public static var executable: Self { Self(rawValue: 0x4) }
  /// `PROCMAP_QUERY_VMA_SHARED`: only VMAs that may be shared.
  public static var shared: Self { Self(rawValue: 0x8) }
  /// `PROCMAP_QUERY_COVERING_OR_NEXT_VMA`: the VMA that covers the address, or the next one that
  /// passes the filters.
  public static var coveringOrNext: Self { Self(rawValue: 0x10) }
  /// `PROCMAP_QUERY_FILE_BACKED_VMA`: only VMAs with a file.
  public static var fileBacked: Self { Self(rawValue: 0x20) }

  static var known: UInt64 { filters | coveringOrNext.rawValue }
  /// The filters: properties that a VMA must have.
  static var filters: UInt64 { 0x2f }
}

/// The result of a query: the output fields of `struct procmap_query`.
public struct QueryResult: Sendable, Hashable, Codable, BitwiseCopyable {
  /// The first address.
  public var start: UInt64
  /// The address after the last one.
  public var end: UInt64
  /// The VMA's access, and whether it may be shared: ``QueryFlags/readable``,
  /// ``QueryFlags/writable``, ``QueryFlags/executable`` and ``QueryFlags/shared``.
  public var flags: QueryFlags
  /// The VMA's page size in bytes.
  public var pageSize: UInt64
  /// Where the mapping starts in its file, in bytes; 0 without a file.
  public var offset: UInt64
  /// The file's inode; 0 without a file.
  public var inode: UInt64
  /// The file's device; 0:0 without a file.
  public var device: DeviceNumber
  /// The generation of the version that answered.
  public var generation: UInt64

  /// The addresses from ``start`` to ``end``.
  @inlinable public var range: Range<UInt64> { start..<end }
}

/// A ``QueryResult`` with the variable-length fields.
public struct NamedQueryResult: Sendable, Hashable, Codable {
  /// The fields of fixed size.
  public var result: QueryResult
  /// The name as the query returns it, with unescaped newlines. Empty if there is none.
  public var name: [UInt8]
  /// The build ID of the file; empty if there is none.
  public var buildID: [UInt8]
}

/// `struct procmap_query` of `<linux/fs.h>`, 104 bytes, field by field.
public struct ProcMapQuery: Sendable, Hashable, BitwiseCopyable {
  /// In: the size of the structure that the caller knows, in bytes.
  public var size: UInt64 = 104
  /// In: ``QueryFlags``.
  public var queryFlags: UInt64 = 0
  /// In: the address to look up.
  public var queryAddress: UInt64 = 0
  /// Out: the VMA's first address.
  public var vmaStart: UInt64 = 0
  /// Out: the address after the VMA's last one.
  public var vmaEnd: UInt64 = 0
  /// Out: the VMA's access, and whether it may be shared, as in ``QueryFlags``.
  public var vmaFlags: UInt64 = 0
  /// Out: the VMA's page size in bytes.
  public var vmaPageSize: UInt64 = 0
  /// Out: where the VMA starts in its file, in bytes; 0 without a file.
  public var vmaOffset: UInt64 = 0
  /// Out: the file's inode; 0 without a file.
  public var inode: UInt64 = 0
  /// Out: the major number of the file's device; 0 without a file.
  public var deviceMajor: UInt32 = 0
  /// Out: the minor number of the file's device; 0 without a file.
  public var deviceMinor: UInt32 = 0
  /// In: the size of the buffer for the name in bytes. Out: the size of the name with its
  /// terminator.
  public var vmaNameSize: UInt32 = 0
  /// In: the size of the buffer for the build ID in bytes. Out: the size of the build ID.
  public var buildIDSize: UInt32 = 0
  /// In: the address of the buffer for the name, or 0.
  public var vmaNameAddress: UInt64 = 0
  /// In: the address of the buffer for the build ID, or 0.
  public var buildIDAddress: UInt64 = 0

  /// Creates a query of address 0, without flags and buffers.
  public init() {}

  /// The request number of the ioctl `PROCMAP_QUERY`.
  public static var request: UInt { 0xc068_6611 }
}
