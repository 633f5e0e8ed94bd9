// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// What `mremap` moves, resizes, duplicates and refuses.
struct RemapFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  static let facts = [
    Fact(
      "the errors of mremap",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mremap 0x100000 0x1000 0x1000 0x8  #= ERR EINVAL
      mremap 0x100001 0x1000 0x1000 maymove  #= ERR EINVAL
      mremap 0x100000 0x1000 0 maymove  #= ERR EINVAL
      mremap 0x100000 0x1000 0x800000000000 maymove  #= ERR EINVAL
      mremap 0x100000 0x1000 0x1000 fixed 0x110000  #= ERR EINVAL
      mremap 0x100000 0x1000 0x1000 dontunmap 0x110000  #= ERR EINVAL
      mremap 0x100000 0x1000 0x2000 maymove|dontunmap 0x110000  #= ERR EINVAL
      mremap 0x100000 0x1000 0x1000 maymove|fixed 0x110001  #= ERR EINVAL
      mremap 0x100000 0x2000 0x2000 maymove|fixed 0x101000  #= ERR EINVAL
      mremap 0x100000 0x1000 0x1000 maymove|fixed 0x7ffffffff000  #= ERR EINVAL
      mremap 0x100000 0 0x1000 maymove  #= ERR EINVAL
      mremap 0x104000 0x1000 0x2000 maymove  #= ERR EFAULT
      mremap 0x101000 0x2000 0x3000 maymove  #= ERR EFAULT
      mremap 0x100000 0x3000 0x4000 maymove|fixed 0x110000  #= ERR EFAULT
      dump  #= 0-2 rw-p
      """),
    Fact(
      "equal lengths and fixed move several VMAs; what lies under their gaps stays",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 r private|anon|fixed - 0
      mmap 0x103000 0x1000 rw private|anon|fixed - 0
      mmap 0x112000 0x1000 x private|anon|fixed - 0
      mremap 0x100000 0x6000 0x6000 maymove|fixed 0x110000  #= OK 0x110000
      dump  #= 16-17 rw-p, 17-18 r--p, 18-19 --xp, 19-20 rw-p
      mremap 0x10f000 0x6000 0x6000 maymove|fixed 0x100000  #= ERR EFAULT
      mremap 0x110000 0x4000 0x5000 maymove|fixed 0x100000  #= ERR EFAULT
      mremap 0x110000 0x4000 0x4000 maymove|fixed|dontunmap 0x100000  #= OK 0x100000
      dump  #= 0-1 rw-p, 1-2 r--p, 2-3 --xp, 3-4 rw-p, 16-17 rw-p, 17-18 r--p, 18-19 --xp, 19-20 rw-p
      """),
    Fact(
      "don't-unmap of a part of a VMA",
      """
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      mremap 0x101000 0x1000 0x1000 maymove|fixed|dontunmap 0x110000  #= OK 0x110000
      dump  #= 0-3 rw-p, 16-17 rw-p
      """),
    Fact(
      "equal lengths without a target change nothing, over holes too",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x103000 0x1000 r private|anon|fixed - 0
      mremap 0x100000 0x8000 0x8000 -  #= OK 0x100000
      mremap 0x100000 0x8000 0x8000 maymove  #= OK 0x100000
      mremap 0x101000 0x1000 0x1000 -  #= ERR EFAULT
      dump  #= 0-1 rw-p, 3-4 r--p
      """),
    Fact(
      "growing in place ends where the VMA ends, and may close a gap",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mmap 0x103000 0x1000 rw private|anon|fixed - 0
      mremap 0x100000 0x1000 0x2000 -  #= ERR ENOMEM
      mremap 0x100000 0x2000 0x4000 -  #= ERR ENOMEM
      mremap 0x101000 0x1000 0x2000 -  #= OK 0x101000
      dump  #= 0-4 rw-p
      """),
    Fact(
      "the tail that shrinking unmaps may be of several VMAs",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mmap 0x103000 0x1000 r private|anon|fixed - 0
      mmap 0x105000 0x2000 rw shared|anon|fixed - 0
      mremap 0x100000 0x6000 0x1000 -  #= OK 0x100000
      dump  #= 0-1 rw-p, 6-7 rw-s shm@1
      """),
    Fact(
      "shrinking and moving",
      """
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      mremap 0x100000 0x4000 0x1000 maymove|fixed 0x110000  #= OK 0x110000
      dump  #= 16-17 rw-p
      """),
    Fact(
      "an old length of 0 duplicates what may be shared",
      """
      mmap 0x100000 0x2000 r shared|fixed file:RO 0
      mremap 0x100000 0 0x1000 maymove|fixed 0x110000  #= OK 0x110000
      mremap 0x101000 0 0x2000 maymove|fixed 0x104000  #= OK 0x104000
      mremap 0x100000 0 0x1000 -  #= ERR ENOMEM
      mmap 0x108000 0x1000 r private|fixed file:RO 0
      mremap 0x108000 0 0x1000 maymove|fixed 0x109000  #= ERR EINVAL
      dump  #= 0-2 r--s RO@0, 4-6 r--s RO@1, 8-9 r--p RO@0, 16-17 r--s RO@0
      """),
    Fact(
      "a duplicate over its own source finds nothing to duplicate",
      """
      mmap 0x100000 0x2000 rw shared|anon|fixed - 0
      mremap 0x100000 0 0x1000 maymove|fixed 0x100000  #= ERR EFAULT
      dump  #= 1-2 rw-s shm@1
      """),
    Fact(
      "what don't-unmap leaves as a whole is untouched",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      touch 0x100000
      mremap 0x100000 0x2000 0x2000 maymove|fixed|dontunmap 0x110000
      mremap 0x100000 0x2000 0x2000 maymove|fixed 0x108000
      mmap 0x10a000 0x1000 rw private|anon|fixed - 0
      mmap 0x112000 0x1000 rw private|anon|fixed - 0
      dump  #= 8-11 rw-p, 16-18 rw-p, 18-19 rw-p
      """),
    Fact(
      "don't-unmap unlocks all of the source",
      """
      mmap 0x100000 0x4000 rw private|anon|fixed|locked - 0
      mremap 0x100000 0x1000 0x1000 maymove|fixed|dontunmap 0x110000  #= OK 0x110000
      mmap 0x104000 0x1000 rw private|anon|fixed - 0
      mmap 0x111000 0x1000 rw private|anon|fixed|locked - 0
      dump  #= 0-5 rw-p, 16-17 rw-p, 17-18 rw-p
      """),
    Fact(
      "don't-unmap without fixed takes its target as a hint, for files too",
      """
      mmap 0x100000 0x2000 rw shared|fixed file:A 0
      mmap 0x104000 0x2000 rw shared|anon|fixed - 0
      mremap 0x100000 0x2000 0x2000 maymove|dontunmap 0x110000  #= OK 0x110000
      mremap 0x104000 0x2000 0x2000 maymove|dontunmap 0x111000  #= OK OUTSIDE
      mremap 0x104000 0x2000 0x2000 maymove|dontunmap 0x114800  #= ERR EINVAL
      mremap 0x104000 0x2000 0x2000 maymove|dontunmap 0x114000  #= OK 0x114000
      dump  #= 0-2 rw-s A@0, 4-6 rw-s shm@0, 16-18 rw-s A@0, 20-22 rw-s shm@0
      """),
    Fact(
      "moving needs room for VMAs, growing in place doesn't",
      """
      limit maps 6
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mremap 0x100000 0x2000 0x2000 maymove|fixed 0x110000  #= ERR ENOMEM
      mremap 0x100000 0x2000 0x2000 maymove|dontunmap 0x110000  #= ERR ENOMEM
      mremap 0x100000 0x2000 0x3000 -  #= OK 0x100000
      dump  #= 0-3 rw-p
      """),
    Fact(
      "one more is enough",
      """
      limit maps 7
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mremap 0x100000 0x2000 0x2000 maymove|fixed 0x110000  #= OK 0x110000
      """),
    Fact(
      "growing in place past the limit of VMAs",
      """
      limit maps 0
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mremap 0x100000 0x2000 0x3000 -  #= OK 0x100000
      """),
    Fact(
      "locked memory that grows is charged",
      """
      limit memlock 0x3000
      mmap 0x100000 0x2000 rw private|anon|fixed|locked - 0
      mremap 0x100000 0x2000 0x4000 maymove|fixed 0x110000  #= ERR EAGAIN
      mremap 0x100000 0x2000 0x4000 -  #= ERR EAGAIN
      mremap 0x100000 0x2000 0x3000 maymove|fixed 0x110000  #= OK 0x110000
      """),
  ]
}
