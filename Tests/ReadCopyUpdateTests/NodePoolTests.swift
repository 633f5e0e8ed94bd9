// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing
internal import _RCUShims

@Suite(.serialized) struct NodePoolTests {
  private typealias Pool = NodePool<PoolTestFlavor>
  private typealias Domain = RCUDomain<PoolTestFlavor>

  @Test func blocksAreAlignedDistinctAndWritable() {
    let blockBytes = [64, 192, 256, 1024]
    var pool = Pool(blockBytes: blockBytes)
    var blocks: [(address: UInt, sizeClass: Int)] = []
    for sizeClass in blockBytes.indices {
      for _ in 0..<3000 {
        let block = unsafe pool.allocate(sizeClass: sizeClass)
        unsafe block.storeBytes(of: UInt(bitPattern: block), as: UInt.self)
        blocks.append((UInt(bitPattern: block), sizeClass))
      }
    }
    #expect(blocks.allSatisfy { $0.address % 64 == 0 })
    blocks.sort { $0.address < $1.address }
    for (block, next) in zip(blocks, blocks.dropFirst()) {
      if block.address + UInt(blockBytes[block.sizeClass]) > next.address {
        Issue.record("blocks overlap: \(block), \(next)")
      }
    }
    for block in blocks {
      let address = unsafe UnsafeRawPointer(bitPattern: block.address)!
      let word = unsafe address.load(as: UInt.self)
      #expect(word == block.address)
    }
    #expect(pool.limboBytes == 0)
    #expect(pool.reservedBytes >= 3000 * (64 + 192 + 256 + 1024))
  }

  @Test func freedBlockIsUsedNext() {
    var pool = Pool(blockBytes: [64])
    let block = unsafe pool.allocate(sizeClass: 0)
    unsafe pool.free(block, sizeClass: 0)
    #expect(unsafe pool.allocate(sizeClass: 0) == block)
    #expect(pool.limboBytes == 0)
  }

  @Test func retiredBlocksAreNotReusedWhileASectionIsOpen() {
    var pool = Pool(blockBytes: [256])
    var retired: Set<UInt> = []
    for _ in 0..<1000 {
      let block = unsafe pool.allocate(sizeClass: 0)
      retired.insert(UInt(bitPattern: block))
    }
    let section = HeldSection<PoolTestFlavor>()
    for block in retired {
      unsafe pool.retire(UnsafeMutableRawPointer(bitPattern: block)!, sizeClass: 0)
    }
    pool.flush()
    #expect(pool.limboBytes == 256_000)
    var live: [UInt] = []
    for _ in 0..<5000 {
      live.append(UInt(bitPattern: unsafe pool.allocate(sizeClass: 0)))
    }
    #expect(retired.isDisjoint(with: live))
    #expect(Set(live).count == live.count)
    #expect(pool.limboBytes == 256_000)
    section.end()
    Domain.barrier()

    // After the grace period every one of them comes back, once.
    let reserved = pool.reservedBytes
    var again: Set<UInt> = []
    var isDistinct = true
    while pool.reservedBytes == reserved {
      isDistinct = again.insert(UInt(bitPattern: unsafe pool.allocate(sizeClass: 0))).inserted
      if !isDistinct { break }
    }
    #expect(isDistinct)
    #expect(retired.isSubset(of: again))
    #expect(again.isDisjoint(with: live))
    #expect(pool.limboBytes == 0)
  }

  /// bp, as if nobody read.
  private enum UnreadFlavor: BulletproofTestFlavor {
    static let _reclaimer = _Reclaimer(
      source: ChangedSource(
        FlavorSource(flavor: UnreadFlavor.self),
        start: { scan in
          scan = .ofNobody
          return BulletproofFlavor.startGracePeriod()
        }, scan: { .ofNobody }))
  }

  @Test func recyclingKeepsThePoolSmall() {
    var pool = NodePool<UnreadFlavor>(blockBytes: [1024])
    for _ in 0..<200 * 256 { unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0) }
    // 50 MiB went through it.
    #expect(pool.reservedBytes <= 2 * Pool.maximumStartBytes)
  }

  @Test func limboIsBounded() {
    var pool = Pool(blockBytes: [4096])
    let section = HeldSection<PoolTestFlavor>()
    let released = Flag()
    // Ends the section when the writer below has nothing left to do but to wait for that.
    let limit = Pool.maximumLimboBytes
    let progress = InstanceCounter()
    let box = SectionBox(section)
    let watcher = RunningThread {
      _ = waitUntil { progress.created * 4096 >= limit }
      released.raise()
      box.end()
    }
    var peak = 0
    for _ in 0..<(limit / 4096 + 4096) {
      unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0)
      progress.add()
      peak = max(peak, pool.limboBytes)
      while pool.isOverLimit && pool.shared.waitForReturn(PoolTestFlavor.self) { pool.scanAgain() }
    }
    watcher.join()
    #expect(released.isRaised)
    #expect(peak >= limit && peak <= limit + Pool.batchBytes + 4096)
  }

  private final class SectionBox: @unchecked Sendable {
    // Sendable: taken once, by the watcher.
    private var section: HeldSection<PoolTestFlavor>?
    init(_ section: consuming HeldSection<PoolTestFlavor>) {
      self.section = consume section
    }
    func end() { section.take()?.end() }
  }

  @Test func insideASectionTheWriterIsNotHeldUp() {
    var pool = Pool(blockBytes: [4096])
    Domain.withReadSection { _ in
      for _ in 0..<(Pool.maximumLimboBytes / 4096 + 1024) {
        unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0)
      }
      let isOverLimit = pool.isOverLimit
      #expect(isOverLimit)
      // The batches wait for this section: it doesn't wait for them.
      #expect(!pool.shared.waitForReturn(PoolTestFlavor.self))
    }
    pool.flush()
    Domain.barrier()
  }

  /// Nothing is under way any more when another writer has recycled the last batch.
  @Test func waitingForWhatIsRecycledReturns() {
    var pool = Pool(blockBytes: [64])
    for _ in 0..<20_000 { unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0) }
    pool.flush()
    Domain.barrier()
    while pool.limboBytes > 0 { _ = unsafe pool.allocate(sizeClass: 0) }
    #expect(pool.shared.waitForReturn(PoolTestFlavor.self))
  }

  /// What was retired last is the most likely to be in a cache.
  @Test func lastRetiredIsUsedFirst() {
    var pool = Pool(blockBytes: [64, 192])
    let count = 5000
    var blocks: [[UInt]] = []
    for sizeClass in 0..<2 {
      blocks.append(
        (0..<count).map { _ in unsafe UInt(bitPattern: pool.allocate(sizeClass: sizeClass)) })
    }
    for index in 0..<count {
      for sizeClass in 0..<2 {
        let block = unsafe UnsafeMutableRawPointer(bitPattern: blocks[sizeClass][index])!
        unsafe pool.retire(block, sizeClass: sizeClass)
      }
    }
    pool.flush()
    Domain.barrier()
    for sizeClass in 0..<2 {
      let freeCount = unsafe (pool.sizeClasses + sizeClass).pointee.free.count
      for _ in 0..<freeCount { _ = unsafe pool.allocate(sizeClass: sizeClass) }
      let again = (0..<count).map { _ in
        unsafe UInt(bitPattern: pool.allocate(sizeClass: sizeClass))
      }
      let isReversed = again == blocks[sizeClass].reversed()
      #expect(isReversed)
    }
    #expect(pool.limboBytes == 0)
  }

  // MARK: Keeping and trimming

  /// Blocks that were kept come back as those that were retired do, and don't count as limbo.
  @Test func keptBlocksComeBack() {
    var pool = Pool(blockBytes: [256, 64])
    var kept: [UInt] = []
    for index in 0..<3000 {
      let sizeClass = index % 2
      let block = unsafe pool.allocate(sizeClass: sizeClass)
      kept.append(UInt(bitPattern: block) | UInt(sizeClass))
    }
    let reserved = pool.reservedBytes
    pool.shared.giveBack(kept: kept)
    #expect(pool.limboBytes == 0)
    var again: Set<UInt> = []
    for sizeClass in 0..<2 {
      while true {
        let block = unsafe pool.allocate(sizeClass: sizeClass)
        if pool.reservedBytes > reserved { break }
        #expect(again.insert(UInt(bitPattern: block) | UInt(sizeClass)).inserted)
      }
      if sizeClass == 0 { #expect(again.isSuperset(of: kept.filter { $0 & 7 == 0 })) }
    }
    #expect(pool.limboBytes == 0)
  }

  /// No allocation takes long because much that was kept has come back.
  @Test func fewKeptBlocksAreRecycledAtATime() {
    var pool = Pool(blockBytes: [64])
    let count = 50_000
    let blocks = (0..<count).map { _ in unsafe UInt(bitPattern: pool.allocate(sizeClass: 0)) }
    let reserved = pool.reservedBytes
    pool.shared.giveBack(kept: blocks)
    var maximumFreeCount = 0
    var allocatedCount = unsafe pool.sizeClasses.pointee.free.count
    for _ in 0..<allocatedCount { _ = unsafe pool.allocate(sizeClass: 0) }
    while pool.reservedBytes == reserved {
      _ = unsafe pool.allocate(sizeClass: 0)
      maximumFreeCount = max(maximumFreeCount, unsafe pool.sizeClasses.pointee.free.count)
      allocatedCount += 1
      if allocatedCount == count { break }
    }
    #expect(allocatedCount == count && maximumFreeCount < 256)
    #expect(pool.limboBytes == 0)
  }

  /// A small pool is small: there is twice as much with each slab, and from 16 KiB on a quarter
  /// more.
  @Test func reservesLittleMoreThanIsUsed() {
    var pool = Pool(blockBytes: [1024])
    #expect(pool.reservedBytes == 0)
    for count in 1...8192 {
      _ = unsafe pool.allocate(sizeClass: 0)
      let used = count * 1024
      let slabBytes = pool.reservedBytes
      #expect(slabBytes >= used)
      #expect(slabBytes <= max(used * 5 / 4 + 1024, min(2 * used, used + (32 << 10))))
    }
    let slabBytes = pool.reservedBytes
    #expect(slabBytes - 8192 * 1024 <= 256 << 10)
  }

  /// A slab that is smaller than a block of another class isn't taken for an empty one of that
  /// class.
  @Test func trimmingKeepsSlabsThatAreSmallerThanABlock() {
    var pool = Pool(blockBytes: [4096, 64])
    let block = unsafe pool.allocate(sizeClass: 1)
    let reserved = pool.reservedBytes
    #expect(pool.trim() == 0 && pool.reservedBytes == reserved)
    unsafe block.storeBytes(of: 1, as: UInt.self)
    unsafe pool.free(block, sizeClass: 1)
    #expect(pool.trim() == reserved && pool.reservedBytes == 0)
  }

  /// Slabs whose blocks are all free go; others, and blocks in them, stay as they are.
  @Test func trimmingFreesEmptySlabs() {
    var pool = Pool(blockBytes: [1024, 192])
    var blocks: [[UInt]] = [[], []]
    for sizeClass in 0..<2 {
      for _ in 0..<10_000 {
        let block = unsafe pool.allocate(sizeClass: sizeClass)
        blocks[sizeClass].append(UInt(bitPattern: block))
      }
    }
    let full = pool.reservedBytes
    #expect(pool.trim() == 0)
    #expect(pool.reservedBytes == full)
    // One in a thousand stays, with its slab.
    var live: [UInt: Int] = [:]
    for sizeClass in 0..<2 {
      for (index, word) in blocks[sizeClass].enumerated() {
        if index % 1000 == 0 {
          live[word] = sizeClass
        } else if index % 2 == 0 {
          unsafe pool.free(UnsafeMutableRawPointer(bitPattern: word)!, sizeClass: sizeClass)
        } else {
          unsafe pool.retire(UnsafeMutableRawPointer(bitPattern: word)!, sizeClass: sizeClass)
        }
      }
    }
    // The last batch is handed over by a trim, and free for the next.
    var trimmed = pool.trim()
    Domain.barrier()
    trimmed += pool.trim()
    #expect(pool.reservedBytes == full - trimmed)
    // Of the first class's 10 MiB, 10 slabs of 256 KiB or less have a live block.
    #expect(trimmed > 25 * 256 << 10)
    for word in live.keys {
      let block = unsafe UnsafeMutableRawPointer(bitPattern: word)!
      unsafe block.storeBytes(of: word, as: UInt.self)
    }
    // What is left is handed out again, each block once.
    var again: Set<UInt> = []
    for sizeClass in 0..<2 {
      for _ in 0..<10_000 {
        let block = unsafe pool.allocate(sizeClass: sizeClass)
        unsafe block.storeBytes(of: 0, as: UInt.self)
        again.insert(UInt(bitPattern: block))
      }
    }
    #expect(again.count == 20_000)
    #expect(again.isDisjoint(with: live.keys))
    for word in live.keys {
      let block = unsafe UnsafeMutableRawPointer(bitPattern: word)!
      let read = unsafe block.load(as: UInt.self)
      #expect(read == word)
    }
  }

  /// A reader that found a live block before the pool went may still read it.
  @Test func droppedPoolKeepsItsBlocksForOpenSections() {
    let section = HeldSection<PoolTestFlavor>()
    let before = Domain.statistics
    let address: UInt
    do {
      var pool = Pool(blockBytes: [64])
      let block = unsafe pool.allocate(sizeClass: 0)
      unsafe block.storeBytes(of: 0x1234_5678, as: UInt.self)
      address = UInt(bitPattern: block)
      for _ in 0..<5000 { unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0) }
    }
    // Its slabs wait, accounted by their bytes. (What was pending before may be done by now.)
    let after = Domain.statistics
    #expect(
      after.pendingCount + after.executedCount > before.pendingCount + before.executedCount)
    #expect(Domain.statistics.pendingBytes >= 64)
    let word = unsafe UnsafeRawPointer(bitPattern: address)!.load(as: UInt.self)
    #expect(word == 0x1234_5678)
    section.end()
    Domain.barrier()
    #expect(Domain.statistics.pendingBytes == 0)
  }

  /// `PoolShared` owns the slabs and frees them in its deinit.
  @Test func droppedPoolFreesItsSlabs() {
    weak var shared: PoolShared?
    let section = HeldSection<PoolTestFlavor>()
    do {
      var pool = Pool(blockBytes: [64])
      shared = pool.shared
      // Full batches under way, one that is not handed over, live blocks.
      for _ in 0..<9000 {
        unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0)
      }
      _ = unsafe pool.allocate(sizeClass: 0)
    }
    #expect(shared != nil)
    section.end()
    Domain.barrier()
    #expect(shared == nil)
  }
}
