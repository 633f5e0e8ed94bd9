// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _RCUShims
internal import _SystemShims

/// Blocks of one size on their way through one grace period.
///
/// Of bounded length, since to make a longer one and copy it would take as long as fifty updates;
/// and used again and again, since on fresh pages of the system's every few updates would wait for
/// one.
@usableFromInline
final class Bag: @unchecked Sendable {
  // Sendable: handed from the writer to the reclaimer and back; only who has it touches it.
  var sizeClass = 0
  var blocks = WordStack()
  fileprivate var next: Bag?

  /// A page of addresses.
  static var capacity: Int { 512 }

  init() { blocks.reserve(Self.capacity) }

  deinit {
    // One by one: each would release the next one from within its own deinit, on and on.
    var rest = next
    next = nil
    while let list = rest {
      rest = list.next
      list.next = nil
    }
  }
}

/// Lists in a row, linked through themselves: what moves them allocates nothing.
struct BagQueue: Sendable {
  private var first: Bag?
  private var last: Bag?

  var isEmpty: Bool { first == nil }

  /// Puts `list` in front of the others.
  ///
  /// - Precondition: it is in no other row.
  mutating func push(_ list: Bag) {
    list.next = first
    first = list
    if last == nil { last = list }
  }

  /// Takes the one in front.
  mutating func pop() -> Bag? {
    let list = first
    first = list?.next
    list?.next = nil
    if first == nil { last = nil }
    return list
  }

  /// Takes the one in front, or a new one. Then there are some more: each is a fresh page, for
  /// which an update would wait.
  mutating func take() -> Bag {
    if let list = pop() { return list }
    for _ in 1..<Self.madeAtOnce { push(Bag()) }
    return Bag()
  }

  private static var madeAtOnce: Int { 8 }

  /// Moves all of `others` behind these.
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
  /// Until there is no room for more, or they are put in a batch.
  @usableFromInline var blocks = WordStack()
  /// Lists of more of them.
  private var lists = BagQueue()
  /// To a whole cache line.
  private let padding = 0

  init(sizeClass: Int, blockBytes: Int) {
    self.sizeClass = sizeClass
    self.blockBytes = blockBytes
  }

  var isEmpty: Bool { blocks.count == 0 && lists.isEmpty }

  /// Puts all on a list, and goes on with an empty one, of `spare`.
  mutating func beginList(_ spare: inout BagQueue) {
    let list = spare.take()
    swap(&list.blocks, &blocks)
    // What was a free list may be short.
    blocks.reserve(Bag.capacity)
    list.sizeClass = sizeClass
    if list.blocks.count > 0 { lists.push(list) }
  }

  /// Moves all to the front of `batch`, from the oldest to the newest.
  ///
  /// - Returns: their bytes.
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
/// No block is looked at while it waits: whole lists change their places.
@usableFromInline
struct SizeClass: ~Copyable {
  @usableFromInline let blockBytes: Int
  /// What is handed out next.
  @usableFromInline var free = WordStack()
  /// Lists whose grace period has passed, the one that came last to be used next.
  private var reusable = BagQueue()
  /// The last slab, and which of its blocks have not been used yet.
  private var slab = Slab.empty
  private var unused = ScatteredOrder(count: 0)
  /// Of all slabs.
  var reservedBytes = 0

  /// A quarter of what there is: small stores stay small, large ones have few slabs. Where much is
  /// in limbo, as much as that: there will soon be twice as much, and each slab holds up an update.
  func nextSlabBytes(limboBytes: Int) -> Int {
    let quarter = min(reservedBytes / 4, Slab.maximumBytes)
    return min(max(quarter, limboBytes, Slab.minimumBytes) & -4096, Slab.maximumLimboBytes)
  }

  init(blockBytes: Int) { self.blockBytes = blockBytes }

  /// Takes over blocks whose grace period has passed.
  mutating func takeBack(_ list: Bag) { reusable.push(list) }

  /// Takes over a block that nobody can see.
  mutating func takeBack(_ block: UInt) {
    if sysshims_poisons() { poison(block) }
    free.push(block)
  }

  /// Makes the next list the free one, which is used up and becomes one of `spare`.
  ///
  /// - Returns: whether there was any.
  mutating func refill(_ spare: inout BagQueue) -> Bool {
    guard let list = reusable.pop() else { return false }
    swap(&list.blocks, &free)
    if sysshims_poisons() {
      for index in 0..<free.count { poison(free[index]) }
    }
    spare.push(list)
    return true
  }

  /// Takes over a slab.
  ///
  /// - Precondition: all blocks of the last one have been cut.
  mutating func add(_ slab: Slab) {
    reservedBytes += slab.bytes
    self.slab = slab
    unused = ScatteredOrder(count: slab.bytes / blockBytes)
  }

  /// Puts the next blocks of the slab on the free list: some, for all would take as long as ten
  /// updates.
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

  /// Takes the blocks of slabs that have no other than free ones off the free list.
  ///
  /// - Parameter slabs: all slabs of the pool, ascending; each has blocks of one class.
  /// - Returns: those slabs.
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
      if index - first == slab.bytes / blockBytes {
        empty.append(slab)
        reservedBytes -= slab.bytes
      } else {
        kept += blocks[first..<index]
      }
    }
    // The lowest are used next, so that slabs further up become empty.
    for block in kept.reversed() { free.push(block) }
    return empty
  }
}

/// What comes back to a pool.
struct Batch: Sendable {
  /// Retired blocks, those of a class from the oldest to the newest, with their bytes.
  var lists = BagQueue()
  var bytes = 0
  /// Blocks that were kept, with their size classes: words.
  var kept: [UInt] = []
}

/// A cookie that was taken after all blocks of a transaction had been published, and before any of
/// a later one was.
struct DatedCookie {
  let cookie: GracePeriodCookie
  let transaction: UInt64

  /// Before all others.
  static var none: DatedCookie { DatedCookie(cookie: GracePeriodCookie(), transaction: 0) }
  var stamp: UInt64 { cookie.stamp }
}

/// A batch that waits until the readers have left that were inside a section when it was complete.
struct WaitingBatch {
  /// Where all of its blocks were published after an earlier cookie was taken, that one.
  let bornAfter: GracePeriodCookie?
  var cookie: GracePeriodCookie
  var batch: Batch
  /// Since when it has been seen to wait, in `sysshims_now`'s time; 0 if it hasn't.
  var waitsSince: UInt64 = 0

  func hasPassed(_ scan: ReaderScan) -> Bool { scan.hasPassed(cookie, bornAfter: bornAfter) }
}

/// From which cookie on blocks are *recent*: those born after it don't wait for the snapshot
/// sections that began before.
struct CutOff {
  /// The last cookie that batches wait for.
  private var last = DatedCookie.none
  /// Recent blocks are born after it.
  private var cookie = DatedCookie.none
  /// What it was before the last batch.
  private var before = DatedCookie.none
  /// Blocks of later transactions are recent; the largest number: none is. Where nobody is a
  /// snapshot section, what is in lists of its own would cost twice as many cache lines for
  /// nothing.
  private(set) var transaction: UInt64 = 0

  /// All recent blocks that have been retired so far were born after this one.
  var ofRetired: GracePeriodCookie { before.stamp < cookie.stamp ? before.cookie : cookie.cookie }

  /// Says which blocks are recent from now on: made after the cookie `new`, unless there are
  /// snapshot readers that have stayed from the last one to this one; then after the first that was
  /// taken after they had come.
  ///
  /// Keeps the cut-off as long as a snapshot section is open that began before it: moving it
  /// forward would make blocks old again that this reader wasn't blocking. Newer snapshot sections
  /// usually end first. If they don't, and `isMuchWaiting` for them, moves it anyway.
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

/// What a pool and its batches under way share. Frees the slabs when the last of them is gone.
package final class PoolShared: @unchecked Sendable {
  // Sendable: the variables are read and written under `monitor`.
  // A pthread monitor, not Synchronization's Mutex: ThreadSanitizer doesn't see the latter.
  private let monitor = Monitor()
  private var returned: [Batch] = []
  private var slabs: [Slab] = []
  // What the pool has in limbo, and the batch that has waited longest: since when, and its cookie's
  // stamp; 0 if none has. Written by the writer, and the second by the stall monitor; read for
  // statistics and reports. Relaxed.
  let limboBytes = Atomic(0)
  let waitsSince = Atomic<UInt64>(0)
  let waitStamp = Atomic<UInt64>(0)
  // Counts returned batches, so that the writer looks at the lock only when there are some.
  // Written by the reclaimer and the writer under `monitor`; read by the writer without it.
  private let returnedCount = Atomic(0)

  deinit {
    // No node of the pool is reachable: store, pool and batches are gone.
    for slab in slabs { slab.free() }
  }

  func own(_ slab: Slab) { monitor.withLock { slabs.append(slab) } }

  var sortedSlabs: [Slab] { monitor.withLock { slabs }.sorted { $0.address < $1.address } }

  /// - Safety: no block of them is in use, on a free list or in a batch.
  @unsafe
  func free(_ emptySlabs: [Slab]) {
    guard !emptySlabs.isEmpty else { return }
    let gone = Set(emptySlabs.map(\.address))
    monitor.withLock { slabs.removeAll { gone.contains($0.address) } }
    for slab in emptySlabs { slab.free() }
  }

  /// On the reclaimer, after the grace period.
  func giveBack(_ batch: Batch) {
    monitor.withLock { add(batch) }
  }

  /// Takes back blocks that were never retired, with their size classes: words. The owner
  /// kept them for longer than a grace period, and now no reader can see them. From any thread.
  package func giveBack(kept blocks: [UInt]) {
    monitor.withLock { add(Batch(kept: blocks)) }
  }

  /// Under `monitor`.
  private func add(_ batch: Batch) {
    returned.append(batch)
    // The lock orders the contents; the count is only a hint.
    returnedCount.store(returned.count, ordering: .relaxed)
    monitor.signalAll()
  }

  func takeReturned() -> [Batch] {
    guard returnedCount.load(ordering: .relaxed) > 0 else { return [] }
    return monitor.withLock {
      let batches = returned
      returned = []
      returnedCount.store(0, ordering: .relaxed)
      return batches
    }
  }

  /// Waits until a batch has come back that the writer hasn't recycled yet, or for a millisecond:
  /// readers may have left for whom it waits itself.
  ///
  /// - Returns: false at once where more might never come back: inside a read section, which the
  ///   batches wait for, on the reclaimer thread, which brings them, and when that thread has ended
  ///   at exit.
  package func waitForReturn<Flavor: RCUFlavor>(_ flavor: Flavor.Type) -> Bool {
    guard !flavor._isInReadSection, flavor._reclaimer.canBeWaitedFor else { return false }
    // A child of a fork has no thread of the reclaimer's at first.
    flavor._reclaimer.requireGracePeriods()
    flavor._reclaimer.startOnce()
    monitor.withLock {
      let deadline = sysshims_now() + Self.waitNanoseconds
      while returned.isEmpty && sysshims_now() < deadline { monitor.wait(until: deadline) }
    }
    return true
  }

  private static var waitNanoseconds: UInt64 { 1_000_000 }
}
