// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Where a mapping goes.
public enum Placement: Sendable, Hashable, Codable {
  /// Where there is room: as high as possible below ``AddressSpaceConfiguration/mmapBase``.
  case anywhere
  /// At this address, rounded down to a page, if that is free; else anywhere.
  case hint(UInt64)
  /// At this address, in place of what is mapped there: `MAP_FIXED`.
  case fixed(UInt64)
  /// At this address, or nowhere: `MAP_FIXED_NOREPLACE`. `EEXIST` if something is mapped there.
  case fixedNoReplace(UInt64)

  var address: UInt64 {
    switch self {
    case .anywhere: 0
    case .hint(let address), .fixed(let address), .fixedNoReplace(let address): address
    }
  }
}

/// Who sees what is written to a mapping: the `MAP_TYPE` bits of `mmap`.
public enum Sharing: Sendable, Hashable, Codable {
  /// The process alone, which has its own copy of what it writes: `MAP_PRIVATE`.
  case `private`
  /// Every process that maps it: `MAP_SHARED`.
  case shared
  /// As ``shared``, and flags that are unknown or that the file doesn't support are refused with
  /// `EOPNOTSUPP`: `MAP_SHARED_VALIDATE`.
  case sharedValidate
  /// The process alone, and the kernel may take the memory back at any time: `MAP_DROPPABLE`.
  case droppable
}

/// Properties of a new mapping: `MAP_*`. The raw values are those of Linux on x86-64.
///
/// What says where it goes and who sees it is apart: ``Placement`` and ``Sharing``. Bits of those
/// are without meaning here and ignored.
public struct MapFlags: OptionSet, Sendable, Hashable, Codable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `MAP_32BIT`: in the first 2 GiB.
  public static var low2GiB: Self { Self(rawValue: 0x40) }
  /// `MAP_ABOVE4G`: not in the first 4 GiB.
  public static var above4GiB: Self { Self(rawValue: 0x80) }
  /// `MAP_GROWSDOWN`: a use just below its start makes it longer, as a stack.
  public static var growsDown: Self { Self(rawValue: 0x100) }
  /// `MAP_LOCKED`: locked in memory, as by ``AddressSpace/lock(_:onFault:)``.
  public static var locked: Self { Self(rawValue: 0x2000) }
  /// `MAP_NORESERVE`: not counted against the commit limit.
  public static var noReserve: Self { Self(rawValue: 0x4000) }
  /// `MAP_POPULATE`: its pages are faulted in at once.
  public static var populate: Self { Self(rawValue: 0x8000) }
  /// `MAP_NONBLOCK`: undoes ``populate``.
  public static var nonBlock: Self { Self(rawValue: 0x10000) }
  /// `MAP_STACK`: no huge pages.
  public static var stack: Self { Self(rawValue: 0x20000) }
  /// `MAP_SYNC`: refused, since no file here is on persistent memory, as ext4 refuses it: after
  /// what was mapped there is gone.
  public static var sync: Self { Self(rawValue: 0x80000) }
}
