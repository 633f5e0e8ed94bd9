// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What a process says about how it will use memory: `MADV_*`. The raw values are Linux's; a value
/// that is not among these is refused by the operation.
public struct Advice: RawRepresentable, Sendable, Hashable, Codable {
  public let rawValue: Int32
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// No special treatment: undoes ``random`` and ``sequential``.
  public static var normal: Self { Self(rawValue: 0) }
  /// The pages will be used in no order: sets a flag, which keeps VMAs apart.
  public static var random: Self { Self(rawValue: 1) }
  /// The pages will be used in ascending order: sets a flag, which keeps VMAs apart.
  public static var sequential: Self { Self(rawValue: 2) }
  /// The pages will be used soon: changes nothing of the map.
  public static var willNeed: Self { Self(rawValue: 3) }
  /// The pages are thrown away: changes nothing of the map.
  public static var dontNeed: Self { Self(rawValue: 4) }
  /// The pages of anonymous memory may be thrown away: changes nothing of the map.
  public static var free: Self { Self(rawValue: 8) }
  /// A child doesn't get the memory.
  public static var dontFork: Self { Self(rawValue: 10) }
  /// A child gets the memory: undoes ``dontFork``.
  public static var doFork: Self { Self(rawValue: 11) }
  /// Equal pages may be merged.
  public static var mergeable: Self { Self(rawValue: 12) }
  /// Equal pages stay apart: undoes ``mergeable``.
  public static var unmergeable: Self { Self(rawValue: 13) }
  /// Huge pages are used where they fit: sets a flag, which keeps VMAs apart.
  public static var hugePage: Self { Self(rawValue: 14) }
  /// No huge pages are used: sets a flag, which keeps VMAs apart.
  public static var noHugePage: Self { Self(rawValue: 15) }
  /// Left out of a core dump.
  public static var dontDump: Self { Self(rawValue: 16) }
  /// Part of a core dump: undoes ``dontDump``.
  public static var doDump: Self { Self(rawValue: 17) }
  /// A child gets the memory zeroed.
  public static var wipeOnFork: Self { Self(rawValue: 18) }
  /// A child gets the memory as it is: undoes ``wipeOnFork``.
  public static var keepOnFork: Self { Self(rawValue: 19) }
  /// The pages won't be used soon: changes nothing of the map.
  public static var cold: Self { Self(rawValue: 20) }
  /// The pages may be written out: changes nothing of the map.
  public static var pageOut: Self { Self(rawValue: 21) }
  /// The pages are read.
  public static var populateRead: Self { Self(rawValue: 22) }
  /// The pages are written to, unchanged: private memory counts as touched.
  public static var populateWrite: Self { Self(rawValue: 23) }
  /// As ``dontNeed``, of locked memory too.
  public static var dontNeedLocked: Self { Self(rawValue: 24) }
}
