// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _RCUShims
internal import _SystemShims

/// A list of blocks of one size that pass through a grace period together.
///
/// Its length is bounded, since growing and copying a longer one would take as long as fifty
/// updates. Bags are reused, since every few updates would otherwise wait for a fresh page of the
/// system.
@usableFromInline
final class Bag: @unchecked Sendable {
  // Sendable: the writer hands it to the reclaimer and back; only the thread that has it touches
  // it.
  var sizeClass = 0
  var blocks = WordStack()
  fileprivate var next: Bag?

  /// A page full of addresses.
  static var capacity: Int { 512 }

  deinit {
    // Releases them one by one; otherwise each would release the next from its own deinit,
    // recursively.
    var rest = next
    next = nil
    while let list = rest {
      rest = list.next
      list.next = nil
    }
  }
}

/// A queue of bags, linked through the bags themselves, so that moving them allocates nothing.
struct BagQueue: Sendable {
  private var first: Bag?
  private var last: Bag?

  var isEmpty: Bool { first == nil }

  /// Puts `list` at the front.
  ///
  /// - Precondition: it isn't in another queue.
  mutating func push(_ list: Bag) {
    list.next = first
    first = list
    if last == nil { last = list }
  }

  /// Removes the bag at the front.
  mutating func pop() -> Bag? {
    let list = first
    first = list?.next
    list?.next = nil
    if first == nil { last = nil }
    return list
  }

  /// Removes the bag at the front, or makes one.
  mutating func take() -> Bag { pop() ?? Bag() }

  /// If there is no bag, makes several of full capacity, since each is a fresh page that an update
  /// would otherwise wait for.
  mutating func provide() {
    guard isEmpty else { return }
    for _ in 0..<Self.madeAtOnce {
      let list = Bag()
      list.blocks.reserve(Bag.capacity)
      push(list)
    }
  }

  private static var madeAtOnce: Int { 8 }

  /// Moves all of `others` to the end.
  mutating func append(_ others: BagQueue) {
    if isEmpty {
      self = others
    } else if !others.isEmpty {
      last?.next = others.first
      last = others.last
    }
  }
}

/// Blocks of one size that readers may still see.
@usableFromInline
struct RetiredBlocks: ~Copyable {
  private let sizeClass: Int
  @usableFromInline let blockBytes: Int
  /// Filled until it is full, or until its blocks are put in a batch.
  @usableFromInline var blocks = WordStack()
  /// Full lists of further blocks.
  private var lists = BagQueue()
  /// Fills up the cache line.
  private let padding = 0

  init(sizeClass: Int, blockBytes: Int) {
    self.sizeClass = sizeClass
    self.blockBytes = blockBytes
  }

  var isEmpty: Bool { blocks.count == 0 && lists.isEmpty }

  /// Makes room for more: a short list grows, which is all that a small store needs; a full one is
  /// put aside.
  mutating func makeRoom(_ spare: inout BagQueue) {
    guard blocks.capacity >= Bag.capacity else { return blocks.grow() }
    spare.provide()
    beginList(&spare)
    // What has been a free list may have a smaller capacity.
    blocks.reserve(Bag.capacity)
  }

  /// Moves all blocks to a list, and continues with an empty one from `spare`.
  private mutating func beginList(_ spare: inout BagQueue) {
    let list = spare.take()
    swap(&list.blocks, &blocks)
    list.sizeClass = sizeClass
    if list.blocks.count > 0 { lists.push(list) }
  }

  /// Moves all blocks to the front of `batch`, from the oldest to the newest.
  ///
  /// - Returns: their size in bytes.
  mutating func take(into batch: inout BagQueue, _ spare: inout BagQueue) -> Int {
    if blocks.count > 0 { beginList(&spare) }
    var bytes = 0
    while let list = lists.pop() {
      bytes += list.blocks.count * blockBytes
      batch.push(list)
    }
    return bytes
  }
}

/// The blocks of one size.
///
/// Blocks that wait aren't touched: only whole lists are moved.
@usableFromInline
struct SizeClass: ~Copyable {
  @usableFromInline let blockBytes: Int
  /// The blocks that are handed out next.
  @usableFromInline var free = WordStack()
  /// Lists whose grace period has passed. The one that was added last is used next.
  private var reusable = BagQueue()
  /// The last slab, and its blocks that haven't been used yet.
  private var slab = Slab.empty
  private var unused = ScatteredOrder(count: 0)
  /// The bytes of all slabs.
  var reservedBytes = 0

  /// As much as the class has already, up to 16 KiB, and from then on a quarter of it, so that
  /// small stores stay small, and large ones have few slabs. If more than that is in limbo, as much
  /// as is in limbo: soon there will be twice as much, and each new slab holds up an update.
  func nextSlabBytes(limboBytes: Int) -> Int {
    guard reservedBytes >= Slab.smallBytes else {
      let blockCount = min(max(reservedBytes, limboBytes), Slab.smallBytes) / blockBytes
      return max(blockCount, Slab.minimumBlockCount) * blockBytes
    }
    let quarter = min(reservedBytes / 4, Slab.maximumBytes)
    return min(max(quarter, limboBytes, Slab.smallBytes) & -4096, Slab.maximumLimboBytes)
  }

  init(blockBytes: Int) { self.blockBytes = blockBytes }

  /// Takes back blocks whose grace period has passed.
  mutating func takeBack(_ list: Bag) { reusable.push(list) }

  /// Takes back a block that nobody can see.
  mutating func takeBack(_ block: UInt) {
    if sysshims_poisons() { poison(block) }
    free.push(block)
  }

  /// Makes the next reusable list the free list. The old free list, which is empty, becomes a
  /// spare.
  ///
  /// - Returns: whether there was a reusable list.
  mutating func refill(_ spare: inout BagQueue) -> Bool {
    guard let list = reusable.pop() else { return false }
    swap(&list.blocks, &free)
    if sysshims_poisons() {
      for index in 0..<free.count { poison(free[index]) }
    }
    spare.push(list)
    return true
  }

  /// Adds a slab.
  ///
  /// - Precondition: the last slab has no unused blocks.
  mutating func add(_ slab: Slab) {
    reservedBytes += slab.bytes
    self.slab = slab
    unused = ScatteredOrder(count: slab.bytes / blockBytes)
  }

  /// Puts the slab's next blocks on the free list, but not all of them: that would take as long as
  /// ten updates.
  ///
  /// - Returns: whether there were any.
  mutating func carveBlocks() -> Bool {
    for number in 0..<Self.cutAtOnce {
      guard let index = unused.next() else { return number > 0 }
      free.push(slab.address + UInt(index * blockBytes))
    }
    return true
  }

  private static var cutAtOnce: Int { 16 }

  private func poison(_ block: UInt) {
    // Safety: a block of this size, which nobody uses.
    unsafe _poison(
      UnsafeMutableRawPointer(bitPattern: block).unsafelyUnwrapped, byteCount: blockBytes)
  }

  /// Removes the blocks of slabs that have only free blocks from the free list.
  ///
  /// - Parameter slabs: all slabs of the pool, in ascending order; each has blocks of one class.
  /// - Returns: the slabs that have only free blocks.
  mutating func removeEmpty(_ slabs: [Slab]) -> [Slab] {
    var blocks: [UInt] = []
    var emptied = BagQueue()
    repeat {
      while free.count > 0 { blocks.append(free.pop()) }
    } while refill(&emptied) || carveBlocks()
    blocks.sort()
    var empty: [Slab] = []
    var kept: [UInt] = []
    var index = 0
    for slab in slabs {
      let first = index
      let end = slab.address + UInt(slab.bytes)
      while index < blocks.count && blocks[index] < end { index += 1 }
      // A slab of another class may be smaller than a block of this one.
      if index > first && index - first == slab.bytes / blockBytes {
        empty.append(slab)
        reservedBytes -= slab.bytes
      } else {
        kept += blocks[first..<index]
      }
    }
    // The lowest blocks are used next, so that higher slabs become empty.
    for block in kept.reversed() { free.push(block) }
    return empty
  }
}

/// Blocks that return to a pool.
struct Batch: Sendable {
  /// Retired blocks, those of each class from the oldest to the newest.
  var lists = BagQueue()
  var bytes = 0
  /// Kept blocks as tagged words.
  var kept: [UInt] = []
}

/// A cookie that was taken after all blocks of `transaction` had been published, and before any
/// block of a later transaction was.
struct DatedCookie {
  let cookie: GracePeriodCookie
  let transaction: UInt64

  /// Earlier than every cookie.
  static var none: DatedCookie { DatedCookie(cookie: GracePeriodCookie(), transaction: 0) }
  var stamp: UInt64 { cookie.stamp }
}

/// A batch that waits for the readers that were inside when it was complete.
struct WaitingBatch {
  /// An earlier cookie, if all blocks of the batch were published after it was taken.
  let bornAfter: GracePeriodCookie?
  var cookie: GracePeriodCookie
  var batch: Batch
  /// When the batch was first seen to wait, in `sysshims_now`'s time; 0 if it wasn't yet.
  var waitsSince: UInt64 = 0

  func hasPassed(_ scan: ReaderScan) -> Bool { scan.hasPassed(cookie, bornAfter: bornAfter) }
}

/// The cookie after which blocks count as *recent*: they don't wait for snapshot sections that
/// began before it.
struct CutOff {
  /// The last cookie that a batch waits for.
  private var last = DatedCookie.none
  /// Blocks that were born after this cookie are recent.
  private var cookie = DatedCookie.none
  /// The value of `cookie` before the last batch.
  private var before = DatedCookie.none
  /// Blocks of later transactions are recent. The largest number if none is: without snapshot
  /// readers, separate lists would only double the number of cache lines used.
  private(set) var transaction: UInt64 = 0

  /// The cookie after which all recent blocks retired so far were born.
  var ofRetired: GracePeriodCookie { before.stamp < cookie.stamp ? before.cookie : cookie.cookie }

  /// Chooses which blocks are recent from now on: those made after the cookie `new`. If snapshot
  /// readers have stayed inside since the last cookie, those made after the first cookie that was
  /// taken after these readers began.
  ///
  /// Keeps the cut-off while a snapshot section is open that began before it: if it moved forward,
  /// blocks that this reader wasn't holding up would become old again. Newer snapshot sections
  /// usually end first. If they don't, and `isMuchWaiting` for them, it moves anyway.
  mutating func choose(_ new: DatedCookie, _ scan: ReaderScan, isMuchWaiting: Bool) {
    before = cookie
    if let snapshot = scan.snapshotStamps(since: last.stamp) {
      let isBehind = cookie.stamp <= snapshot.upperBound
      if isBehind && (snapshot.lowerBound >= cookie.stamp || isMuchWaiting) {
        cookie = last.stamp > snapshot.upperBound ? last : new
      }
    } else {
      cookie = new
    }
    last = new
    transaction = scan.snapshot_count > 0 ? cookie.transaction : .max
  }
}
