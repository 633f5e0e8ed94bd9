// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing
internal import _RCUShims

/// How blocks come through a grace period: batches, watches, and lists.
@Suite(.serialized) struct NodePoolBatchTests {
  private typealias Pool = NodePool<WatchedFlavor>
  private typealias Domain = RCUDomain<WatchedFlavor>

  /// Counts how often the writer begins to watch; its readers do as they are told.
  private enum WatchedFlavor: BulletproofTestFlavor {
    enum Readers { case areOutside, stay, cannotBeWatched }

    static let _reclaimer = _Reclaimer(
      source: ChangedSource(
        FlavorSource(flavor: WatchedFlavor.self),
        start: { scan in
          scan = scanReaders()
          return watches.withLock { watches in
            watches.count += 1
            let stamp = watches.readers == .cannotBeWatched ? 0 : UInt64(watches.count)
            return GracePeriodCookie(stamp: stamp, interruption: watches.interruption)
          }
        }, scan: { scanReaders() }))
    static let watches = Locked(
      (count: 0, interruption: UInt64(0), readers: Readers.areOutside))

    static var retirementCount: UInt64 {
      _reclaimer.monitor.withLock { _reclaimer.retiring.enqueuedSerial }
    }

    private static func scanReaders() -> ReaderScan {
      watches.withLock { $0.readers == .areOutside } ? .ofNobody : ReaderScan()
    }
  }

  /// The writer begins to watch less and less often, as long as that disturbs somebody.
  @Test func watchesAreFewWhereTheyDisturb() {
    var pool = Pool(blockBytes: [4096])
    let bytes = 48 << 20
    func watches(_ readers: WatchedFlavor.Readers, interruption: UInt64 = 0) -> Int {
      WatchedFlavor.watches.withLock { $0 = (0, interruption, readers) }
      for _ in 0..<bytes / 4096 {
        unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0)
      }
      return WatchedFlavor.watches.withLock { $0.count }
    }
    // At most one batch and what comes while it is completed: two lists. The last one may be
    // complete only.
    let many = bytes / Pool.minimumStartBytes
    #expect(many - 1...many ~= watches(.areOutside))
    #expect(
      pool.limboBytes <= Pool.minimumStartBytes && pool.reservedBytes < 3 * Pool.minimumStartBytes)
    let few = bytes / Pool.maximumStartBytes
    #expect(few...few + 2 ~= watches(.areOutside, interruption: 4001))
    #expect(few - 1...few ~= watches(.areOutside, interruption: 4001))
    #expect(watches(.areOutside, interruption: 4000) > many - 12)
    // Readers that stay are left to the reclaimer, by larger batches; so are those that can't be
    // watched.
    pool.flush()
    Domain.barrier()
    let before = WatchedFlavor.retirementCount
    pool.patienceNanoseconds = .max
    #expect(watches(.stay) <= Pool.maximumWaitingBytes / Pool.minimumStartBytes)
    let handedOver = WatchedFlavor.retirementCount - before
    #expect(
      handedOver >= 1 && handedOver <= (bytes - Pool.maximumWaitingBytes) / Pool.batchBytes + 1)
    pool.flush()
    Domain.barrier()
    // One that stays for long is left to it at the next look.
    pool.patienceNanoseconds = 0
    let watchCount = watches(.stay)
    let later = WatchedFlavor.retirementCount - before - handedOver
    #expect(watchCount > 20 && Int(later) >= watchCount - 1)
    pool.flush()
    Domain.barrier()
    #expect(watches(.cannotBeWatched) <= bytes / Pool.batchBytes + 1)
    pool.flush()
    Domain.barrier()
    while pool.limboBytes > 0 { _ = unsafe pool.allocate(sizeClass: 0) }
  }

  /// While a batch is completed, list by list, and while it is taken back, each block is in one
  /// place.
  @Test func blocksAreNeitherLostNorDoubled() {
    WatchedFlavor.watches.withLock { $0 = (0, 0, .areOutside) }
    let blockBytes = [64, 512, 4096]
    var pool = Pool(blockBytes: blockBytes)
    var live: [[UInt]] = [[], [], []]
    var isLive: Set<UInt> = []
    var random = SystemRandomNumberGenerator()
    for step in 0..<60_000 {
      let sizeClass = Int(random.next() % 3)
      if live[sizeClass].count < 200 || random.next() & 1 == 0 && live[sizeClass].count < 400 {
        let block = unsafe UInt(bitPattern: pool.allocate(sizeClass: sizeClass))
        if !isLive.insert(block).inserted { Issue.record("a block was handed out twice") }
        live[sizeClass].append(block)
      } else {
        let index = Int(random.next() % UInt64(live[sizeClass].count))
        live[sizeClass].swapAt(index, live[sizeClass].count - 1)
        let block = live[sizeClass].removeLast()
        isLive.remove(block)
        unsafe pool.retire(UnsafeMutableRawPointer(bitPattern: block)!, sizeClass: sizeClass)
      }
      if step % 1000 == 0 {
        let readers: WatchedFlavor.Readers = random.next() & 1 == 0 ? .areOutside : .stay
        WatchedFlavor.watches.withLock { $0.readers = readers }
      }
    }
    for sizeClass in 0..<3 {
      for block in live[sizeClass] {
        unsafe pool.retire(UnsafeMutableRawPointer(bitPattern: block)!, sizeClass: sizeClass)
      }
    }
    _ = pool.trim()
    Domain.barrier()
    // All are free then, and so all slabs.
    _ = pool.trim()
    #expect(pool.limboBytes == 0 && pool.reservedBytes == 0)
  }

  /// Also what is retired while a batch is completed, and watched for.
  @Test func flushLeavesNothing() {
    for more in 0..<40 {
      WatchedFlavor.watches.withLock { $0 = (0, 0, more & 1 == 0 ? .stay : .areOutside) }
      var pool = Pool(blockBytes: [64, 512, 4096])
      for step in 0..<Pool.minimumStartBytes / 4096 + more {
        for sizeClass in 0..<3 where sizeClass == 2 || step < 20 {
          unsafe pool.retire(pool.allocate(sizeClass: sizeClass), sizeClass: sizeClass)
        }
      }
      pool.flush()
      Domain.barrier()
      _ = pool.trim()
      #expect(pool.limboBytes == 0 && pool.reservedBytes == 0)
    }
  }

  // MARK: Lists

  private enum ListTestFlavor: BulletproofTestFlavor {
    static let _reclaimer = unsafe _Reclaimer(flavor: ListTestFlavor.self)
  }

  /// No retirement and no grace period takes long because a list has to be made longer.
  @Test func listsAreBounded() {
    var pool = NodePool<ListTestFlavor>(blockBytes: [64, 4096])
    let section = HeldSection<ListTestFlavor>()
    for _ in 0..<3000 {
      for sizeClass in 0..<2 {
        unsafe pool.retire(pool.allocate(sizeClass: sizeClass), sizeClass: sizeClass)
        let capacity = unsafe (pool.retired + sizeClass).pointee.blocks.capacity
        if capacity > Bag.capacity { Issue.record("a list of \(capacity)") }
      }
    }
    pool.flush()
    section.end()
    RCUDomain<ListTestFlavor>.barrier()
    // All come back.
    while pool.limboBytes > 0 { _ = unsafe pool.allocate(sizeClass: 0) }
    #expect(pool.limboBytes == 0)
  }

  /// Lists grow with what is retired, so that a small pool has small ones. Slabs of a few blocks
  /// leave short free lists behind, and batches short lists: both become lists to fill, and grow
  /// again.
  @Test(arguments: [16 << 10, 4 << 10, 64]) func listsGrowAsTheyAreFilled(_ blockBytes: Int) {
    var pool = NodePool<ListTestFlavor>(blockBytes: [blockBytes])
    for round in 1...40 {
      var blocks: [UInt] = []
      for _ in 0..<round * 20 {
        blocks.append(UInt(bitPattern: unsafe pool.allocate(sizeClass: 0)))
      }
      #expect(Set(blocks).count == blocks.count)
      for (index, block) in blocks.enumerated() {
        unsafe pool.retire(UnsafeMutableRawPointer(bitPattern: block)!, sizeClass: 0)
        let capacity = unsafe pool.retired.pointee.blocks.capacity
        if round == 1 && capacity > max(16, 2 * (index + 1)) || capacity > Bag.capacity {
          Issue.record("a list of \(capacity) for block \(index)")
        }
      }
      pool.flush()
      RCUDomain<ListTestFlavor>.barrier()
    }
  }
}
