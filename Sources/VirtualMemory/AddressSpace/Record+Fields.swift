// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What a record of the tree says about a VMA: `struct vm_area_struct`.
extension Record {
  @inline(__always)
  init(
    start: UInt64, end: UInt64, flags: VMAFlags, anonVMA: UInt32 = 0, pageOffset: UInt64,
    object: UInt
  ) {
    self.init(
      start: start, end: end,
      words: Words(
        first: flags.rawValue | UInt64(anonVMA) &<< 32, second: pageOffset,
        third: UInt64(object)))
  }

  /// `vm_flags`.
  @inline(__always)
  var flags: VMAFlags {
    get { VMAFlags(rawValue: words.first & 0xffff_ffff) }
    set { words.first = words.first & ~0xffff_ffff | newValue.rawValue }
  }

  /// The number of the `anon_vma`: 0 until something has been written to the VMA's private pages.
  /// Two VMAs with different ones never merge.
  @inline(__always)
  var anonVMA: UInt32 {
    get { UInt32(truncatingIfNeeded: words.first &>> 32) }
    set { words.first = words.first & 0xffff_ffff | UInt64(newValue) &<< 32 }
  }

  /// `vm_pgoff`, in pages. Of private anonymous memory: its address when it was mapped, in pages.
  @inline(__always)
  var pageOffset: UInt64 {
    get { words.second }
    set { words.second = newValue }
  }

  /// The ``MapObject`` that the VMA shows, or 0 for anonymous memory without a name.
  @inline(__always)
  var object: UInt {
    get { UInt(words.third) }
    set { words.third = UInt64(newValue) }
  }

  /// The access of a VMA of private anonymous memory without a name, of which most readers need to
  /// know no more. 0 for any other VMA, and for one that allows nothing.
  @inline(__always)
  var tag: UInt64 {
    object == 0 && !flags.contains(.mayShare) ? flags.rawValue & VMAFlags.access.rawValue : 0
  }

  var pageCount: UInt64 { (end - start) / .page }

  /// The part of the VMA in `start..<end`, or `nil` if that is empty.
  func part(_ start: UInt64, _ end: UInt64) -> Record? {
    guard start < end else { return nil }
    var part = self
    part.start = start
    part.end = end
    part.pageOffset = pageOffset &+ (start &- self.start) / .page
    return part
  }
}

extension Leaf {
  /// ``Record/tag`` of the record at `index`: the access of a VMA of private anonymous memory
  /// without a name, else 0.
  @inline(__always)
  func plainAccess(_ index: Int) -> UInt64 { tag(index) }
}
