// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The kernel's `vm_flags`, four of which the text shows and all of which merging compares.
///
/// The raw values are Linux's `VM_*`, unless stated otherwise, and fit into 32 bits: a leaf keeps
/// ``Record/anonVMA`` in the upper half of the word.
struct VMAFlags: OptionSet, Sendable, Hashable, BitwiseCopyable {
  let rawValue: UInt64
  init(rawValue: UInt64) { self.rawValue = rawValue }

  static var read: Self { Self(rawValue: 0x1) }
  static var write: Self { Self(rawValue: 0x2) }
  static var execute: Self { Self(rawValue: 0x4) }
  static var shared: Self { Self(rawValue: 0x8) }
  static var mayRead: Self { Self(rawValue: 0x10) }
  static var mayWrite: Self { Self(rawValue: 0x20) }
  static var mayExecute: Self { Self(rawValue: 0x40) }
  /// The text and queries show this flag as "shared".
  static var mayShare: Self { Self(rawValue: 0x80) }
  static var growsDown: Self { Self(rawValue: 0x100) }
  /// Not one of Linux's flags: the VMA's touched pages may be those of the process that it was
  /// forked from (its `anon_vma_chain` is longer than one). Merging doesn't compare this flag.
  static var inherited: Self { Self(rawValue: 0x1000) }
  static var locked: Self { Self(rawValue: 0x2000) }
  static var sequentialRead: Self { Self(rawValue: 0x8000) }
  static var randomRead: Self { Self(rawValue: 0x1_0000) }
  static var dontCopy: Self { Self(rawValue: 0x2_0000) }
  static var lockOnFault: Self { Self(rawValue: 0x8_0000) }
  /// Counted against the overcommit limit. It isn't shown, but keeps neighbours apart.
  static var accounted: Self { Self(rawValue: 0x0010_0000) }
  static var noReserve: Self { Self(rawValue: 0x0020_0000) }
  /// `VM_DROPPABLE`, which Linux has above bit 31. Here it takes the place of `VM_HUGETLB`, which
  /// no mapping of an ``AddressSpace`` has.
  static var droppable: Self { Self(rawValue: 0x0040_0000) }
  /// `MAP_SYNC` was given. Without effect on anonymous memory, but it keeps neighbours apart.
  static var sync: Self { Self(rawValue: 0x0080_0000) }
  /// The key of execute-only memory, `VM_PKEY_BIT…`, which Linux has above bit 31. Here it takes
  /// the place of `VM_ARCH_1`, which x86-64 doesn't use.
  static var executeOnlyKey: Self { Self(rawValue: 0x0100_0000) }
  static var wipeOnFork: Self { Self(rawValue: 0x0200_0000) }
  static var dontDump: Self { Self(rawValue: 0x0400_0000) }
  static var hugePage: Self { Self(rawValue: 0x2000_0000) }
  static var noHugePage: Self { Self(rawValue: 0x4000_0000) }
  static var mergeable: Self { Self(rawValue: 0x8000_0000) }

  static var access: Self { [.read, .write, .execute] }
  static var may: Self { [.mayRead, .mayWrite, .mayExecute] }
  /// Both ways of being locked: `VM_LOCKED_MASK`.
  static var lockedMask: Self { [.locked, .lockOnFault] }

  /// What `mprotect` replaces: the access, and the key that goes with it.
  static var accessAndKey: Self { [.access, .executeOnlyKey] }

  /// `calc_vm_prot_bits`: unknown bits of `protection` are ignored.
  init(_ protection: Protection) { self.init(rawValue: UInt64(protection.rawValue & 7)) }

  /// The access of memory with `protection`. If `hasKeys`, it includes a key if `protection` is
  /// exactly ``Protection/execute``, without even ``Protection/atomicOperations``.
  ///
  /// - Source: `do_mmap`, `arch_override_mprotect_pkey` of x86.
  init(_ protection: Protection, hasKeys: Bool) {
    self.init(protection)
    if hasKeys && protection == .execute { insert(.executeOnlyKey) }
  }

  /// The four bits that a query reports: readable, writable, executable and may be shared.
  var queryBits: UInt64 { rawValue & 7 | (rawValue & Self.mayShare.rawValue) >> 4 }
}
