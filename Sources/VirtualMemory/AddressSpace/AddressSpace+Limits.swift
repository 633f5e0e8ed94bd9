// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SequenceLocks

extension AddressSpace {
  /// How much memory the process may use: `setrlimit`. Changes apply to later operations.
  ///
  /// - Threads: any, but not in a read section; under the lock.
  /// - Complexity: O(1).
  public var limits: ResourceLimits {
    get { mapLock.withReadLock { unsafe writer.pointee.limits } }
    // Not in a write section: what readers see doesn't change, and speculation isn't disturbed.
    set { mapLock.withExclusiveLock { unsafe writer.pointee.limits = newValue } }
  }
}

extension MemoryMap {
  /// Whether `pages` more pages with these flags may be mapped.
  ///
  /// - Source: `may_expand_vm`.
  mutating func mayExpand(by pages: UInt64, _ flags: VMAFlags) -> Bool {
    guard draft.pageCount &+ pages <= limits.addressSpace / .page else { return false }
    return !Record.isData(flags) || draft.dataPages &+ pages <= limits.data / .page
  }

  /// Whether `pages` more pages with these flags are within the limit on locked memory.
  ///
  /// - Source: `mlock_future_ok`.
  mutating func mayLock(pages: UInt64, _ flags: VMAFlags) -> Bool {
    guard let limit = limits.lockedMemory, flags.contains(.locked) else { return true }
    return draft.lockedPages &+ pages <= limit / .page
  }

  /// Whether the process may lock memory at all.
  ///
  /// - Source: `can_do_mlock`.
  var mayLockAny: Bool { limits.lockedMemory != 0 }
}
