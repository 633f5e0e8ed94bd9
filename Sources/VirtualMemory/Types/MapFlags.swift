// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Where a mapping goes.
public enum Placement: Sendable, Hashable, Codable {
  /// Wherever there is room: as high as possible below ``AddressSpaceConfiguration/mmapBase``.
  case anywhere
  /// At this address, rounded down to a page, if the range there is free; otherwise anywhere.
  case hint(UInt64)
  /// At this address, replacing what is mapped there: `MAP_FIXED`.
  case fixed(UInt64)
  /// At this address, or not at all: `MAP_FIXED_NOREPLACE`. `EEXIST` if something is mapped there.
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
  /// Only the process itself, which gets its own copy of what it writes: `MAP_PRIVATE`.
  case `private`
  /// Every process that maps it: `MAP_SHARED`.
  case shared
  /// Like ``shared``, but flags that are unknown or that the file doesn't support are rejected with
  /// `EOPNOTSUPP`: `MAP_SHARED_VALIDATE`.
  case sharedValidate
  /// Only the process itself, and the kernel may take back the memory at any time: `MAP_DROPPABLE`.
  case droppable
}

/// Properties of a new mapping: `MAP_*`. The raw values are those of Linux on x86-64.
///
/// Where a mapping goes and who sees it is specified separately, by ``Placement`` and ``Sharing``.
/// Bits for those are ignored here.
public struct MapFlags: OptionSet, Sendable, Hashable, Codable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `MAP_32BIT`: in the first 2 GiB.
  public static var low2GiB: Self { Self(rawValue: 0x40) }
  /// `MAP_ABOVE4G`: not in the first 4 GiB.
  public static var above4GiB: Self { Self(rawValue: 0x80) }
  /// `MAP_GROWSDOWN`: an access just below its start extends it downwards, as for a stack.
  public static var growsDown: Self { Self(rawValue: 0x100) }
  /// `MAP_LOCKED`: locked in memory, as by ``AddressSpace/lock(_:onFault:)``.
  public static var locked: Self { Self(rawValue: 0x2000) }
  /// `MAP_NORESERVE`: not counted against the commit limit.
  public static var noReserve: Self { Self(rawValue: 0x4000) }
  /// `MAP_POPULATE`: its pages are faulted in at once.
  public static var populate: Self { Self(rawValue: 0x8000) }
  /// `MAP_NONBLOCK`: cancels ``populate``.
  public static var nonBlock: Self { Self(rawValue: 0x10000) }
  /// `MAP_STACK`: no huge pages.
  public static var stack: Self { Self(rawValue: 0x20000) }
  /// `MAP_SYNC`: rejected, since no file here is on persistent memory. As with ext4, what was
  /// mapped in the range is gone by then.
  public static var sync: Self { Self(rawValue: 0x80000) }
}
