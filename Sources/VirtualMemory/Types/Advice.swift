// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What a process announces about its use of memory: `MADV_*`. The raw values are Linux's.
/// Operations reject other values.
public struct Advice: RawRepresentable, Sendable, Hashable, Codable {
  public let rawValue: Int32
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// No special treatment: undoes ``random`` and ``sequential``.
  public static var normal: Self { Self(rawValue: 0) }
  /// The pages will be used in no particular order. Sets a flag, which keeps VMAs apart.
  public static var random: Self { Self(rawValue: 1) }
  /// The pages will be used in ascending order. Sets a flag, which keeps VMAs apart.
  public static var sequential: Self { Self(rawValue: 2) }
  /// The pages will be used soon. Doesn't change the map.
  public static var willNeed: Self { Self(rawValue: 3) }
  /// The pages are discarded. Doesn't change the map.
  public static var dontNeed: Self { Self(rawValue: 4) }
  /// The pages of anonymous memory may be discarded. Doesn't change the map.
  public static var free: Self { Self(rawValue: 8) }
  /// A child of `fork` doesn't get the memory.
  public static var dontFork: Self { Self(rawValue: 10) }
  /// A child of `fork` gets the memory: undoes ``dontFork``.
  public static var doFork: Self { Self(rawValue: 11) }
  /// Pages with equal contents may be merged.
  public static var mergeable: Self { Self(rawValue: 12) }
  /// Pages with equal contents aren't merged: undoes ``mergeable``.
  public static var unmergeable: Self { Self(rawValue: 13) }
  /// Huge pages are used where they fit. Sets a flag, which keeps VMAs apart.
  public static var hugePage: Self { Self(rawValue: 14) }
  /// No huge pages are used. Sets a flag, which keeps VMAs apart.
  public static var noHugePage: Self { Self(rawValue: 15) }
  /// The memory is left out of a core dump.
  public static var dontDump: Self { Self(rawValue: 16) }
  /// The memory is part of a core dump: undoes ``dontDump``.
  public static var doDump: Self { Self(rawValue: 17) }
  /// A child of `fork` gets the memory filled with zeros.
  public static var wipeOnFork: Self { Self(rawValue: 18) }
  /// A child of `fork` gets the memory as it is: undoes ``wipeOnFork``.
  public static var keepOnFork: Self { Self(rawValue: 19) }
  /// The pages won't be used soon. Doesn't change the map.
  public static var cold: Self { Self(rawValue: 20) }
  /// The pages may be written out. Doesn't change the map.
  public static var pageOut: Self { Self(rawValue: 21) }
  /// The pages are faulted in as by reads.
  public static var populateRead: Self { Self(rawValue: 22) }
  /// The pages are faulted in as by writes, but keep their contents. Private memory counts as
  /// touched.
  public static var populateWrite: Self { Self(rawValue: 23) }
  /// Like ``dontNeed``, but for locked memory, too.
  public static var dontNeedLocked: Self { Self(rawValue: 24) }
}
