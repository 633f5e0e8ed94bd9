// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What may be done with the pages of a mapping: `PROT_*`.
///
/// The raw values are Linux's.
public struct Protection: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var read: Self { Self(rawValue: 1) }
  public static var write: Self { Self(rawValue: 2) }
  public static var execute: Self { Self(rawValue: 4) }
  /// `PROT_SEM`: accepted and without effect on x86-64.
  public static var atomicOperations: Self { Self(rawValue: 8) }
  /// `PROT_GROWSDOWN`, for ``AddressSpace/protect(_:length:_:)``: down to the start of a mapping
  /// that grows.
  public static var growsDown: Self { Self(rawValue: 0x0100_0000) }
  /// `PROT_GROWSUP`: no mapping on x86-64 grows up.
  public static var growsUp: Self { Self(rawValue: 0x0200_0000) }
}

/// How a mapping is made: `MAP_*`. The raw values are those of Linux on x86-64.
///
/// The sharing type is a field of four bits, of which exactly one value must be given:
/// ``shared``, ``private``, ``sharedValidate`` or ``droppable``.
public struct MapFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static var shared: Self { Self(rawValue: 0x1) }
  public static var `private`: Self { Self(rawValue: 0x2) }
  /// Both bits: shared, and unknown flags are refused.
  public static var sharedValidate: Self { Self(rawValue: 0x3) }
  /// Memory that the kernel may take back at any time: a sharing type of its own.
  public static var droppable: Self { Self(rawValue: 0x8) }
  /// At the address given, replacing what is there.
  public static var fixed: Self { Self(rawValue: 0x10) }
  /// `MAP_ANONYMOUS`. ``Backing/anonymous`` implies it.
  public static var anonymous: Self { Self(rawValue: 0x20) }
  /// `MAP_32BIT`: in the first 2 GiB.
  public static var low2GiB: Self { Self(rawValue: 0x40) }
  /// `MAP_ABOVE4G`: not in the first 4 GiB.
  public static var above4GiB: Self { Self(rawValue: 0x80) }
  public static var growsDown: Self { Self(rawValue: 0x100) }
  public static var locked: Self { Self(rawValue: 0x2000) }
  public static var noReserve: Self { Self(rawValue: 0x4000) }
  public static var populate: Self { Self(rawValue: 0x8000) }
  public static var nonBlock: Self { Self(rawValue: 0x10000) }
  /// `MAP_STACK`: no huge pages.
  public static var stack: Self { Self(rawValue: 0x20000) }
  /// `MAP_SYNC`: refused, since no file here is on persistent memory, as ext4 refuses it: after
  /// what was mapped there is gone.
  public static var sync: Self { Self(rawValue: 0x80000) }
  /// At the address given, unless something is there. Implies ``fixed``.
  public static var fixedNoReplace: Self { Self(rawValue: 0x100000) }

  /// The bits of the sharing type, `MAP_TYPE`.
  static var typeMask: UInt64 { 0xf }
  /// What a mapping of type ``sharedValidate`` may carry: `LEGACY_MAP_MASK`, with the bits that
  /// x86-64 adds, and `MAP_SYNC`, which the file system decides about. ``fixedNoReplace`` is not
  /// among them.
  static var validatedMask: UInt64 {
    0x1 | 0x2 | 0x10 | 0x20 | 0x40 | 0x80 | 0x100 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000
      | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x7c00_0000
  }
}
