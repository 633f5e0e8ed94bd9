// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// What `munmap`, `mprotect`, `madvise` and `mlock` do, and how far they come.
struct ChangeFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  static let facts = [
    Fact(
      "munmap of a hole succeeds; its length is rounded up",
      """
      munmap 0x100000 0x1000  #= OK
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      munmap 0x101000 1  #= OK
      dump  #= 0-1 rw-p, 2-4 rw-p
      munmap 0x100001 0x1000  #= ERR EINVAL
      munmap 0x100000 0  #= ERR EINVAL
      munmap 0x7ffffffff000 0x1000  #= ERR EINVAL
      munmap 0x100000 0x7ffffffff000  #= ERR EINVAL
      """),
    Fact(
      "a hole can't be cut at the limit, an edge can be trimmed",
      """
      limit maps 1
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      munmap 0x101000 0x1000  #= ERR ENOMEM
      munmap 0x100000 0x1000  #= OK
      munmap 0x103000 0x1000  #= OK
      dump  #= 1-3 rw-p
      """),
    Fact(
      "mprotect of nothing succeeds anywhere",
      """
      mprotect 0x100000 0 r  #= OK
      mprotect 0x100000 0 0x400  #= OK
      mprotect 0x100001 0 r  #= ERR EINVAL
      mprotect 0x100000 0 growsdown|growsup  #= ERR EINVAL
      """),
    Fact(
      "the errors of mprotect",
      """
      mprotect 0x100000 0x1000 r  #= ERR ENOMEM
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mprotect 0x100000 0x1000 r|growsdown|growsup  #= ERR EINVAL
      mprotect 0x100001 0x1000 r  #= ERR EINVAL
      mprotect 0x100000 0xfffffffffffff000 r  #= ERR ENOMEM
      mprotect 0x100000 0x1000 r|0x400  #= ERR EINVAL
      mprotect 0x100000 0x1000 r|growsdown  #= ERR EINVAL
      mprotect 0x100000 0x1000 r|growsup  #= ERR EINVAL
      mprotect 0x100000 0x1000 r|sem  #= OK
      mmap 0x102000 0x3000 rw private|anon|fixed|growsdown - 0
      mprotect 0x104000 0x1000 r|growsdown  #= OK
      dump  #= 0-1 r--p, 2-5 r--p
      """),
    Fact(
      "mprotect at the limit leaves a useless split",
      """
      limit maps 2
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      mprotect 0x101000 0x1000 r  #= ERR ENOMEM
      dump  #= 0-1 rw-p, 1-3 rw-p
      """),
    Fact(
      "so does madvise, which calls it EAGAIN",
      """
      limit maps 2
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      madvise 0x101000 0x1000 dontfork  #= ERR EAGAIN
      dump  #= 0-1 rw-p, 1-3 rw-p
      """),
    Fact(
      "madvise leaves holes out, does the rest, and then fails",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed - 0
      mmap 0x103000 0x2000 rw private|anon|fixed - 0
      madvise 0x101000 0x3000 dontfork  #= ERR ENOMEM
      dump  #= 0-1 rw-p, 1-2 rw-p, 3-4 rw-p, 4-5 rw-p
      """),
    Fact(
      "madvise stops at a VMA that can't be so advised",
      """
      mmap 0x101000 0x1000 rw private|anon|fixed - 0
      mmap 0x102000 0x1000 rw shared|anon|fixed - 0
      mmap 0x103000 0x1000 rw private|anon|fixed - 0
      madvise 0x101000 0x3000 wipeonfork  #= ERR EINVAL
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x104000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-3 rw-s shm@0, 3-5 rw-p
      """),
    Fact(
      "mergeable means nothing to shared and droppable memory",
      """
      mmap 0x100000 0x2000 rw shared|anon|fixed - 0
      mmap 0x104000 0x2000 rw droppable|anon|fixed - 0
      mmap 0x108000 0x2000 rw private|fixed file:A 0
      madvise 0x100000 0x1000 mergeable  #= OK
      madvise 0x104000 0x1000 mergeable  #= OK
      madvise 0x108000 0x1000 mergeable  #= OK
      dump  #= 0-2 rw-s shm@0, 4-6 rw-p, 8-9 rw-p A@0, 9-10 rw-p A@1
      """),
    Fact(
      "the errors of madvise",
      """
      madvise 0x100000 0 1000  #= ERR EINVAL
      madvise 0x100000 0 normal  #= OK
      madvise 0x100001 0 normal  #= ERR EINVAL
      madvise 0x100000 0x1000 normal  #= ERR ENOMEM
      madvise 0x100000 0xffffffffffffffff normal  #= ERR EINVAL
      madvise 0x100000 0xfffffffffffff000 normal  #= ERR EINVAL
      """),
    Fact(
      "locks take unaligned addresses",
      """
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      mlock 0x100800 0x1000  #= OK
      dump  #= 0-2 rw-p, 2-4 rw-p
      munlock 0x100fff 1  #= OK
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-4 rw-p
      mlock 0x100000 0xffffffffffffffff  #= OK
      mlock 0x100000 0xfffffffffffff000  #= ERR EINVAL
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-4 rw-p
      """),
    Fact(
      "a lock stops at the first hole, and has populated nothing",
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x102000 0x1000 rw private|anon|fixed - 0
      mlock 0x100000 0x3000  #= ERR ENOMEM
      munlock 0x100000 0x1000
      mremap 0x100000 0x1000 0x1000 maymove|fixed 0x110000
      mmap 0x111000 0x1000 rw private|anon|fixed - 0
      dump  #= 2-3 rw-p, 16-18 rw-p
      """),
    Fact(
      "locked memory that can't be populated is locked all the same",
      """
      mmap 0x100000 0x2000 - private|anon|fixed - 0
      mlock 0x100000 0x1000  #= ERR ENOMEM
      dump  #= 0-1 ---p, 1-2 ---p
      mmap 0x104000 0x3000 rw shared|fixed file:A 0xff000
      mlock 0x104000 0x2000  #= ERR ENOMEM
      dump  #= 0-1 ---p, 1-2 ---p, 4-6 rw-s A@255, 6-7 rw-s A@257
      """),
    Fact(
      "what may be locked is limited",
      """
      limit memlock 0x2000
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      mlock 0x100000 0x3000  #= ERR ENOMEM
      mlock 0x100000 0x2000  #= OK
      mlock 0x100000 0x2000  #= OK
      mlock 0x102000 0x1000  #= ERR ENOMEM
      mlock 0x100000 0xfffffffffffff000  #= ERR ENOMEM
      mmap 0x108000 0x1000 rw private|anon|fixed|locked - 0  #= ERR EAGAIN
      munlock 0x100000 0x1000  #= OK
      mmap 0x108000 0x1000 rw private|anon|fixed|locked - 0  #= OK 0x108000
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-4 rw-p, 8-9 rw-p
      """),
    Fact(
      "without the right to lock, and without a limit to do so",
      """
      limit memlock 0
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mlock 0x100000 0x1000  #= ERR EPERM
      mmap 0x101000 0x1000 rw private|anon|fixed|locked - 0  #= ERR EPERM
      munlock 0x100000 0x1000  #= OK
      """),
    Fact(
      "populating writable private memory touches it, read-only memory not",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed|populate - 0
      mremap 0x101000 0x1000 0x1000 maymove|fixed 0x110000
      mmap 0x111000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-1 rw-p, 16-17 rw-p, 17-18 rw-p
      mmap 0x104000 0x2000 r private|anon|fixed|populate - 0
      mremap 0x105000 0x1000 0x1000 maymove|fixed 0x114000
      mmap 0x115000 0x1000 r private|anon|fixed - 0
      dump  #= 0-1 rw-p, 4-5 r--p, 16-17 rw-p, 17-18 rw-p, 20-22 r--p
      """),
    Fact(
      "what can be touched",
      """
      touch 0x100000  #= ERR SIGSEGV
      mmap 0x100000 0x1000 r private|anon|fixed - 0
      mmap 0x101000 0x1000 - private|anon|fixed - 0
      mmap 0x102000 0x2000 rw private|fixed file:A 0xff000
      mmap 0x104000 0x1000 w shared|fixed file:A 0xff000
      touch 0x100000  #= ERR SIGSEGV
      touch 0x101000  #= ERR SIGSEGV
      touch 0x102fff  #= OK
      touch 0x103000  #= ERR SIGBUS
      touch 0x104000  #= OK
      touch 0xffffffffffffffff  #= ERR SIGSEGV
      """),
  ]
}
