// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// How much memory a process may use, in bytes: the soft limits that `setrlimit` sets.
public struct ResourceLimits: Sendable, Hashable, Codable {
  /// `RLIMIT_AS`: for all mappings together. `.max` for no limit.
  public var addressSpace: UInt64 = .max
  /// `RLIMIT_DATA`: for all private writable mappings together. `.max` for no limit.
  public var data: UInt64 = .max
  /// `RLIMIT_STACK`: for each mapping that grows down, after it has grown.
  public var stack: UInt64 = 8 << 20
  /// `RLIMIT_MEMLOCK`: for all locked mappings together. `nil` for no limit, as for a process that
  /// may lock memory (`CAP_IPC_LOCK`).
  public var lockedMemory: UInt64?

  /// Creates limits that bound only a stack, at the usual 8 MiB.
  public init() {}
}
