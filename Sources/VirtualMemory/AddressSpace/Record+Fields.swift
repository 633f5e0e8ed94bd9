// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// How a record of the tree describes a VMA: `struct vm_area_struct`.
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

  /// The number of the `anon_vma`; 0 until something is written to the VMA's private pages. Two
  /// VMAs with different numbers never merge.
  @inline(__always)
  var anonVMA: UInt32 {
    get { UInt32(truncatingIfNeeded: words.first &>> 32) }
    set { words.first = words.first & 0xffff_ffff | UInt64(newValue) &<< 32 }
  }

  /// `vm_pgoff`, in pages. For private anonymous memory, the address at which it was mapped, in
  /// pages.
  @inline(__always)
  var pageOffset: UInt64 {
    get { words.second }
    set { words.second = newValue }
  }

  /// The ``MapObject`` that the VMA maps, or 0 for anonymous memory without a name.
  @inline(__always)
  var object: UInt {
    get { UInt(words.third) }
    set { words.third = UInt64(newValue) }
  }

  /// The access, if this is a VMA of private anonymous memory without a name; most readers need
  /// nothing else about those. 0 for other VMAs, and for a VMA that allows no access.
  @inline(__always)
  var tag: UInt64 {
    object == 0 && !flags.contains(.mayShare) ? flags.rawValue & VMAFlags.access.rawValue : 0
  }

  var pageCount: UInt64 { (end - start) / .page }

  /// The part of the VMA in `start..<end`; `nil` if that is empty.
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
  /// The ``Record/tag`` of the record at `index`: the access, if this is a VMA of private anonymous
  /// memory without a name; otherwise 0.
  @inline(__always)
  func plainAccess(_ index: Int) -> UInt64 { tag(index) }
}
