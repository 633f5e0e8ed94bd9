// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The names that strace gives to one kind of number.
struct StraceWords {
  let meaning: String
  let values: [String: UInt64]

  static let protection = StraceWords(
    meaning: "protections (PROT_…)",
    values: [
      "PROT_NONE": 0, "PROT_READ": 1, "PROT_WRITE": 2, "PROT_EXEC": 4, "PROT_SEM": 8,
      "PROT_GROWSDOWN": 0x0100_0000, "PROT_GROWSUP": 0x0200_0000,
    ])

  static let mapFlags = StraceWords(
    meaning: "flags of mmap (MAP_…)",
    values: [
      "MAP_FILE": 0, "MAP_SHARED": 1, "MAP_PRIVATE": 2, "MAP_SHARED_VALIDATE": 3,
      "MAP_DROPPABLE": 8, "MAP_FIXED": 0x10, "MAP_ANONYMOUS": 0x20, "MAP_32BIT": 0x40,
      "MAP_ABOVE4G": 0x80, "MAP_GROWSDOWN": 0x100, "MAP_DENYWRITE": 0x800,
      "MAP_EXECUTABLE": 0x1000, "MAP_LOCKED": 0x2000, "MAP_NORESERVE": 0x4000,
      "MAP_POPULATE": 0x8000, "MAP_NONBLOCK": 0x10000, "MAP_STACK": 0x20000,
      "MAP_HUGETLB": 0x40000, "MAP_SYNC": 0x80000, "MAP_FIXED_NOREPLACE": 0x100000,
      "MAP_UNINITIALIZED": 0x400_0000,
    ])

  static let remapFlags = StraceWords(
    meaning: "flags of mremap (MREMAP_…)",
    values: ["MREMAP_MAYMOVE": 1, "MREMAP_FIXED": 2, "MREMAP_DONTUNMAP": 4])

  static let advice = StraceWords(
    meaning: "an advice (MADV_…)",
    values: [
      "MADV_NORMAL": 0, "MADV_RANDOM": 1, "MADV_SEQUENTIAL": 2, "MADV_WILLNEED": 3,
      "MADV_DONTNEED": 4, "MADV_FREE": 8, "MADV_REMOVE": 9, "MADV_DONTFORK": 10,
      "MADV_DOFORK": 11, "MADV_MERGEABLE": 12, "MADV_UNMERGEABLE": 13, "MADV_HUGEPAGE": 14,
      "MADV_NOHUGEPAGE": 15, "MADV_DONTDUMP": 16, "MADV_DODUMP": 17, "MADV_WIPEONFORK": 18,
      "MADV_KEEPONFORK": 19, "MADV_COLD": 20, "MADV_PAGEOUT": 21, "MADV_POPULATE_READ": 22,
      "MADV_POPULATE_WRITE": 23, "MADV_DONTNEED_LOCKED": 24, "MADV_COLLAPSE": 25,
      "MADV_HWPOISON": 100, "MADV_SOFT_OFFLINE": 101, "MADV_GUARD_INSTALL": 102,
      "MADV_GUARD_REMOVE": 103,
    ])

  static let lockFlags = StraceWords(
    meaning: "flags of mlock2 (MLOCK_…)", values: ["MLOCK_ONFAULT": 1])

  /// The number that a text such as `PROT_READ|PROT_WRITE` stands for; `nil` if it has a word that
  /// is neither a name nor a number.
  func value(of text: some StringProtocol) -> UInt64? {
    var result: UInt64 = 0
    for part in text.split(separator: "|", omittingEmptySubsequences: false) {
      // A comment may have stood behind it.
      let part = part.prefix { $0 != " " }
      if let value = values[String(part)] {
        result |= value
      } else if let value = StraceWords.number(part) {
        result |= value
      } else if part.hasSuffix("<<MAP_HUGE_SHIFT"), let exponent = UInt64(part.prefix { $0 != "<" })
      {
        // The size of huge pages, as its logarithm.
        result |= (exponent & 0x3f) << 26
      } else {
        return nil
      }
    }
    return result
  }

  /// A number as strace writes it, of at most 64 bits.
  static func number(_ text: some StringProtocol) -> UInt64? {
    if text == "NULL" { return 0 }
    return text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  /// The calls that are replayed, or tell what belongs to whom.
  static let replayedCalls: Set<String> = [
    "mmap", "munmap", "mprotect", "pkey_mprotect", "mremap", "madvise", "mlock", "mlock2",
    "munlock", "brk", "prctl", "fork", "vfork", "clone", "clone3", "execve", "execveat",
    "exit_group", "open", "openat", "openat2", "creat", "memfd_create", "close",
  ]

  /// Calls that change an address space in ways that are not replayed.
  static let unsupportedCalls: Set<String> = [
    "mlockall", "munlockall", "shmat", "shmdt", "remap_file_pages", "mseal", "map_shadow_stack",
  ]
}
