// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// What merges with what, and what keeps neighbours apart.
struct MergeFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  static let facts = [
    Fact(
      "two ranges touched apart stay split when the gap is filled; the filler joins the left one",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mmap 0x104000 0x2000 rw private|anon|fixed - 0
      touch 0x100000  #= OK
      touch 0x104000  #= OK
      mmap 0x102000 0x2000 rw private|anon|fixed - 0
      dump  #= 0-4 rw-p, 4-6 rw-p
      """),
    Fact(
      "a write fault takes over the anon_vma of a neighbour that differs in access only",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      touch 0x100000
      mmap 0x102000 0x2000 rwx private|anon|fixed - 0
      touch 0x102000
      dump  #= 0-2 rw-p, 2-4 rwxp
      mprotect 0x102000 0x2000 rw
      dump  #= 0-4 rw-p
      """),
    Fact(
      "a write fault takes over nothing from a neighbour that differs in other flags",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      touch 0x100000
      mmap 0x102000 0x2000 rw private|anon|fixed|stack - 0
      touch 0x102000
      madvise 0x100000 0x2000 nohugepage  #= OK
      dump  #= 0-2 rw-p, 2-4 rw-p
      """),
    Fact(
      "a new piece merges with a touched neighbour, and the result is touched",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      touch 0x100000
      mmap 0x102000 0x2000 rw private|anon|fixed - 0
      dump  #= 0-4 rw-p
      mremap 0x102000 0x2000 0x2000 maymove|fixed 0x110000  #= OK 0x110000
      mmap 0x112000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-2 rw-p, 16-18 rw-p, 18-19 rw-p
      """),
    Fact(
      "an untouched VMA merges wherever it is moved",
      """
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      mremap 0x102000 0x2000 0x2000 maymove|fixed 0x110000
      mmap 0x112000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-2 rw-p, 16-19 rw-p
      """),
    Fact(
      "a touched VMA keeps its offset when it is moved, and merges back home",
      """
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      touch 0x100000
      mremap 0x102000 0x2000 0x2000 maymove|fixed 0x110000
      mmap 0x112000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-2 rw-p, 16-18 rw-p, 18-19 rw-p
      mremap 0x110000 0x2000 0x2000 maymove|fixed 0x102000
      dump  #= 0-4 rw-p, 18-19 rw-p
      """),
    Fact(
      "a touched VMA merges beside one whose offset happens to continue",
      """
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      touch 0x100000
      mremap 0x102000 0x1000 0x1000 maymove|fixed 0x110000
      mremap 0x103000 0x1000 0x1000 maymove|fixed 0x111000
      dump  #= 0-2 rw-p, 16-18 rw-p
      """),
    Fact(
      "an untouched piece moved to the end of its own VMA merges with it",
      """
      mmap 0x100000 0x8000 rw private|anon|fixed - 0
      mremap 0x100000 0x2000 0x2000 maymove|fixed 0x108000  #= OK 0x108000
      dump  #= 2-10 rw-p
      """),
    Fact(
      "accounted memory doesn't merge with memory that isn't",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      touch 0x100000
      mprotect 0x100000 0x2000 r
      mmap 0x102000 0x2000 r private|anon|fixed - 0
      dump  #= 0-2 r--p, 2-4 r--p
      mmap 0x108000 0x2000 rw private|anon|fixed - 0
      mprotect 0x108000 0x2000 r  # untouched: no longer accounted
      mmap 0x10a000 0x2000 r private|anon|fixed - 0
      dump  #= 0-2 r--p, 2-4 r--p, 8-12 r--p
      """),
    Fact(
      "no-reserve, grows-down and locked memory stay apart from other memory",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 rw private|anon|fixed|noreserve - 0
      mmap 0x102000 0x1000 rw private|anon|fixed|growsdown - 0
      mmap 0x103000 0x1000 rw private|anon|fixed|locked - 0
      mmap 0x104000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p, 3-4 rw-p, 4-5 rw-p
      """),
    Fact(
      "a stack mapping is one without huge pages",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 rw private|anon|fixed|stack - 0
      dump  #= 0-1 rw-p, 1-2 rw-p
      madvise 0x100000 0x1000 nohugepage  #= OK
      dump  #= 0-2 rw-p
      """),
    Fact(
      "populated memory merges with other memory",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 rw private|anon|fixed|populate - 0
      mmap 0x102000 0x1000 rw private|anon|fixed|populate|nonblock - 0
      dump  #= 0-3 rw-p
      """),
    Fact(
      "droppable is a type of its own, not reserved, wiped on fork and not dumped",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 rw droppable|anon|fixed - 0  #= OK 0x101000
      mmap 0x102000 0x1000 rw droppable|anon|fixed|noreserve - 0
      dump  #= 0-1 rw-p, 1-3 rw-p
      mmap 0x103000 0x1000 rw droppable|private|anon|fixed - 0  #= ERR EINVAL
      madvise 0x101000 0x1000 wipeonfork  #= OK
      madvise 0x101000 0x1000 dontdump  #= OK
      dump  #= 0-1 rw-p, 1-3 rw-p
      madvise 0x101000 0x1000 keeponfork  #= ERR EINVAL
      madvise 0x101000 0x1000 dodump  #= ERR EINVAL
      """),
    Fact(
      "every advice keeps apart, and its opposite joins again",
      """
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      madvise 0x101000 0x1000 dontfork
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x101000 0x1000 dofork
      dump  #= 0-3 rw-p
      madvise 0x101000 0x1000 wipeonfork
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x101000 0x1000 keeponfork
      dump  #= 0-3 rw-p
      madvise 0x101000 0x1000 dontdump
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x101000 0x1000 dodump
      dump  #= 0-3 rw-p
      madvise 0x101000 0x1000 mergeable
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x101000 0x1000 unmergeable
      dump  #= 0-3 rw-p
      madvise 0x101000 0x1000 random
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x101000 0x1000 normal
      dump  #= 0-3 rw-p
      madvise 0x101000 0x1000 sequential
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x101000 0x1000 normal
      dump  #= 0-3 rw-p
      madvise 0x101000 0x1000 hugepage
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-p
      madvise 0x100000 0x3000 nohugepage  # no advice takes both away
      dump  #= 0-3 rw-p
      """),
    Fact(
      "an operation that changes no flags joins nothing that is split",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed|growsdown - 0
      mmap 0x104000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x102000
      dump  #= 0-2 rw-p, 2-5 rw-p
      mprotect 0x100000 0x5000 rw  #= OK
      madvise 0x100000 0x5000 dofork  #= OK
      dump  #= 0-2 rw-p, 2-5 rw-p
      """),
    Fact(
      "what was done before an error stays",
      """
      mmap 0x100000 0x1000 r private|anon|fixed - 0
      mmap 0x101000 0x1000 r shared|fixed file:RO 0
      mmap 0x102000 0x1000 r private|anon|fixed - 0
      mprotect 0x100000 0x3000 rw  #= ERR EACCES
      dump  #= 0-1 rw-p, 1-2 r--s RO@0, 2-3 r--p
      mprotect 0x100000 0x1000 r
      mprotect 0x102000 0x2000 x  #= ERR ENOMEM
      dump  #= 0-1 r--p, 1-2 r--s RO@0, 2-3 --xp
      """),
    Fact(
      "shared anonymous mappings don't merge with each other, but pieces of one do",
      """
      mmap 0x100000 0x2000 rw shared|anon|fixed - 0
      mmap 0x102000 0x2000 rw shared|anon|fixed - 0
      dump  #= 0-2 rw-s shm@0, 2-4 rw-s shm@0
      mprotect 0x100000 0x1000 r
      dump  #= 0-1 r--s shm@0, 1-2 rw-s shm@1, 2-4 rw-s shm@0
      mprotect 0x100000 0x1000 rw
      dump  #= 0-2 rw-s shm@0, 2-4 rw-s shm@0
      """),
    Fact(
      "duplicates share the object",
      """
      mmap 0x100000 0x4000 rw shared|anon|fixed - 0
      mremap 0x101000 0 0x1000 maymove|fixed 0x110000  #= OK 0x110000
      mremap 0x102000 0 0x1000 maymove|fixed 0x111000  #= OK 0x111000
      dump  #= 0-4 rw-s shm@0, 16-18 rw-s shm@1
      """),
    Fact(
      "pieces of a file merge where their offsets continue",
      """
      mmap 0x100000 0x1000 r shared|fixed file:A 0
      mmap 0x102000 0x1000 r shared|fixed file:A 0x2000
      mmap 0x101000 0x1000 r shared|fixed file:A 0x1000
      mmap 0x103000 0x1000 r shared|fixed file:A 0x4000
      mmap 0x104000 0x1000 r shared|fixed file:B 0x5000
      mmap 0x105000 0x1000 r private|fixed file:B 0x6000
      dump  #= 0-3 r--s A@0, 3-4 r--s A@4, 4-5 r--s B@5, 5-6 r--p B@6
      """),
  ]
}
