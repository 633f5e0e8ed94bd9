// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _RCUShims

/// Blocks of one size on their way through one grace period.
///
/// Of bounded length, since to make a longer one and copy it would take as long as fifty updates; and used again
/// and again, since on fresh pages of the system's every few updates would wait for one.
@usableFromInline
final class BlockList: @unchecked Sendable {
  // Sendable: handed from the writer to the reclaimer and back; only who has it touches it.
  var sizeClass = 0
  var blocks = BlockStack()

  /// A page of addresses.
  static var capacity: Int { 512 }

  init() { blocks.reserve(Self.capacity) }
}

/// The blocks of one size.
///
/// No block is looked at while it waits: whole lists change their places.
@usableFromInline
struct SizeClass: ~Copyable {
  private let number: Int
  @usableFromInline let blockBytes: Int
  /// What is handed out next.
  @usableFromInline var free = BlockStack()
  /// Retired blocks, until there is no room for more, or they are handed over.
  @usableFromInline var retired = BlockStack()
  /// Lists of more of them.
  private var retiredLists: [BlockList] = []
  /// Lists whose grace period has passed, the one that came last to be used next.
  private var reusable: [BlockList] = []
  /// Lists to be filled again.
  private var spare: [BlockList] = []
  /// The last slab, and which of its blocks have not been used yet.
  private var slab = Slab.empty
  private var unused = ScatteredOrder(count: 0)
  /// Of all slabs.
  var reservedBytes = 0

  /// Where a word has its block's size class: 64-byte alignment leaves these bits free.
  @inlinable static var mask: UInt { 7 }

  /// A quarter of what there is: small stores stay small, large ones have few slabs. Blocks for one list at
  /// most, which has no need to grow then.
  var nextSlabBytes: Int {
    let quarter = reservedBytes / 4 & -4096
    let bytesMax = min(BlockList.capacity * blockBytes, Slab.bytesMax)
    return min(max(quarter, Slab.bytesMin), bytesMax)
  }

  init(number: Int, blockBytes: Int) {
    self.number = number
    self.blockBytes = blockBytes
  }

  /// - Precondition: `retired` isn't full.
  @inlinable
  @inline(__always)
  mutating func retire(_ block: UInt) {
    // Each time, though the line is another for each eighth block only: a branch would cost more.
    retired.prefetchEnd()
    retired.pushWithRoom(block)
  }

  /// Puts what has been retired on a list, and goes on with an empty one: `new` if it has none.
  mutating func beginList(_ new: () -> BlockList) {
    let list = spare.popLast() ?? new()
    swap(&list.blocks, &retired)
    // What was a free list may be short.
    retired.reserve(BlockList.capacity)
    list.sizeClass = number
    if list.blocks.count > 0 { retiredLists.append(list) }
  }

  /// Appends the lists of what has been retired to `lists`, the newest first.
  mutating func takeRetired(into lists: inout [BlockList]) {
    // Moved, not copied: no reference is counted.
    while let list = retiredLists.popLast() { lists.append(list) }
  }

  /// Takes over blocks whose grace period has passed.
  mutating func takeBack(_ list: BlockList) { reusable.append(list) }

  /// Takes over a block that nobody can see.
  mutating func takeBack(_ block: UInt) {
    if rcushims_poisons() { poison(block) }
    free.push(block)
  }

  /// Makes the next list the free one, which is used up.
  ///
  /// - Returns: whether there was any.
  mutating func refill() -> Bool {
    guard let list = reusable.popLast() else { return false }
    swap(&list.blocks, &free)
    if rcushims_poisons() {
      for index in 0..<free.count { poison(free[index]) }
    }
    spare.append(list)
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

  /// Puts the next blocks of the slab on the free list: some, for all would take as long as ten updates.
  ///
  /// - Returns: whether there were any.
  mutating func cutBlocks() -> Bool {
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

  /// Takes the blocks of slabs that have no other than free ones off the free list, and forgets lists.
  ///
  /// - Parameter slabs: all slabs of the pool, ascending; each has blocks of one class.
  /// - Returns: those slabs.
  mutating func removeEmpty(_ slabs: [Slab]) -> [Slab] {
    var blocks: [UInt] = []
    repeat {
      while free.count > 0 { blocks.append(free.pop()) }
    } while refill() || cutBlocks()
    spare = []
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
struct ReturnedBatch: Sendable {
  /// Retired blocks, those of a class from the newest to the oldest, with their bytes.
  var lists: [BlockList] = []
  var bytes = 0
  /// Blocks that were kept, with their size classes in the low bits.
  var kept: [UInt] = []
}

/// What a pool and its batches under way share. Frees the slabs when the last of them is gone.
package final class PoolShared: @unchecked Sendable {
  // Sendable: the variables are read and written under `monitor`.
  // A pthread monitor, not Synchronization's Mutex: ThreadSanitizer doesn't see the latter.
  private let monitor = Monitor()
  private var returned: [ReturnedBatch] = []
  // Batches that wait for their grace period.
  private var underWayCount = 0
  private var slabs: [Slab] = []
  // Made by the reclaimer, not yet taken by the writer.
  private var supplies: Supplies?
  // Counts returned batches, so that the writer looks at the lock only when there are some.
  // Written by the reclaimer and the writer under `monitor`; read by the writer without it.
  private let returnedCount = Atomic(0)

  deinit {
    // No node of the pool is reachable: store, pool and batches are gone.
    for slab in slabs { slab.free() }
    supplies?.memory.rest.free()
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

  var hasSupplies: Bool { monitor.withLock { supplies != nil } }

  /// On the reclaimer.
  func give(_ new: Supplies) { monitor.withLock { supplies = new } }

  /// `nil`: there are none yet.
  func takeSupplies() -> Supplies? {
    monitor.withLock {
      defer { supplies = nil }
      return supplies
    }
  }

  /// By the writer, before the batch is handed to the reclaimer.
  func willHandOver() { monitor.withLock { underWayCount += 1 } }

  /// On the reclaimer, after the grace period.
  func giveBack(_ batch: ReturnedBatch) {
    monitor.withLock {
      underWayCount -= 1
      add(batch)
    }
  }

  /// Takes back blocks that were never retired, with their size classes in the low bits: the owner
  /// kept them for longer than a grace period, and now no reader can see them. From any thread.
  package func giveBack(kept blocks: [UInt]) {
    monitor.withLock { add(ReturnedBatch(kept: blocks)) }
  }

  /// Under `monitor`.
  private func add(_ batch: ReturnedBatch) {
    returned.append(batch)
    // The lock orders the contents; the count is only a hint.
    returnedCount.store(returned.count, ordering: .relaxed)
    monitor.signalAll()
  }

  func takeReturned() -> [ReturnedBatch] {
    guard returnedCount.load(ordering: .relaxed) > 0 else { return [] }
    return monitor.withLock {
      let batches = returned
      returned = []
      returnedCount.store(0, ordering: .relaxed)
      return batches
    }
  }

  /// Waits until a batch has come back that the writer hasn't recycled yet.
  ///
  /// Returns at once where that would be for ever: inside a read section, which the batches wait
  /// for, on the reclaimer thread, which brings them, when that thread has ended at exit, and when no
  /// batch is under way, since another writer has recycled the last one.
  package func waitForReturn<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
    guard !flavor._isInReadSection, flavor._reclaimer.canBeWaitedFor else { return }
    monitor.withLock {
      while returned.isEmpty && underWayCount > 0 { monitor.wait() }
    }
  }
}
