// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// What a child of `fork` has, and what its VMAs merge with.
struct ForkFacts {
  @Test(arguments: adviceFacts + mergeFacts) func holds(_ fact: Fact) throws { try fact.check() }

  static let adviceFacts = [
    Fact(
      "dontfork memory is not in the child, wipeonfork memory is",
      """
      mmap 0x100000 0x9000 rw private|anon|fixed - 0
      dump  #= 0-9 rw-p
      madvise 0x101000 0x1000 dontfork
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-9 rw-p
      madvise 0x104000 0x2000 wipeonfork
      dump  #= 0-1 rw-p, 1-2 rw-p, 2-4 rw-p, 4-6 rw-p, 6-9 rw-p
      fork  #= OK
      dump  #= 0-1 rw-p, 2-4 rw-p, 4-6 rw-p, 6-9 rw-p
      """),
    Fact(
      "wiped memory counts as untouched: nothing keeps it apart",
      """
      mmap 0x100000 0x6000 rw private|anon|fixed - 0
      dump
      touch 0x100005
      dump
      madvise 0x100000 0x3000 wipeonfork
      dump  #= 0-3 rw-p, 3-6 rw-p
      fork
      dump  #= 0-3 rw-p, 3-6 rw-p
      madvise 0x100000 0x3000 keeponfork
      dump
      """),
    Fact(
      "its pieces merge when they are alike",
      """
      mmap 0x100000 0x6000 rw private|anon|fixed - 0
      madvise 0x100000 0x6000 wipeonfork
      touch 0x100005
      touch 0x104005
      mprotect 0x103000 0x3000 r
      fork
      dump  #= 0-3 rw-p, 3-6 r--p
      mprotect 0x103000 0x3000 rw
      dump  #= 0-6 rw-p
      """),
    Fact(
      "locks are not inherited",
      """
      limit memlock 0x2000
      mmap 0x100000 0x4000 rw private|anon|fixed - 0
      mlock 0x100000 0x2000  #= OK
      mlock 0x102000 0x1000 onfault  #= ERR ENOMEM
      fork
      dump  #= 0-2 rw-p, 2-4 rw-p
      mlock 0x102000 0x2000 onfault  #= OK
      dump  #= 0-2 rw-p, 2-4 rw-p
      """),
  ]

  static let mergeFacts = [
    Fact(
      "untouched memory is the same in parent and child",
      """
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      dump
      fork
      dump
      mmap 0x103000 0x3000 rw private|anon|fixed - 0
      dump  #= 0-6 rw-p
      """),
    Fact(
      "memory that was touched before the fork doesn't merge with new memory after it",
      """
      mmap 0x103000 0x3000 rw private|anon|fixed - 0
      dump
      touch 0x103005
      dump
      fork
      dump
      mmap 0x106000 0x3000 rw private|anon|fixed - 0
      dump  #= 3-6 rw-p, 6-9 rw-p
      """),
    Fact(
      "nor with new memory before it",
      """
      mmap 0x103000 0x3000 rw private|anon|fixed - 0
      dump
      touch 0x103005
      dump
      fork
      dump
      mmap 0x100000 0x3000 rw private|anon|fixed - 0
      dump  #= 0-3 rw-p, 3-6 rw-p
      """),
    Fact(
      "its own pieces do merge",
      """
      mmap 0x103000 0x3000 rw private|anon|fixed - 0
      dump
      touch 0x103005
      dump
      fork
      dump
      mprotect 0x104000 0x1000 r
      dump  #= 3-4 rw-p, 4-5 r--p, 5-6 rw-p
      mprotect 0x104000 0x1000 rw
      dump  #= 3-6 rw-p
      """),
    Fact(
      "what is touched in the child only merges as ever",
      """
      mmap 0x103000 0x3000 rw private|anon|fixed - 0
      dump
      fork
      dump
      touch 0x103005
      dump
      mmap 0x106000 0x3000 rw private|anon|fixed - 0
      dump  #= 3-9 rw-p
      """),
    Fact(
      "two pieces of one touched mapping, each inherited by itself, don't merge",
      """
      mmap 0x100000 0x6000 rw private|anon|fixed - 0
      dump
      touch 0x100005
      dump
      touch 0x104005
      dump
      mprotect 0x103000 0x3000 r
      dump  #= 0-3 rw-p, 3-6 r--p
      fork
      dump
      mprotect 0x103000 0x3000 rw
      dump  #= 0-3 rw-p, 3-6 rw-p
      """),
  ]
}
