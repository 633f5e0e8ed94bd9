// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// How ``AddressSpace/SystemCalls/mremap(_:length:newLength:flags:newAddress:)`` moves or resizes a
/// mapping: `MREMAP_*`. The raw values are Linux's.
public struct RemapFlags: OptionSet, Sendable, Hashable, Codable {
  public let rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The mapping may move to another address.
  public static var mayMove: Self { Self(rawValue: 1) }
  /// The mapping moves to the given address, replacing what is mapped there. Needs ``mayMove``.
  public static var fixed: Self { Self(rawValue: 2) }
  /// The source stays mapped, without its pages: `MREMAP_DONTUNMAP`. Needs ``mayMove``, and equal
  /// lengths.
  public static var dontUnmap: Self { Self(rawValue: 4) }
}
