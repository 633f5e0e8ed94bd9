// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What a process may use of memory, in bytes: the soft limits that `setrlimit` sets.
public struct ResourceLimits: Sendable, Hashable, Codable {
  /// `RLIMIT_AS`: all mappings together. `.max` for no limit.
  public var addressSpace: UInt64 = .max
  /// `RLIMIT_DATA`: private writable mappings together. `.max` for no limit.
  public var data: UInt64 = .max
  /// `RLIMIT_STACK`: one mapping that grows down, after growing.
  public var stack: UInt64 = 8 << 20
  /// `RLIMIT_MEMLOCK`: locked mappings together; `nil` for none, as for a process with the right to
  /// lock memory (`CAP_IPC_LOCK`).
  public var lockedMemory: UInt64?

  /// No limit but the usual 8 MiB for a stack.
  public init() {}
}
