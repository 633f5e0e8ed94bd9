// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims
public import _SystemShims

/// Fixed-size blocks for the nodes of one store, recycled after a grace period.
///
/// With `malloc`, a path-copying update takes twice as long, and freeing on another thread than the
/// allocating one costs ten times that. A pool that only its writer uses costs a few loads and
/// stores.
///
/// The writer allocates blocks, publishes them, and hands them back: with ``free(_:sizeClass:)`` if
/// no reader has seen the block, with ``retire(_:sizeClass:)`` if readers may still see it. Retired
/// blocks are collected in a batch, in a list per size. From time to time, the writer takes the
/// cookie of a grace period, and scans the readers until that period has passed; if nobody reads,
/// it has passed at once. Then the batch's blocks can be reused. If readers stay so long that
/// batches pile up, and in ``flush()``, a batch goes to the domain's reclaimer, which returns it
/// after a grace period without touching a block: only lists of addresses are passed around. The
/// blocks have left the nearest caches by then, and are prefetched while the writer still works on
/// others. If the owner must keep a block for longer, it doesn't retire the block, but gives it
/// back with `PoolShared.giveBack(kept:)` when no reader can see it any more.
///
/// A reader that stays inside, for example because its thread was preempted, would keep everything
/// that is retired meanwhile from being reused. But a reader in a snapshot section
/// (``RCUDomain/withSnapshotReadSection(_:_:)``) can see only what existed when the section began,
/// and most of what is retired a little later was made after that. So the owner numbers its
/// publications, the *transactions*, and marks a retired block as *recent* if its transaction is
/// later than the first cookie that was taken after such readers began: the ``CutOff``. Recent
/// blocks don't wait for these readers, and therefore aren't left to the reclaimer, which would.
///
/// Threads: only the owner's writer, one at a time. It exchanges data with the reclaimer through
/// `PoolShared`.
///
/// Invariants:
/// - A block is in exactly one place: live; on its class's free list; among its class's retired
///   blocks; in the batch that is being assembled; in a batch that waits or is in progress; on a
///   list that has passed or is reusable; among the kept blocks that have come back; or not yet
///   carved from the class's last slab.
/// - All blocks of a batch have been retired before its cookie is taken.
/// - A recent block was born after the cut-off or, if it was retired before the cut-off was last
///   chosen, after the previous cut-off.
/// - `limboBytes` = the bytes that are retired, and those in batches that wait or are in progress.
/// - `reservedBytes` = the bytes of all slabs.
@safe
@usableFromInline
package struct NodePool<Flavor: RCUFlavor>: ~Copyable {
  // What every change uses comes first, in two cache lines.
  /// Bytes that are retired and not yet reusable.
  @usableFromInline package var limboBytes = 0
  // A raw pointer instead of an array, since every allocation reads and changes it. Accessed
  // through `pointee`: this compiler's instrumentation for ThreadSanitizer of a change through a
  // pointer's subscript is wrong.
  @usableFromInline let sizeClasses: UnsafeMutablePointer<SizeClass>
  // Indexed by the low bits of tagged words: the recent blocks of all classes come last.
  @usableFromInline let retired: UnsafeMutablePointer<RetiredBlocks>
  // Bytes that have been retired and aren't in a batch yet.
  @usableFromInline var batchedBytes = 0
  // The value of `batchedBytes` at which these blocks, or a batch before them, need attention.
  @usableFromInline var nextMaintenanceBytes = Self.minimumStartBytes
  // Blocks of later transactions are recent: `cutOff.transaction`.
  @usableFromInline var recentTransaction: UInt64 = 0
  // The last transaction in which something was retired.
  @usableFromInline var transaction: UInt64 = 0

  /// Bytes of all blocks, live, free and in limbo.
  package internal(set) var reservedBytes = 0
  let sizeClassCount: Int
  // Lists to be filled again.
  var spare = BagQueue()
  // Kept blocks that have come back, as tagged words.
  var kept: [[UInt]] = []
  // The number of bytes that make up a batch, for which the writer takes a cookie.
  var startBytes = Self.minimumStartBytes
  // A reader that stays inside for longer than this isn't just waiting for a processor. Then the
  // reclaimer waits for it with what isn't recent, and the stall is reported.
  var patienceNanoseconds: UInt64 = 100_000_000
  // Batches that wait for readers.
  var waiting: [WaitingBatch] = []
  // Lists whose grace period has passed, until their classes take them back.
  var passed = BagQueue()
  // The batches that are being assembled, and the number of classes whose blocks they have already.
  var batch = Batch()
  var recentBatch = Batch()
  var batchClassCount = 0
  // The grace period for these batches, until they wait.
  var started: (cookie: DatedCookie, scan: ReaderScan)?
  var cutOff = CutOff()
  /// Outlives the pool while batches are in progress. `waitForReturn` may be called without the
  /// lock.
  package let shared = PoolShared()

  /// The retired bytes that make up a batch for the reclaimer. Waking the reclaimer costs as much
  /// as ten or twenty updates, so it should happen less than once in a thousand.
  package static var batchBytes: Int { 5 << 20 }
  /// The retired bytes after which the writer takes a cookie. If no other thread runs, this costs
  /// as much as one or two updates. Otherwise it interrupts other processors, and costs as much as
  /// twenty; then the next one is put off for twice as long.
  static var minimumStartBytes: Int { 512 << 10 }
  static var maximumStartBytes: Int { 4 << 20 }
  /// The nanoseconds that the interruption takes if there is no thread to interrupt.
  static var cheapInterruption: UInt64 { 4000 }
  /// The retired bytes after which the readers are scanned again.
  static var pollBytes: Int { 128 << 10 }
  /// Above this much in limbo, the reclaimer waits for the readers that stay inside, with
  /// everything that isn't recent. The rest up to the limit is room for one of its batches.
  static var maximumWaitingBytes: Int { maximumLimboBytes - batchBytes }
  /// If more than this waits, not counting old blocks, snapshot readers that began later than
  /// others matter.
  static var maximumRecentBytes: Int { 2 << 20 }
  static var retiredCount: Int { Int(TaggedBlock.mask) + 1 }
  /// The number of kept blocks that are put on free lists at a time.
  private static var recycledAtOnce: Int { 256 }
  /// A block is prefetched this many allocations of its size before it is used. Measured: one is
  /// too few; from two on it makes no difference.
  @inlinable static var prefetchDistance: Int { 2 }
  /// Above this, the writer should wait.
  @inlinable package static var maximumLimboBytes: Int { 32 << 20 }

  /// - Parameter blockBytes: the size of a block, by size class; a multiple of a cache line, 64
  ///   bytes.
  package init(blockBytes: [Int]) {
    require(
      blockBytes.count <= Int(TaggedBlock.sizeClassMask) + 1
        && blockBytes.allSatisfy { $0 > 0 && $0 % 64 == 0 && $0 <= Slab.smallBytes },
      "NodePool: there may be at most 8 sizes, each a multiple of 64 bytes and at most 16 KiB")
    sizeClassCount = blockBytes.count
    unsafe sizeClasses = .allocate(capacity: blockBytes.count)
    for index in blockBytes.indices {
      unsafe (sizeClasses + index).initialize(to: SizeClass(blockBytes: blockBytes[index]))
    }
    // Each has a cache line of its own.
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.retiredCount * MemoryLayout<RetiredBlocks>.stride, alignment: 64)
    unsafe retired = memory.bindMemory(to: RetiredBlocks.self, capacity: Self.retiredCount)
    for index in 0..<Self.retiredCount {
      let sizeClass = TaggedBlock.sizeClass(UInt(index))
      let bytes = sizeClass < blockBytes.count ? blockBytes[sizeClass] : 0
      unsafe (retired + index).initialize(
        to: RetiredBlocks(sizeClass: sizeClass, blockBytes: bytes))
    }
  }

  /// Readers may still see blocks, even live ones, so the slabs are freed after a grace period, and
  /// after the batches in progress.
  deinit {
    unsafe sizeClasses.deinitialize(count: sizeClassCount)
    unsafe sizeClasses.deallocate()
    unsafe retired.deinitialize(count: Self.retiredCount)
    unsafe retired.deallocate()
    guard reservedBytes > 0 else { return }
    let shared = self.shared
    Flavor._reclaimer.remove(shared)
    // A deinit never waits, even past a limit.
    Flavor._reclaimer.retire(
      _Retirement(bytes: reservedBytes) { withExtendedLifetime(shared) {} }, mayWait: false)
  }

  /// A block of `blockBytes[sizeClass]` bytes, 64-byte aligned, with undefined contents.
  ///
  /// - Complexity: amortised O(1), with a system allocation per slab.
  @inlinable
  @inline(__always)
  @unsafe
  package mutating func allocate(sizeClass: Int) -> UnsafeMutableRawPointer {
    // Safety: a stack of free blocks holds addresses of blocks; 0 means empty.
    let word = unsafe (sizeClasses + sizeClass).pointee.free.pop()
    prefetch(sizeClass)
    return unsafe UnsafeMutableRawPointer(bitPattern: word) ?? allocateSlow(sizeClass: sizeClass)
  }

  /// Starts to prefetch a block that an update will soon allocate.
  @inlinable
  @inline(__always)
  func prefetch(_ sizeClass: Int) {
    let word = unsafe (sizeClasses + sizeClass).pointee.free.word(belowTop: Self.prefetchDistance)
    unsafe sysshims_prefetch_for_writing(word, (sizeClasses + sizeClass).pointee.blockBytes)
  }

  /// Takes back a block that no reader has seen.
  @inlinable
  @inline(__always)
  @unsafe
  package mutating func free(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    unsafe (sizeClasses + sizeClass).pointee.free.push(UInt(bitPattern: block))
  }

  /// Takes back a block that readers may still see, but new readers can't: call it after publishing
  /// the version without the block.
  @inlinable
  @unsafe
  package mutating func retire(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    let word = unsafe TaggedBlock.make(block, sizeClass, isRecent: false)
    didRetire(bytes: unsafe retire(word))
  }

  /// The same for all of `blocks`, which are tagged words.
  ///
  /// - Parameter transaction: that of the version without these blocks. It increases by one with
  ///   each version.
  @inlinable
  @unsafe
  package mutating func retire(_ blocks: borrowing WordStack, transaction: UInt64) {
    self.transaction = transaction
    var bytes = 0
    for index in 0..<blocks.count { bytes &+= unsafe retire(blocks.word(at: index)) }
    didRetire(bytes: bytes)
  }

  /// Whether a block that was published in `transaction` is recent. Valid until something is
  /// retired.
  @inlinable
  @inline(__always)
  package func isRecent(_ transaction: UInt64) -> Bool { transaction > recentTransaction }

  /// - Returns: the block's size in bytes.
  @inlinable
  @inline(__always)
  @unsafe
  mutating func retire(_ word: UInt) -> Int {
    let retired = unsafe retired + Int(word & TaggedBlock.mask)
    if unsafe retired.pointee.blocks.isFull { unsafe makeRoom(retired) }
    unsafe retired.pointee.blocks.pushFetchingAhead(TaggedBlock.address(word))
    return unsafe retired.pointee.blockBytes
  }

  /// Makes room for retired blocks.
  @usableFromInline
  @inline(never)
  @unsafe
  mutating func makeRoom(_ retired: UnsafeMutablePointer<RetiredBlocks>) {
    unsafe retired.pointee.makeRoom(&spare)
  }

  @inlinable
  @inline(__always)
  mutating func didRetire(bytes: Int) {
    limboBytes &+= bytes
    batchedBytes &+= bytes
    if batchedBytes >= nextMaintenanceBytes { maintain() }
  }

  /// Whether more than ``maximumLimboBytes`` is in limbo. The writer should then leave its lock,
  /// and alternate ``PoolShared/waitForReturn(_:)`` with ``scanAgain()``. Under the lock, it would
  /// hold up readers, and a deferred call that takes the same lock would never end.
  @inlinable
  @inline(__always)
  package var isOverLimit: Bool { limboBytes > Self.maximumLimboBytes }

  @usableFromInline
  @inline(never)
  mutating func allocateSlow(sizeClass: Int) -> UnsafeMutableRawPointer {
    collect()
    let sizeClass = unsafe sizeClasses + sizeClass
    while true {
      let word = unsafe sizeClass.pointee.free.pop()
      if let block = unsafe UnsafeMutableRawPointer(bitPattern: word) { return unsafe block }
      if unsafe sizeClass.pointee.refill(&spare) || recycleKept()
        || sizeClass.pointee.carveBlocks()
      {
        continue
      }
      unsafe addSlab(sizeClass)
    }
  }

  // MARK: Recycling

  /// Takes back what the reclaimer has returned.
  mutating func collect() {
    for batch in shared.takeReturned() { takeBack(batch) }
    while let list = passed.pop() { takeBack(list) }
  }

  /// Frees the lists that are waiting to be filled again.
  mutating func forgetLists() { spare = BagQueue() }

  /// Puts some of the kept blocks on the free lists. There may be any number of them, and no update
  /// should take much longer because of that.
  ///
  /// - Returns: whether there were any.
  mutating func recycleKept() -> Bool {
    guard var words = kept.popLast() else { return false }
    let count = min(words.count, Self.recycledAtOnce)
    for word in words.suffix(count) {
      let sizeClass = unsafe sizeClasses + TaggedBlock.sizeClass(word)
      unsafe sizeClass.pointee.takeBack(TaggedBlock.address(word))
    }
    words.removeLast(count)
    if !words.isEmpty { kept.append(words) }
    return true
  }
}
