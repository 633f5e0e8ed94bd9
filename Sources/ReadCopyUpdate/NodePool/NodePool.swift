// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims
public import _SystemShims

/// Fixed-size blocks for the nodes of one store, recycled after a grace period.
///
/// `malloc` doubles the cost of a path-copying update, and freeing on another thread than the one
/// that allocated costs ten times that; a pool that its writer owns costs a few loads and stores.
///
/// The writer allocates, publishes, and hands back: ``free(_:sizeClass:)`` for a block that no
/// reader has seen, ``retire(_:sizeClass:)`` for one that readers may still see. Retired blocks
/// gather in a batch, a list per size. Now and then the writer takes the cookie of a grace period,
/// and scans the readers from time to time: when it has passed, the batch can be used again, at
/// once if nobody reads. If readers stay for so long that batches accumulate, and by ``flush()``,
/// one goes to the domain's reclaimer, which gives it back after a grace period without touching a
/// block: the lists of addresses are all that travels. The blocks have left the nearest caches
/// meanwhile, and are fetched again while the writer still works on others. A block that the owner
/// must keep for longer it doesn't retire: it gives it back when no reader can see it any more,
/// with `PoolShared.giveBack(kept:)`.
///
/// A reader that stays, since its thread has lost the processor, say, would keep all that is
/// retired meanwhile from use. But if its section is a snapshot section
/// (``RCUDomain/withSnapshotReadSection(_:_:)``), it can only see what there was when it began, and
/// soon most of what is retired has been made since. So the owner numbers its publications, the
/// *transactions*, and says of each block that it retires whether that is *recent*: of a later
/// transaction than the first cookie after such readers had come: the ``CutOff``. Recent blocks
/// don't wait for these, and so aren't left to the reclaimer, which would.
///
/// Threads: the owner's writer only, one at a time. The reclaimer meets it in `PoolShared`.
///
/// Invariants:
/// - A block is in exactly one place: live, on its class's free list, among its retired ones, in
///   the batch that is put together, in one that waits or is under way, on a list that has passed
///   or is reusable, among the kept ones that have come back, or not cut yet from the class's last
///   slab.
/// - All blocks of a batch have been retired before its cookie is taken.
/// - A recent block was born after the cut-off, or, if it was retired before that was chosen last,
///   after the one before.
/// - `limboBytes` = bytes retired and in batches that wait or are under way.
/// - `reservedBytes` = bytes of slabs.
@safe
@usableFromInline
package struct NodePool<Flavor: RCUFlavor>: ~Copyable {
  // What every change looks at comes first: it is in two cache lines then.
  /// Bytes retired and not yet recycled.
  @usableFromInline package var limboBytes = 0
  // Raw, not an array: read and changed by every allocation. Reached by `pointee`: this compiler
  // instruments a change through a pointer's subscript wrongly for ThreadSanitizer.
  @usableFromInline let sizeClasses: UnsafeMutablePointer<SizeClass>
  // By the low bits of words: the recent blocks of all classes come last.
  @usableFromInline let retired: UnsafeMutablePointer<RetiredBlocks>
  // Bytes that have been retired, and are in no batch yet.
  @usableFromInline var batchedBytes = 0
  // How many they are when something is to be done with them, or with a batch before them.
  @usableFromInline var nextMaintenanceBytes = Self.minimumStartBytes
  // Recent blocks are of later transactions: `cutOff.transaction`.
  @usableFromInline var recentTransaction: UInt64 = 0
  // The last transaction in which something was retired.
  @usableFromInline var transaction: UInt64 = 0

  /// Bytes of all blocks, live, free and in limbo.
  package internal(set) var reservedBytes = 0
  let sizeClassCount: Int
  // Lists to be filled again.
  var spare = BagQueue()
  // Kept blocks that have come back, with their size classes.
  var kept: [[UInt]] = []
  // How many bytes become a batch, for which the writer takes a cookie.
  var startBytes = Self.minimumStartBytes
  // Who stays inside for longer than this does more than wait for a processor: then the reclaimer
  // waits, and reports it, with what isn't recent.
  var patienceNanoseconds: UInt64 = 100_000_000
  // Batches that wait for the readers of their cookies.
  var waiting: [WaitingBatch] = []
  // Lists whose grace period has passed, until their classes have them.
  var passed = BagQueue()
  // The batches that are put together, and of how many classes they have their blocks already.
  var batch = Batch()
  var recentBatch = Batch()
  var batchClassCount = 0
  // The grace period for these, until they wait.
  var started: (cookie: DatedCookie, scan: ReaderScan)?
  var cutOff = CutOff()
  /// Outlives the pool while batches are under way; `waitForReturn` may be called without the lock.
  package let shared = PoolShared()

  /// Retired bytes of a batch that is handed over. This wakes the reclaimer, which costs as much as
  /// ten updates or twenty: it is to happen less than once in a thousand.
  package static var batchBytes: Int { 5 << 20 }
  /// Retired bytes after which the writer takes a cookie. Where no other thread runs, that costs as
  /// much as one update or two. Where some do, it interrupts their processors, and costs as much as
  /// twenty: each time the next one is put off for twice as long.
  static var minimumStartBytes: Int { 512 << 10 }
  static var maximumStartBytes: Int { 4 << 20 }
  /// Nanoseconds that it takes to interrupt nobody.
  static var cheapInterruption: UInt64 { 4000 }
  /// Retired bytes after which to scan again.
  static var pollBytes: Int { 128 << 10 }
  /// Past this much in limbo the reclaimer waits for the readers that stay inside, with what isn't
  /// recent. What is left up to the limit is for one batch of its.
  static var maximumWaitingBytes: Int { maximumLimboBytes - batchBytes }
  /// Past this much that waits, apart from old blocks, snapshot readers that have come later than
  /// others matter.
  static var maximumRecentBytes: Int { 2 << 20 }
  static var retiredCount: Int { Int(TaggedBlock.mask) + 1 }
  /// Kept blocks that are put on free lists at a time.
  private static var recycledAtOnce: Int { 256 }
  /// How many blocks of the same size are allocated before one that is prefetched. Measured: one is
  /// too few, from two on it makes no difference.
  @inlinable static var prefetchDistance: Int { 2 }
  /// Past this the writer should wait.
  @inlinable package static var maximumLimboBytes: Int { 32 << 20 }

  /// - Parameter blockBytes: bytes of a block, by size class; multiples of a cache line, 64 bytes.
  package init(blockBytes: [Int]) {
    require(
      blockBytes.count <= Int(TaggedBlock.sizeClassMask) + 1
        && blockBytes.allSatisfy { $0 > 0 && $0 % 64 == 0 && $0 <= Slab.minimumBytes },
      "NodePool: at most 8 size classes, each a multiple of 64 bytes, and at most 16 KiB")
    sizeClassCount = blockBytes.count
    unsafe sizeClasses = .allocate(capacity: blockBytes.count)
    for index in blockBytes.indices {
      unsafe (sizeClasses + index).initialize(to: SizeClass(blockBytes: blockBytes[index]))
    }
    // A cache line each.
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

  /// Readers may still see blocks, live ones too: the slabs go after a grace period, and after the
  /// batches under way.
  deinit {
    unsafe sizeClasses.deinitialize(count: sizeClassCount)
    unsafe sizeClasses.deallocate()
    unsafe retired.deinitialize(count: Self.retiredCount)
    unsafe retired.deallocate()
    guard reservedBytes > 0 else { return }
    let shared = self.shared
    Flavor._reclaimer.remove(shared)
    // A deinit doesn't wait, past a limit either.
    Flavor._reclaimer.retire(
      _Retirement(bytes: reservedBytes) { withExtendedLifetime(shared) {} }, mayWait: false)
  }

  /// A block of `blockBytes[sizeClass]` bytes, 64-byte aligned, contents undefined.
  ///
  /// - Complexity: O(1); amortised, with a system allocation per slab.
  @inlinable
  @inline(__always)
  @unsafe
  package mutating func allocate(sizeClass: Int) -> UnsafeMutableRawPointer {
    // Safety: a stack of free blocks holds addresses of blocks, and 0 means empty.
    let word = unsafe (sizeClasses + sizeClass).pointee.free.pop()
    prefetch(sizeClass)
    return unsafe UnsafeMutableRawPointer(bitPattern: word) ?? allocateSlow(sizeClass: sizeClass)
  }

  /// Begins to fetch a block that an update soon allocates.
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

  /// Takes back a block that readers may still see, but no new one will: call it after the version
  /// without the block was published.
  @inlinable
  @unsafe
  package mutating func retire(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    let word = unsafe TaggedBlock.make(block, sizeClass, isRecent: false)
    didRetire(bytes: unsafe retire(word))
  }

  /// The same for all of `blocks`: words.
  ///
  /// - Parameter transaction: of the version without them: one more with each version.
  @inlinable
  @unsafe
  package mutating func retire(_ blocks: borrowing WordStack, transaction: UInt64) {
    self.transaction = transaction
    var bytes = 0
    for index in 0..<blocks.count { bytes &+= unsafe retire(blocks.word(at: index)) }
    didRetire(bytes: bytes)
  }

  /// Whether a block that was published in the transaction `transaction` is recent, until something
  /// is retired.
  @inlinable
  @inline(__always)
  package func isRecent(_ transaction: UInt64) -> Bool { transaction > recentTransaction }

  /// - Returns: its bytes.
  @inlinable
  @inline(__always)
  @unsafe
  mutating func retire(_ word: UInt) -> Int {
    let retired = unsafe retired + Int(word & TaggedBlock.mask)
    if unsafe retired.pointee.blocks.isFull { unsafe beginList(retired) }
    unsafe retired.pointee.blocks.pushFetchingAhead(TaggedBlock.address(word))
    return unsafe retired.pointee.blockBytes
  }

  /// Makes room for retired blocks.
  @usableFromInline
  @inline(never)
  @unsafe
  mutating func beginList(_ retired: UnsafeMutablePointer<RetiredBlocks>) {
    unsafe retired.pointee.beginList(&spare)
  }

  @inlinable
  @inline(__always)
  mutating func didRetire(bytes: Int) {
    limboBytes &+= bytes
    batchedBytes &+= bytes
    if batchedBytes >= nextMaintenanceBytes { maintain() }
  }

  /// Whether more is in limbo than ``maximumLimboBytes``. The writer should then leave its lock,
  /// wait with ``PoolShared/waitForReturn(_:)``, and ``scanAgain()``, again and again: within the
  /// lock it would hold up readers, and a deferred call that takes the same lock would never end.
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

  /// Takes what the reclaimer has brought back.
  mutating func collect() {
    for batch in shared.takeReturned() { takeBack(batch) }
    while let list = passed.pop() { takeBack(list) }
  }

  /// Frees the lists that are to be filled again.
  mutating func forgetLists() { spare = BagQueue() }

  /// Puts some kept blocks on the free lists: there may be any number, and no update is to take
  /// much longer for it.
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
