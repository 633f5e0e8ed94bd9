// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// What `mmap` accepts, and where it maps.
struct MapFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  static let facts = [
    Fact(
      "the errors of mmap",
      """
      mmap 0x100000 0 rw private|anon|fixed - 0  #= ERR EINVAL
      mmap 0x100000 0xffffffffffffffff rw private|anon - 0  #= ERR ENOMEM
      mmap 0 0x800000000000 rw private|anon - 0  #= ERR ENOMEM
      mmap 0x7ffffffff000 0x1000 rw private|anon|fixed - 0  #= ERR ENOMEM
      mmap 0x100001 0x1000 rw private|anon|fixed - 0  #= ERR EINVAL
      mmap 0x100000 0x1000 rw private|anon|noreplace - 0  #= OK 0x100000
      mmap 0x100000 0x2000 rw private|anon|noreplace - 0  #= ERR EEXIST
      mmap 0x102000 0x1000 rw anon|fixed - 0  #= ERR EINVAL
      mmap 0x102000 0x1000 rw shared_validate|anon|fixed - 0  #= ERR EINVAL
      mmap 0x102000 0x1000 rw shared|anon|fixed|growsdown - 0  #= ERR EINVAL
      mmap 0x102000 0x1000 rw private|fixed|growsdown file:A 0  #= ERR EINVAL
      mmap 0x102000 0x1000 rw shared|fixed file:RO 0  #= ERR EACCES
      mmap 0x102000 0x1000 rw private|fixed file:RO 0  #= OK 0x102000
      mmap 0x102000 0x1000 rw shared_validate|fixed|0x800000 file:A 0  #= ERR EOPNOTSUPP
      mmap 0x102000 0x1000 rw shared|fixed|0x800000 file:A 0  #= OK 0x102000
      dump  #= 0-1 rw-p, 2-3 rw-s A@0
      """),
    Fact(
      "an unaligned hint is rounded down, one beyond the end ignored",
      """
      mmap 0x101234 0x1000 rw private|anon - 0  #= OK 0x101000
      mmap 0x101234 0x1000 rw private|anon - 0  #= OK OUTSIDE
      mmap 0x800000000000 0x1000 rw private|anon - 0  #= OK OUTSIDE
      mmap 0xfffffffffffff000 0x1000 rw private|anon - 0  #= OK OUTSIDE
      dump  #= 1-2 rw-p
      """),
    Fact(
      "a hint into the guard gap is refused; fixed ignores the gap",
      window: "window 0x100000 0x200000",
      """
      mmap 0x22c000 0x1000 rw private|anon|fixed|growsdown - 0
      mmap 0x22b000 0x1000 rw private|anon - 0  #= OK OUTSIDE
      mmap 0x12c000 0x1000 rw private|anon - 0  #= OK OUTSIDE
      mmap 0x12b000 0x1000 rw private|anon - 0  #= OK 0x12b000
      mmap 0x22b000 0x1000 rw private|anon|fixed - 0  #= OK 0x22b000
      dump  #= 43-44 rw-p, 299-300 rw-p, 300-301 rw-p
      """),
    Fact(
      "an unaligned offset is refused first, also for anonymous memory",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 1  #= ERR EINVAL
      mmap 0x100000 0x1000 rw private|fixed - 1  #= ERR EINVAL
      mmap 0x100000 0x1000 rw private|fixed - 0  #= ERR EBADF
      mmap 0x100000 0x1000 rw private|anon|fixed - 0x5000  #= OK 0x100000
      mmap 0x101000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-2 rw-p
      """),
    Fact(
      "the end of a file mapping is a file offset",
      """
      mmap 0x100000 0x1000 r shared|fixed file:A 0x7fffffffffffe000  #= OK 0x100000
      mmap 0x101000 0x2000 r shared|fixed file:A 0x7fffffffffffe000  #= ERR EOVERFLOW
      mmap 0x101000 0x1000 r shared|fixed file:A 0x8000000000000000  #= ERR EOVERFLOW
      """),
    Fact(
      "a refused fixed mapping leaves the old ones split",
      """
      limit as 0x3000
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      mmap 0x101000 0x5000 rw private|anon|fixed - 0  #= ERR ENOMEM
      dump  #= 0-1 rw-p, 1-3 rw-p
      """),
    Fact(
      "both sharing bits mean shared and validated",
      """
      mmap 0x100000 0x1000 rw shared|private|anon|fixed - 0  #= ERR EINVAL
      mmap 0x100000 0x1000 rw shared|private|fixed file:A 0  #= OK 0x100000
      mmap 0x101000 0x1000 rw|0x400|0x100000000 private|anon|fixed - 0  #= OK 0x101000
      mmap 0x102000 0x1000 rw shared_validate|fixed|0x4000000 file:A 0  #= OK 0x102000
      dump  #= 0-1 rw-s A@0, 1-2 rw-p, 2-3 rw-s A@0
      """),
    Fact(
      "a synchronous mapping of a file is refused late",
      """
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 rw shared_validate|fixed|sync file:A 0  #= ERR EOPNOTSUPP
      mmap 0x102000 0x1000 rw shared|fixed|sync file:A 0  #= ERR EOPNOTSUPP
      dump  #= 0-1 rw-p
      """),
    Fact(
      "the search goes down from the top, and what it finds merges",
      window: "window 0x100000 0x10000\nconfine",
      """
      mmap 0 0x2000 rw private|anon - 0  #= OK 0x10e000
      mmap 0 0x2000 rw private|anon - 0  #= OK 0x10c000
      dump  #= 12-16 rw-p
      munmap 0x10d000 0x1000
      mmap 0 0x2000 r private|anon - 0  #= OK 0x10a000
      mmap 0 0x1000 r private|anon - 0  #= OK 0x10d000
      mmap 0 0xb000 r private|anon - 0  #= ERR ENOMEM
      mmap 0 0xa000 r private|anon - 0  #= OK 0x100000
      dump  #= 0-12 r--p, 12-13 rw-p, 13-14 r--p, 14-16 rw-p
      """),
    Fact(
      "the search keeps clear of what grows down",
      window: "window 0x100000 0x200000\nconfine",
      """
      mmap 0x2ff000 0x1000 rw private|anon|fixed - 0
      mmap 0x2fe000 0x1000 rw private|anon|fixed|growsdown - 0
      mmap 0 0x1000 rw private|anon - 0  #= OK 0x1fd000
      dump  #= 253-254 rw-p, 510-511 rw-p, 511-512 rw-p
      """),
    Fact(
      "2 MiB of anonymous memory are aligned where there is room",
      window: "window 0x500000 0x600000\nconfine",
      """
      mmap 0 0x200000 rw private|anon - 0  #= OK 0x800000
      mmap 0 0x1000 rw private|anon - 0  #= OK 0xaff000
      mmap 0 0x200000 rw private|anon - 0  #= OK 0x600000
      mmap 0 0x200000 rw private|anon - 0  #= ERR ENOMEM
      """),
    Fact(
      "2 MiB of anonymous memory are not aligned where there is no room",
      window: "window 0x500000 0x280000\nconfine",
      """
      mmap 0 0x200000 rw private|anon - 0  #= OK 0x580000
      """),
    Fact(
      "one VMA more than allowed, then not even what would merge or replace",
      """
      limit maps 1
      mmap 0x100000 0x1000 rw private|anon|fixed - 0  #= OK 0x100000
      mmap 0x102000 0x1000 rw private|anon|fixed - 0  #= OK 0x102000
      mmap 0x103000 0x1000 rw private|anon|fixed - 0  #= ERR ENOMEM
      mmap 0x102000 0x1000 r private|anon|fixed - 0  #= ERR ENOMEM
      dump  #= 0-1 rw-p, 2-3 rw-p
      """),
    Fact(
      "the limits of address space and data; the latter is not asked for where the former is full",
      """
      limit as 0x5000
      limit data 0x2000
      mmap 0x100000 0x3000 rw private|anon|fixed - 0  #= ERR ENOMEM
      mmap 0x100000 0x2000 rw private|anon|fixed - 0  #= OK 0x100000
      mmap 0x102000 0x1000 rw private|anon|fixed - 0  #= ERR ENOMEM
      mmap 0x102000 0x1000 rw shared|anon|fixed - 0  #= OK 0x102000
      mmap 0x103000 0x3000 r private|anon|fixed - 0  #= ERR ENOMEM
      mmap 0x103000 0x1000 r private|anon|fixed - 0  #= OK 0x103000
      mprotect 0x103000 0x1000 rw  #= ERR ENOMEM
      mremap 0x100000 0x2000 0x3000 maymove  #= ERR ENOMEM
      mmap 0x108000 0x1000 r private|anon|fixed - 0  #= OK 0x108000
      mprotect 0x103000 0x1000 rw  #= OK
      dump  #= 0-2 rw-p, 2-3 rw-s shm@0, 3-4 rw-p, 8-9 r--p
      """),
  ]
}
