// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// How mappings grow down.
struct StackFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  /// A window of 512 pages: page 300 is at 0x22c000.
  private static let window = "window 0x100000 0x200000"

  static let facts = [
    Fact(
      "a write below moves the start down, at any distance", window: window,
      """
      mmap 0x22c000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x22bfff  #= OK
      dump  #= 299-301 rw-p
      touch 0x164000  #= OK
      dump  #= 100-301 rw-p
      """),
    Fact(
      "the size after growth is limited", window: window,
      """
      limit stack 0x5000
      mmap 0x22c000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x228000  #= OK
      touch 0x227000  #= ERR SIGSEGV
      dump  #= 296-301 rw-p
      """),
    Fact(
      "an accessible mapping below keeps its distance", window: window,
      """
      mmap 0x12c000 0x1000 r private|anon|fixed - 0
      mmap 0x22e000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x22d000  #= OK
      touch 0x22c000  #= ERR SIGSEGV
      dump  #= 44-45 r--p, 301-303 rw-p
      """),
    Fact(
      "an inaccessible mapping below may be as near as it likes",
      """
      mmap 0x100000 0x1000 - private|anon|fixed - 0
      mmap 0x103000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x101000  #= OK
      touch 0x100000  #= ERR SIGSEGV
      dump  #= 0-1 ---p, 1-4 rw-p
      """),
    Fact(
      "so may one that grows down too, with which it doesn't merge",
      """
      mmap 0x100000 0x2000 rw private|anon|fixed|growsdown - 0
      mmap 0x104000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x102000  #= OK
      dump  #= 0-2 rw-p, 2-5 rw-p
      """),
    Fact(
      "what can't be written grows before the write fails",
      """
      mmap 0x104000 0x1000 r private|anon|fixed|growsdown - 0
      mmap 0x10c000 0x1000 - private|anon|fixed|growsdown - 0
      touch 0x103000  #= ERR SIGSEGV
      touch 0x10a000  #= ERR SIGSEGV
      dump  #= 3-5 r--p, 10-13 ---p
      """),
    Fact(
      "it grows up to what confines the window",
      window: "window 0x100000 0x10000\nconfine",
      """
      mmap 0x10e000 0x1000 rw private|anon|fixed|growsdown - 0
      touch 0x100000  #= OK
      touch 0xff000  #= ERR SIGSEGV
      dump  #= 0-15 rw-p
      """),
    Fact(
      "growth counts against the limits", window: window,
      """
      limit as 0x3000
      limit memlock 0x1000
      mmap 0x22c000 0x1000 rw private|anon|fixed|growsdown|locked - 0
      touch 0x22b000  #= ERR SIGSEGV
      munlock 0x22c000 0x1000
      touch 0x22a000  #= OK
      touch 0x229000  #= ERR SIGSEGV
      dump  #= 298-301 rw-p
      """),
  ]
}

/// What queries find.
struct QueryFacts {
  @Test(arguments: facts) func holds(_ fact: Fact) throws { try fact.check() }

  static let facts = [
    Fact(
      "a query finds what covers the address, or with next what follows",
      """
      mmap 0x101000 0x1000 rw private|anon|fixed - 0
      mmap 0x103000 0x2000 r shared|fixed file:B 0x5000
      mmap 0x106000 0x1000 rx shared|anon|fixed - 0
      query 0x101800 -  #= OK 00101000-00102000 rw-p 00000000 00:00 0
      query 0x102000 -  #= ERR ENOENT
      query 0x102000 next  #= OK 00103000-00105000 r--s 00005000 00:01 2 /tmp/trace/B
      query 0x106fff s|file  #= OK 00106000-00107000 r-xs 00000000 00:01 0 /dev/zero (deleted)
      query 0x107000 next  #= ERR ENOENT
      query 0xffffffffffffffff next  #= ERR ENOENT
      """),
    Fact(
      "a filter that fails ends the query, or with next leads it on",
      """
      mmap 0x101000 0x1000 rw private|anon|fixed - 0
      mmap 0x103000 0x1000 r shared|fixed file:A 0
      mmap 0x105000 0x1000 rx private|anon|fixed - 0
      query 0x101000 r  #= OK 00101000-00102000 rw-p 00000000 00:00 0
      query 0x101000 r|w  #= OK 00101000-00102000 rw-p 00000000 00:00 0
      query 0x101000 x  #= ERR ENOENT
      query 0x101000 x|next  #= OK 00105000-00106000 r-xp 00000000 00:00 0
      query 0x101000 file|next  #= OK 00103000-00104000 r--s 00000000 00:01 1 /tmp/trace/A
      query 0x101000 s  #= ERR ENOENT
      query 0x101000 0x40  #= ERR EINVAL
      """),
  ]
}
