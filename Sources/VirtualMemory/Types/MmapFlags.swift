// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The `flags` of `mmap`, bit for bit as on x86-64, for ``AddressSpace/SystemCalls``.
///
/// The sharing type is a field of four bits. Exactly one of its values must be given: ``shared``,
/// ``private``, ``sharedValidate`` or ``droppable``. A union of two isn't both.
public struct MmapFlags: OptionSet, Sendable, Hashable, Codable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `MAP_SHARED`.
  public static var shared: Self { Self(rawValue: 0x1) }
  /// `MAP_PRIVATE`.
  public static var `private`: Self { Self(rawValue: 0x2) }
  /// Both bits: shared, and unknown flags are rejected.
  public static var sharedValidate: Self { Self(rawValue: 0x3) }
  /// Memory that the kernel may take back at any time. A sharing type of its own.
  public static var droppable: Self { Self(rawValue: 0x8) }
  /// At the given address, replacing what is mapped there.
  public static var fixed: Self { Self(rawValue: 0x10) }
  /// `MAP_ANONYMOUS`. ``Backing/anonymous`` implies it.
  public static var anonymous: Self { Self(rawValue: 0x20) }
  /// `MAP_32BIT`: in the first 2 GiB.
  public static var low2GiB: Self { Self(rawValue: 0x40) }
  /// `MAP_ABOVE4G`: not in the first 4 GiB.
  public static var above4GiB: Self { Self(rawValue: 0x80) }
  /// `MAP_GROWSDOWN`.
  public static var growsDown: Self { Self(rawValue: 0x100) }
  /// `MAP_LOCKED`.
  public static var locked: Self { Self(rawValue: 0x2000) }
  /// `MAP_NORESERVE`.
  public static var noReserve: Self { Self(rawValue: 0x4000) }
  /// `MAP_POPULATE`.
  public static var populate: Self { Self(rawValue: 0x8000) }
  /// `MAP_NONBLOCK`.
  public static var nonBlock: Self { Self(rawValue: 0x10000) }
  /// `MAP_STACK`: no huge pages.
  public static var stack: Self { Self(rawValue: 0x20000) }
  /// `MAP_SYNC`: rejected, since no file here is on persistent memory. As with ext4, what was
  /// mapped in the range is gone by then.
  public static var sync: Self { Self(rawValue: 0x80000) }
  /// At the given address, unless something is mapped there. Implies ``fixed``.
  public static var fixedNoReplace: Self { Self(rawValue: 0x100000) }

  /// The bits of the sharing type, `MAP_TYPE`.
  static var typeMask: UInt64 { 0xf }
  /// The flags that a mapping of type ``sharedValidate`` may have: `LEGACY_MAP_MASK`, the bits that
  /// x86-64 adds, and `MAP_SYNC`, which the file system decides about. ``fixedNoReplace`` isn't one
  /// of them.
  static var validatedMask: UInt64 {
    0x1 | 0x2 | 0x10 | 0x20 | 0x40 | 0x80 | 0x100 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000
      | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x7c00_0000
  }

  /// All bits except those for the sharing type, for the address and for `MAP_ANONYMOUS`.
  private static var propertyMask: UInt64 {
    ~(typeMask | fixed.rawValue | fixedNoReplace.rawValue | anonymous.rawValue)
  }

  init(_ flags: MapFlags, _ sharing: Sharing, _ placement: Placement) {
    self.init(rawValue: flags.rawValue & Self.propertyMask)
    switch sharing {
    case .private: insert(.private)
    case .shared: insert(.shared)
    case .sharedValidate: insert(.sharedValidate)
    case .droppable: insert(.droppable)
    }
    switch placement {
    case .anywhere, .hint: break
    case .fixed: insert(.fixed)
    case .fixedNoReplace: insert(.fixedNoReplace)
    }
  }
}
