// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The access that the pages of a mapping allow: `PROT_*`.
///
/// The raw values are Linux's.
public struct Protection: OptionSet, Sendable, Hashable, Codable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `PROT_READ`.
  public static var read: Self { Self(rawValue: 1) }
  /// `PROT_WRITE`.
  public static var write: Self { Self(rawValue: 2) }
  /// `PROT_EXEC`.
  public static var execute: Self { Self(rawValue: 4) }
  /// `PROT_SEM`: accepted, but without effect on x86-64.
  public static var atomicOperations: Self { Self(rawValue: 8) }
  /// `PROT_GROWSDOWN`, for ``AddressSpace/protect(_:_:)``: extends the range down to the start of a
  /// mapping that grows down.
  public static var growsDown: Self { Self(rawValue: 0x0100_0000) }
  /// `PROT_GROWSUP`: no mapping on x86-64 grows up.
  public static var growsUp: Self { Self(rawValue: 0x0200_0000) }
}
