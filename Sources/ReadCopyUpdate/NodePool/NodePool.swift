// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

/// Fixed-size blocks for the nodes of one store, recycled after a grace period.
///
/// `malloc` doubles the cost of a path-copying update, and freeing on another thread than the one
/// that allocated costs ten times that; a pool that its writer owns costs a few loads and stores.
///
/// The writer allocates, publishes, and hands back: ``free(_:sizeClass:)`` for a block that no
/// reader has seen, ``retire(_:sizeClass:)`` for one that readers may still see. Retired blocks
/// gather in a batch, a list per size. Now and then the writer looks whether anybody reads: if nobody does,
/// the batch can be used again at once, while it is still in a cache. Past ``batchBytes``, and by
/// ``flush()``, the batch goes to the domain's reclaimer, which gives it back after a grace period without
/// touching a block: the lists of addresses are all that travels. The blocks have left the nearest caches
/// meanwhile, and are fetched again while the writer still works on others. A block that the owner must
/// keep for longer it doesn't retire: it gives it back when no reader can see it any more, with
/// `PoolShared.giveBack(kept:)`.
///
/// A pool that grows cuts its slabs from memory that the reclaimer has made ready: the writer would wait for the
/// system at each fresh page, once in a hundred updates of a store whose readers keep ever more blocks waiting.
/// Where the reclaimer is late, slabs are of the heap.
///
/// Threads: the owner's writer only, one at a time. The reclaimer meets it in `PoolShared`.
///
/// Invariants:
/// - A block is in exactly one place: live, on its class's free list, among its retired ones, in a batch
///   under way, on a list of its class that is reusable, among the kept ones that have come back, or not cut
///   yet from the class's last slab.
/// - `limboBytes` = bytes retired and in batches under way.
/// - `reservedBytes` = bytes of slabs, of ready memory, and of what is ordered and hasn't been taken.
@safe
@usableFromInline
package struct NodePool<Flavor: RCUFlavor>: ~Copyable {
  /// Bytes retired and not yet recycled.
  @usableFromInline package var limboBytes = 0
  /// Bytes of all blocks, live, free and in limbo, and of what is kept ready for more.
  package internal(set) var reservedBytes = 0

  // Raw, not an array: read and changed by every allocation. Reached by `pointee`: this compiler
  // instruments a change through a pointer's subscript wrongly for ThreadSanitizer.
  @usableFromInline let sizeClasses: UnsafeMutablePointer<SizeClass>
  let sizeClassCount: Int
  // Kept blocks that have come back, with their size classes.
  private var kept: [[UInt]] = []
  // Bytes that wait to be handed over.
  @usableFromInline var batchedBytes = 0
  // How many bytes the batch has when the writer looks next whether anybody reads.
  @usableFromInline var nextAttemptBytes = Self.attemptBytesMin
  // How many bytes are retired between two such looks.
  var attemptBytes = Self.attemptBytesMin
  // A look that takes longer has interrupted somebody.
  var cheapAttemptNanoseconds: UInt64 = 4000
  /// Lists that no class has used yet.
  var newLists: [BlockList] = []
  /// What slabs are cut from next.
  var ready = ReadyMemory()
  /// Bytes that the reclaimer makes ready, or has made; counted in ``reservedBytes``.
  var orderedBytes = 0
  /// Outlives the pool while batches are under way; `waitForReturn` may be called without the lock.
  package let shared = PoolShared()

  /// Retired bytes that make a batch. Handing a batch over wakes the reclaimer, which costs as much
  /// as ten updates or twenty: it is to happen less than once in a thousand.
  package static var batchBytes: Int { 5 << 20 }
  /// Retired bytes after which to look whether anybody reads. Where no other thread runs, that costs as
  /// much as one update or two. Where some do, it interrupts their processors, and where they read it is
  /// for nothing: each time the next look is put off for twice as long, up to a whole batch.
  static var attemptBytesMin: Int { 256 << 10 }
  /// Kept blocks that are put on free lists at a time.
  private static var recycledAtOnce: Int { 256 }
  /// How many blocks of the same size are allocated before one that is prefetched. Measured: one is too
  /// few, from two on it makes no difference.
  @inlinable static var prefetchDistance: Int { 2 }
  /// Past this the writer should wait for the reclaimer.
  @inlinable package static var limboBytesMax: Int { 32 << 20 }

  /// - Parameter blockBytes: bytes of a block, by size class; multiples of a cache line, 64 bytes.
  package init(blockBytes: [Int]) {
    precondition(
      blockBytes.count <= Int(SizeClass.mask) + 1
        && blockBytes.allSatisfy { $0 > 0 && $0 % 64 == 0 && $0 <= Slab.bytesMin },
      "NodePool: at most 8 size classes, each a multiple of 64 bytes, and at most 16 KiB")
    sizeClassCount = blockBytes.count
    unsafe sizeClasses = .allocate(capacity: blockBytes.count)
    for index in blockBytes.indices {
      unsafe (sizeClasses + index).initialize(
        to: SizeClass(number: index, blockBytes: blockBytes[index]))
    }
  }

  /// Readers may still see blocks, live ones too: the slabs go after a grace period, and after the
  /// batches under way.
  deinit {
    unsafe sizeClasses.deinitialize(count: sizeClassCount)
    unsafe sizeClasses.deallocate()
    guard reservedBytes > 0 else { return }
    let shared = self.shared
    shared.own(ready.rest)
    // A deinit doesn't wait, past a limit either.
    Flavor._reclaimer.retire(
      _Retirement(bytes: reservedBytes) { withExtendedLifetime(shared) {} }, isBounded: false)
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
    unsafe rcushims_prefetch_for_writing(word, (sizeClasses + sizeClass).pointee.blockBytes)
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
    didRetire(bytes: unsafe retire(UInt(bitPattern: block), sizeClasses + sizeClass))
  }

  /// The same for all of `blocks`, whose size classes are in the low bits.
  @inlinable
  @unsafe
  package mutating func retire(_ blocks: borrowing BlockStack) {
    var bytes = 0
    for index in 0..<blocks.count {
      let word = blocks.word(at: index)
      bytes &+= unsafe retire(
        word & ~SizeClass.mask, sizeClasses + Int(word & SizeClass.mask))
    }
    didRetire(bytes: bytes)
  }

  /// - Returns: its bytes.
  @inlinable
  @inline(__always)
  @unsafe
  mutating func retire(_ block: UInt, _ sizeClass: UnsafeMutablePointer<SizeClass>) -> Int {
    if unsafe sizeClass.pointee.retired.isFull { unsafe beginList(sizeClass) }
    unsafe sizeClass.pointee.retire(block)
    return unsafe sizeClass.pointee.blockBytes
  }

  /// Makes room for retired blocks.
  @usableFromInline
  @inline(never)
  @unsafe
  mutating func beginList(_ sizeClass: UnsafeMutablePointer<SizeClass>) {
    unsafe sizeClass.pointee.beginList { newLists.popLast() ?? BlockList() }
  }

  @inlinable
  @inline(__always)
  mutating func didRetire(bytes: Int) {
    limboBytes &+= bytes
    batchedBytes &+= bytes
    if batchedBytes >= nextAttemptBytes { reclaimOrFlush() }
  }

  @usableFromInline
  @inline(never)
  mutating func reclaimOrFlush() {
    let start = rcushims_now()
    let hasPassed = Flavor._passGracePeriod()
    let isCheap = rcushims_now() - start <= cheapAttemptNanoseconds
    if hasPassed && isCheap {
      attemptBytes = max(attemptBytes / 2, Self.attemptBytesMin)
    } else if !hasPassed || !awaitsSupplies {
      // Else the only one that was interrupted may be the reclaimer.
      attemptBytes = min(attemptBytes * 2, Self.batchBytes)
    }
    if hasPassed {
      takeBack(takeBatch())
    } else if batchedBytes >= Self.batchBytes {
      flush()
    } else {
      nextAttemptBytes = min(batchedBytes + attemptBytes, Self.batchBytes)
    }
  }

  private mutating func takeBatch() -> ReturnedBatch {
    var lists: [BlockList] = []
    lists.reserveCapacity(2 * sizeClassCount)
    for index in 0..<sizeClassCount {
      let sizeClass = unsafe sizeClasses + index
      if unsafe sizeClass.pointee.retired.count > 0 { unsafe beginList(sizeClass) }
      unsafe sizeClass.pointee.takeRetired(into: &lists)
    }
    let batch = ReturnedBatch(lists: lists, bytes: batchedBytes)
    batchedBytes = 0
    nextAttemptBytes = attemptBytes
    return batch
  }

  /// Its grace period has passed.
  private mutating func takeBack(_ batch: consuming ReturnedBatch) {
    limboBytes -= batch.bytes
    while let list = batch.lists.popLast() {
      unsafe (sizeClasses + list.sizeClass).pointee.takeBack(list)
    }
    if !batch.kept.isEmpty { kept.append(batch.kept) }
  }

  /// Hands the batch to the reclaimer, if there is anything in it.
  package mutating func flush() {
    guard batchedBytes > 0 else { return }
    let retired = takeBatch()
    let shared = self.shared
    shared.willHandOver()
    // Not bounded by the domain, which might wait here, within the owner's lock: this pool has a
    // bound of its own, and its owner waits outside.
    Flavor._reclaimer.retire(
      _Retirement(bytes: 0) { shared.giveBack(retired) }, isBounded: false)
    collect()
  }

  /// Whether more is in limbo than ``limboBytesMax``. The writer should then leave its lock and
  /// wait with ``PoolShared/waitForReturn(_:)``: within the lock it would hold up readers, and a
  /// deferred call that takes the same lock would never end.
  @inlinable
  @inline(__always)
  package var isOverLimit: Bool { limboBytes > Self.limboBytesMax }

  @usableFromInline
  @inline(never)
  mutating func allocateSlow(sizeClass: Int) -> UnsafeMutableRawPointer {
    collect()
    let sizeClass = unsafe sizeClasses + sizeClass
    while true {
      while unsafe sizeClass.pointee.refill() || recycleKept() || sizeClass.pointee.cutBlocks() {
        let word = unsafe sizeClass.pointee.free.pop()
        if let block = unsafe UnsafeMutableRawPointer(bitPattern: word) { return unsafe block }
      }
      unsafe addSlab(sizeClass)
    }
  }

  // MARK: Recycling

  /// Takes what the reclaimer has brought back.
  mutating func collect() {
    for batch in shared.takeReturned() { takeBack(batch) }
  }

  /// Puts some kept blocks on the free lists: there may be any number, and no update is to take much
  /// longer for it.
  ///
  /// - Returns: whether there were any.
  mutating func recycleKept() -> Bool {
    guard var words = kept.popLast() else { return false }
    let count = min(words.count, Self.recycledAtOnce)
    for word in words.suffix(count) {
      let sizeClass = unsafe sizeClasses + Int(word & SizeClass.mask)
      unsafe sizeClass.pointee.takeBack(word & ~SizeClass.mask)
    }
    words.removeLast(count)
    if !words.isEmpty { kept.append(words) }
    return true
  }
}
