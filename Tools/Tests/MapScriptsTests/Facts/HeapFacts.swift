// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

/// Where the break goes, what moves with it, and when it stays.
struct HeapFacts {
  @Test(arguments: mergeFacts + refusalFacts) func holds(_ fact: Fact) throws { try fact.check() }

  /// The heap starts at page 0.
  private static let window = "window 0x100000 0x200000\nheap 0x100000"

  static let mergeFacts = [
    Fact(
      "the heap grows and shrinks by whole pages", window: window,
      """
      brk 0  #= OK 0x100000
      brk 0x102005  #= OK 0x102005
      dump  #= 0-3 rw-p [heap]
      brk 0x103000  #= OK 0x103000
      brk 0x102001  #= OK 0x102001
      dump  #= 0-3 rw-p [heap]
      brk 0x101000  #= OK 0x101000
      dump  #= 0-1 rw-p [heap]
      brk 0x100000  #= OK 0x100000
      dump  #= nothing
      """),
    Fact(
      "it grows in place if what ends at the break is like it", window: window,
      """
      brk 0x102800
      dump  #= 0-3 rw-p [heap]
      touch 0x100009
      dump
      brk 0x105000
      dump  #= 0-5 rw-p [heap]
      """),
    Fact(
      "else it is a VMA of its own", window: window,
      """
      brk 0x103000
      dump
      mprotect 0x102000 0x1000 r
      dump
      brk 0x105000
      dump  #= 0-2 rw-p [heap], 2-3 r--p [heap], 3-5 rw-p [heap]
      """),
    Fact(
      "it also merges with what others mapped in it, and shrinks over that", window: window,
      """
      brk 0x103000
      dump
      munmap 0x102000 0x1000
      dump
      brk 0x105000
      dump  #= 0-2 rw-p [heap], 3-5 rw-p [heap]
      mmap 0x102000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-5 rw-p [heap]
      brk 0x101800
      dump  #= 0-2 rw-p [heap]
      """),
    Fact(
      "it can't come back over a hole up to the break", window: window,
      """
      brk 0x103000
      dump
      munmap 0x101000 0x2000
      dump
      brk 0x102000  #= OK 0x103000
      dump
      brk 0x104000
      dump  #= 0-1 rw-p [heap], 3-4 rw-p [heap]
      """),
    Fact(
      "it grows up to a page before what it could merge with", window: window,
      """
      mmap 0x106000 0x2000 rw private|anon|fixed - 0
      dump
      brk 0x106000  #= OK 0x100000
      dump
      brk 0x105000  #= OK 0x105000
      dump  #= 0-5 rw-p [heap], 6-8 rw-p
      mmap 0x105000 0x1000 rw private|anon|fixed - 0
      dump  #= 0-8 rw-p [heap]
      """),
    // As where the program's data ends at the heap's start: without address randomisation.
    Fact(
      "it doesn't merge with what is below its start, but what is mapped in it does",
      window: "window 0x100000 0x40000\nheap 0x104000",
      """
      mmap 0x102000 0x2000 rw private|anon|fixed - 0
      touch 0x102000
      brk 0x106000
      dump  #= 2-4 rw-p, 4-6 rw-p [heap]
      munmap 0x104000 0x2000
      mmap 0x104000 0x1000 rw private|anon|fixed - 0
      dump  #= 2-5 rw-p [heap]
      brk 0x107000
      dump  #= 2-5 rw-p [heap], 6-7 rw-p [heap]
      """),
    Fact(
      "a child has its parent's heap", window: window,
      """
      brk 0x102000
      touch 0x100000
      fork
      brk 0  #= OK 0x102000
      brk 0x104000
      dump  #= 0-2 rw-p [heap], 2-4 rw-p [heap]
      """),
  ]

  static let refusalFacts = [
    Fact(
      "the break stays where it is instead of going where it can't", window: window,
      """
      brk 0x102000  #= OK 0x102000
      brk 0xfffff  #= OK 0x102000
      brk 0x800000000000  #= OK 0x102000
      brk 0xfffffffffffffffa  #= OK 0x102000
      mmap 0x108000 0x1000 r private|anon|fixed - 0
      brk 0x107001  #= OK 0x102000
      brk 0x107000  #= OK 0x107000
      brk 0x109000  #= OK 0x107000
      dump  #= 0-7 rw-p [heap], 8-9 r--p
      """),
    Fact(
      "it keeps the guard gap", window: window,
      """
      mmap 0x22c000 0x1000 rw private|anon|fixed|growsdown - 0
      brk 0x12b001  #= OK 0x100000
      brk 0x12b000  #= OK 0x12b000
      """),
    Fact(
      "it obeys the limit on data, which is one on the heap's extent too", window: window,
      """
      limit data 0x4000
      brk 0x104001  #= OK 0x100000
      brk 0x104000  #= OK 0x104000
      munmap 0x100000 0x3000
      brk 0x104001  #= OK 0x104000
      brk 0x103001  #= OK 0x103001
      dump  #= 3-4 rw-p [heap]
      """),
    Fact(
      "it obeys the limit on the address space", window: window,
      """
      limit as 0x6000
      brk 0x106001  #= OK 0x100000
      brk 0x106000  #= OK 0x106000
      mmap 0x110000 0x1000 r private|anon|fixed - 0  #= ERR ENOMEM
      """),
    Fact(
      "it obeys the number of VMAs, also where it would grow in place", window: window,
      """
      limit maps 1
      mmap 0x120000 0x1000 r private|anon|fixed - 0
      mmap 0x122000 0x1000 r private|anon|fixed - 0
      brk 0x101000  #= OK 0x100000
      munmap 0x122000 0x1000
      brk 0x101000  #= OK 0x101000
      brk 0x102000  #= OK 0x101000
      """),
  ]
}
