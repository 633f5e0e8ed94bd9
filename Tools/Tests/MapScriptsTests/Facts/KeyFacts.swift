// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// Memory that is only executable, on processors with protection keys and without.
struct KeyFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  static let facts = [
    Fact(
      "with keys, execute-only memory of every kind is locked, but can't be populated",
      on: .withExecuteOnlyKeys,
      """
      mmap 0x100000 0x1000 x private|anon|fixed - 0
      mmap 0x102000 0x1000 x shared|anon|fixed - 0
      mmap 0x104000 0x1000 x private|fixed file:A 0
      mmap 0x106000 0x1000 x shared|fixed file:RO 0
      mlock 0x100000 0x1000  #= ERR ENOMEM
      mlock 0x102000 0x1000  #= ERR ENOMEM
      mlock 0x104000 0x1000  #= ERR ENOMEM
      mlock 0x106000 0x1000  #= ERR ENOMEM
      mmap 0x101000 0x1000 x private|anon|fixed|locked - 0  #= OK 0x101000
      dump  #= 0-2 --xp, 2-3 --xs shm@0, 4-5 --xp A@0, 6-7 --xs RO@0
      """),
    Fact(
      "without keys, it is populated like any other",
      on: .withoutExecuteOnlyKeys,
      """
      mmap 0x100000 0x1000 x private|anon|fixed - 0
      mmap 0x102000 0x1000 x shared|anon|fixed - 0
      mmap 0x104000 0x1000 x private|fixed file:A 0
      mmap 0x106000 0x1000 x shared|fixed file:RO 0
      mlock 0x100000 0x1000  #= OK
      mlock 0x102000 0x1000  #= OK
      mlock 0x104000 0x1000  #= OK
      mlock 0x106000 0x1000  #= OK
      """),
    Fact(
      "what can be read or written too has no key",
      """
      mmap 0x100000 0x1000 rx private|anon|fixed - 0
      mmap 0x102000 0x1000 wx private|anon|fixed - 0
      mmap 0x104000 0x1000 x|sem private|anon|fixed - 0
      mlock 0x100000 0x1000  #= OK
      mlock 0x102000 0x1000  #= OK
      mlock 0x104000 0x1000  #= OK
      """),
    Fact(
      "with keys, population stops at execute-only memory; the rest is locked without it",
      on: .withExecuteOnlyKeys,
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 x private|anon|fixed - 0
      mmap 0x102000 0x1000 rw private|anon|fixed - 0
      mlock 0x100000 0x3000  #= ERR ENOMEM
      munmap 0x101000 0x1000
      mremap 0x102000 0x1000 0x1000 maymove|fixed 0x101000
      dump  #= 0-2 rw-p
      """),
    Fact(
      "without keys, what lies behind is populated too, and was touched apart then",
      on: .withoutExecuteOnlyKeys,
      """
      mmap 0x100000 0x1000 rw private|anon|fixed - 0
      mmap 0x101000 0x1000 x private|anon|fixed - 0
      mmap 0x102000 0x1000 rw private|anon|fixed - 0
      mlock 0x100000 0x3000  #= OK
      munmap 0x101000 0x1000
      mremap 0x102000 0x1000 0x1000 maymove|fixed 0x101000
      dump  #= 0-1 rw-p, 1-2 rw-p
      """),
    Fact(
      "what is populated along with a mapping or its growth may be execute-only",
      """
      mmap 0x100000 0x1000 x private|anon|fixed|populate - 0  #= OK 0x100000
      mmap 0x104000 0x1000 x private|anon|fixed|locked - 0  #= OK 0x104000
      mremap 0x104000 0x1000 0x3000 -  #= OK 0x104000
      mprotect 0x104000 0x1000 rx  #= OK
      mlock 0x104000 0x1000  #= OK
      dump  #= 0-1 --xp, 4-5 r-xp, 5-7 --xp
      """),
    Fact(
      "with keys, another protection takes the key away, and execute-only brings it back",
      on: .withExecuteOnlyKeys,
      """
      mmap 0x100000 0x2000 x private|anon|fixed - 0
      mprotect 0x100000 0x1000 r  #= OK
      mlock 0x100000 0x1000  #= OK
      munlock 0x100000 0x1000  #= OK
      mprotect 0x100000 0x1000 x  #= OK
      mlock 0x100000 0x1000  #= ERR ENOMEM
      munlock 0x100000 0x1000  #= OK
      dump  #= 0-2 --xp
      mprotect 0x100000 0x1000 x|sem  #= OK
      dump  #= 0-1 --xp, 1-2 --xp
      mlock 0x100000 0x1000  #= OK
      """),
    Fact(
      "with keys, execute-only memory without one stays apart",
      on: .withExecuteOnlyKeys,
      """
      mmap 0x100000 0x1000 x private|anon|fixed - 0
      mmap 0x101000 0x1000 x|sem private|anon|fixed - 0
      mmap 0x102000 0x1000 x private|anon|fixed - 0
      mmap 0x103000 0x1000 x private|anon|fixed - 0
      dump  #= 0-1 --xp, 1-2 --xp, 2-4 --xp
      mprotect 0x101000 0x1000 x  #= OK
      dump  #= 0-4 --xp
      """),
    Fact(
      "without keys, there is one kind of execute-only memory",
      on: .withoutExecuteOnlyKeys,
      """
      mmap 0x100000 0x1000 x private|anon|fixed - 0
      mmap 0x101000 0x1000 x|sem private|anon|fixed - 0
      mmap 0x102000 0x1000 x private|anon|fixed - 0
      dump  #= 0-3 --xp
      """),
    Fact(
      "a write fails, and lets what grows down grow",
      """
      mmap 0x104000 0x1000 x private|anon|fixed|growsdown - 0
      touch 0x104000  #= ERR SIGSEGV
      touch 0x102000  #= ERR SIGSEGV
      dump  #= 2-5 --xp
      """),
    Fact(
      "with keys, touched memory shares with what it was part of only while both have one, or none",
      on: .withExecuteOnlyKeys,
      """
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      touch 0x100000
      mprotect 0x100000 0x1000 x
      mprotect 0x102000 0x1000 r
      touch 0x101000
      mprotect 0x100000 0x3000 rw
      dump  #= 0-3 rw-p
      """),
  ]
}
