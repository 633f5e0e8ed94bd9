// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// One state of an address space: immutable once published, and reached through a single pointer.
///
/// A reader that loads this pointer has everything: the tree, and the numbers of the whole space.
/// Every update writes a version anew, so it fits into two cache lines.
@safe
struct Version: BitwiseCopyable {
  var tree = Tree()
  /// The value of the sequence counter after the write section that published the version: even.
  var generation: UInt64 = 0
  /// The number of that write section. The version's nodes carry this number or a smaller one.
  var transaction: UInt64 = 0
  /// The number of VMAs.
  var mapCount: Int {
    get { Int(mapCountValue) }
    set { mapCountValue = UInt32(newValue) }
  }
  private var mapCountValue: UInt32 = 0
  /// The flags of `[vsyscall]`, which is printed last and never found by queries; 0 if there is
  /// none.
  var gateFlags: VMAFlags {
    get { VMAFlags(rawValue: UInt64(gateFlagsValue)) }
    set { gateFlagsValue = UInt32(newValue.rawValue) }
  }
  private var gateFlagsValue: UInt32 = 0
  /// The number of mapped pages, in all VMAs.
  var pageCount: UInt64 = 0
  /// The heap: a VMA is `[heap]` if it starts below `breakEnd` and ends above `breakStart`.
  var breakStart: UInt64 = 0
  var breakEnd: UInt64 = 0
  /// A VMA is `[stack]` if this address lies in it or at its end. The largest number if there is no
  /// stack.
  var stackStart: UInt64 = .max
  // Readers of the map don't look at what follows: it is in cache lines of its own.
  /// The pages of private writable VMAs, which `RLIMIT_DATA` bounds.
  var dataPages: UInt64 = 0
  /// The pages of locked VMAs, and those that `mremap` unlocked without unmapping them, which the
  /// kernel continues to count: `locked_vm`.
  var lockedPages: UInt64 = 0
  /// The pages of VMAs that may be shared.
  var sharedPages: UInt64 = 0
  /// The pages of private VMAs of files.
  var filePages: UInt64 = 0
  var executablePages: UInt64 = 0
  /// The pages that are writable and executable at once.
  var writableExecutablePages: UInt64 = 0

  /// Whether a VMA with this range belongs to the heap; for the range of several VMAs, whether one
  /// may.
  @inline(__always)
  func meetsHeap(_ start: UInt64, _ end: UInt64) -> Bool { start < breakEnd && end > breakStart }

  /// The same for the stack.
  @inline(__always)
  func meetsStack(_ start: UInt64, _ end: UInt64) -> Bool {
    start <= stackStart && stackStart <= end
  }

  /// Counts a VMA in.
  @inline(__always)
  mutating func count(adding record: Record) {
    mapCount += 1
    count(record, record.pageCount)
  }

  /// Counts a VMA out.
  @inline(__always)
  mutating func count(removing record: Record) {
    mapCount -= 1
    count(record, 0 &- record.pageCount)
  }

  /// Adds `pages` to the counts to which a VMA with the flags and the object of `record` belongs.
  @inline(__always)
  private mutating func count(_ record: Record, _ pages: UInt64) {
    let flags = record.flags
    pageCount &+= pages
    dataPages &+= Record.isData(flags) ? pages : 0
    // Most VMAs that come and go are plain anonymous memory.
    if record.object != 0 || !flags.isDisjoint(with: [.locked, .mayShare, .execute]) {
      countSeldom(record, pages)
    }
  }

  @inline(never)
  private mutating func countSeldom(_ record: Record, _ pages: UInt64) {
    let flags = record.flags
    lockedPages &+= flags.contains(.locked) ? pages : 0
    sharedPages &+= flags.contains(.mayShare) ? pages : 0
    filePages &+= record.isPrivateFile ? pages : 0
    executablePages &+= flags.contains(.execute) ? pages : 0
    writableExecutablePages &+= flags.contains([.write, .execute]) ? pages : 0
  }

  /// The addresses of the gate page on x86-64.
  static var gateStart: UInt64 { 0xffff_ffff_ff60_0000 }
  static var gateEnd: UInt64 { gateStart + .page }
}
