// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing
internal import _RCUShims

/// A pool beside readers that are only imagined: each has a set of the blocks that it may come
/// upon, and none of these is ever handed out.
@Suite struct NodePoolModelTests {
  private struct Reader {
    let isSnapshotSection: Bool
    /// The stamp at its beginning.
    let stamp: UInt64
    /// The stamp of the scan that found it first.
    var since: UInt64?
    /// Blocks that it may come upon: what there was at its beginning and, unless it is a snapshot
    /// section, all later.
    var mayMeet: Set<UInt>
  }

  private struct Readers {
    var inside: [Reader] = []
    var stamp: UInt64 = 1

    /// As the shims scan.
    mutating func scan(isCookies: Bool = false) -> ReaderScan {
      var scan = ReaderScan.ofNobody
      scan.stamp = stamp
      var snapshot: [rcushims_snapshot_reader] = []
      for index in inside.indices {
        let since = inside[index].since ?? stamp
        inside[index].since = since
        scan.oldest = min(scan.oldest, since)
        if inside[index].isSnapshotSection && snapshot.count < RCUSHIMS_SNAPSHOT_READERS_MAX {
          snapshot.append(rcushims_snapshot_reader(since: since, stamp: inside[index].stamp))
        } else {
          scan.oldest_open = min(scan.oldest_open, since)
        }
      }
      scan.snapshot_count = snapshot.count
      unsafe withUnsafeMutableBytes(of: &scan.snapshot) { bytes in
        for (index, reader) in snapshot.enumerated() {
          unsafe bytes.bindMemory(to: rcushims_snapshot_reader.self)[index] = reader
        }
      }
      if isCookies || !inside.isEmpty { stamp += 1 }
      return scan
    }

    mutating func start(_ scan: inout ReaderScan) -> GracePeriodCookie {
      stamp += 1
      let cookie = GracePeriodCookie(stamp: stamp, interruption: 0)
      scan = self.scan(isCookies: true)
      return cookie
    }

    /// The source of a model's flavor.
    static func source(_ flavor: any RCUFlavor.Type, _ readers: Locked<Readers>) -> ChangedSource {
      ChangedSource(
        FlavorSource(flavor: flavor),
        start: { scan in readers.withLock { $0.start(&scan) } },
        scan: { readers.withLock { $0.scan() } })
    }
  }

  private protocol ModelFlavor: BulletproofTestFlavor {
    static var readers: Locked<Readers> { get }
  }

  private enum PoolFlavor: ModelFlavor {
    static let readers = Locked(Readers())
    static let _reclaimer = _Reclaimer(source: Readers.source(PoolFlavor.self, readers))
  }

  private enum BoundFlavor: ModelFlavor {
    static let readers = Locked(Readers())
    static let _reclaimer = _Reclaimer(source: Readers.source(BoundFlavor.self, readers))
  }

  /// A store of blocks that are replaced one by one.
  private struct Store<Flavor: ModelFlavor>: ~Copyable {
    var pool: NodePool<Flavor>
    let blockBytes: [Int]
    /// The published blocks of each class, with their transactions.
    var live: [[(block: UInt, transaction: UInt64)]]
    var transaction: UInt64 = 0
    /// Blocks that were handed out and that a reader may meet.
    private(set) var metCount = 0
    /// Says of all blocks that they are recent.
    private let isWrong: Bool
    private var replaced = WordStack()

    init(blockBytes: [Int], isWrong: Bool = false) {
      self.isWrong = isWrong
      self.blockBytes = blockBytes
      pool = NodePool(blockBytes: blockBytes)
      live = blockBytes.map { _ in [] }
      pool.patienceNanoseconds = .max
    }

    var liveBlocks: Set<UInt> { Set(live.joined().map(\.block)) }

    /// Publishes a block of the class, and then retires some of those before.
    mutating func change(_ sizeClass: Int, retiring indices: [(sizeClass: Int, index: Int)]) {
      transaction += 1
      let block = unsafe UInt(bitPattern: pool.allocate(sizeClass: sizeClass))
      let isMet = Flavor.readers.withLock { readers in
        let isMet = readers.inside.contains { $0.mayMeet.contains(block) }
        for index in readers.inside.indices where !readers.inside[index].isSnapshotSection {
          readers.inside[index].mayMeet.insert(block)
        }
        return isMet
      }
      if isMet { metCount += 1 }
      live[sizeClass].append((block, transaction))
      for (sizeClass, index) in indices where index < live[sizeClass].count - 1 {
        live[sizeClass].swapAt(index, live[sizeClass].count - 1)
        let (old, oldTransaction) = live[sizeClass].removeLast()
        let address = unsafe UnsafeMutableRawPointer(bitPattern: old)!
        unsafe replaced.push(
          TaggedBlock.make(
            address, sizeClass, isRecent: isWrong || pool.isRecent(oldTransaction)))
      }
      unsafe pool.retire(replaced, transaction: transaction)
      replaced.removeAll()
    }

    func enter(snapshot isSnapshotSection: Bool) {
      let blocks = liveBlocks
      Flavor.readers.withLock { readers in
        readers.inside.append(
          Reader(
            isSnapshotSection: isSnapshotSection, stamp: readers.stamp, since: nil, mayMeet: blocks)
        )
      }
    }

    func leave(_ index: Int) { Flavor.readers.withLock { _ = $0.inside.remove(at: index) } }
    var readerCount: Int { Flavor.readers.withLock { $0.inside.count } }
  }

  @Test func nothingIsHandedOutThatAReaderMayMeet() {
    let seed = UInt64.random(in: 0...UInt64.max)
    #expect(Self.metCount(seed, isWrong: false) == 0, "seed \(seed)")
    // What would fail if that meant nothing.
    #expect(Self.metCount(seed, isWrong: true) > 0, "seed \(seed)")
  }

  private static func metCount(_ seed: UInt64, isWrong: Bool) -> Int {
    var store = Store<PoolFlavor>(blockBytes: [4096, 16 << 10, 512], isWrong: isWrong)
    var random = SeededGenerator(seed: seed)
    let lengths = [30, 1000, 8000]
    for step in 0..<80_000 {
      let sizeClass = Int(random.next() % 3)
      let count = store.live[sizeClass].count
      // Some are replaced at once, others stay for long.
      let victim = random.next() & 1 == 0 ? count - 1 : Int(random.next() % UInt64(count + 1))
      let few = count < 40 && step % 4 != 0
      store.change(sizeClass, retiring: few ? [] : [(sizeClass, max(0, victim))])
      let length = lengths[step / 10_000 % lengths.count]
      if random.next() % UInt64(length) == 0 && store.readerCount < 11 {
        store.enter(snapshot: random.next() % 8 != 0)
      }
      if random.next() % UInt64(length) == 0 && store.readerCount > 0 {
        store.leave(Int(random.next() % UInt64(store.readerCount)))
      }
      // The reclaimer doesn't know of these readers.
      while store.readerCount > 0
        && store.pool.limboBytes > NodePool<PoolFlavor>.maximumWaitingBytes / 2
      {
        store.leave(0)
      }
    }
    while store.readerCount > 0 { store.leave(0) }
    return store.metCount
  }

  /// While a snapshot reader stays, limbo is what there was when it came, and a few batches; else
  /// it grows.
  @Test func limboIsBoundedBesideSnapshotReaders() {
    typealias Pool = NodePool<BoundFlavor>
    let blockBytes = 4096
    let liveBytes = 2 << 20
    var store = Store<BoundFlavor>(blockBytes: [blockBytes])
    var random = SystemRandomNumberGenerator()
    for _ in 0..<liveBytes / blockBytes { store.change(0, retiring: []) }
    func maximumLimbo(_ changes: Int) -> Int {
      var limbo = 0
      for _ in 0..<changes {
        let index = Int(random.next() % UInt64(store.live[0].count - 1))
        store.change(0, retiring: [(0, index)])
        limbo = max(limbo, store.pool.limboBytes)
      }
      return limbo
    }
    let changes = 5000
    #expect(maximumLimbo(changes) <= 2 * Pool.minimumStartBytes)
    for count in 1...3 {
      store.enter(snapshot: true)
      let limbo = maximumLimbo(changes)
      // Each of them keeps what there was; they came far from each other, and those that came later
      // than another have kept all for a while.
      let others = (count - 1) * (Pool.maximumRecentBytes + 2 * Pool.minimumStartBytes)
      let limboBound = count * liveBytes + others + 6 * Pool.minimumStartBytes
      #expect(limbo >= liveBytes / 2 && limbo <= limboBound)
      // In few batches.
      let maximumBatchCount = 2 * limboBound / Pool.minimumStartBytes
      #expect(store.pool.waiting.count <= maximumBatchCount)
    }
    store.enter(snapshot: false)
    #expect(maximumLimbo(changes / 2) >= changes / 2 * blockBytes)
    #expect(store.pool.limboBytes < Pool.maximumWaitingBytes)
    while store.readerCount > 0 { store.leave(0) }
    _ = maximumLimbo(changes)
    #expect(maximumLimbo(changes) <= 2 * Pool.minimumStartBytes)
    // One stays; those who come later, and leave, keep nothing of what it keeps from use.
    store.enter(snapshot: true)
    for length in 1...60 {
      store.enter(snapshot: true)
      let limbo = maximumLimbo(length % 4 * Pool.minimumStartBytes / blockBytes)
      if limbo > liveBytes + 8 * Pool.minimumStartBytes {
        Issue.record("\(length): \(limbo) bytes")
      }
      store.leave(1)
    }
    store.leave(0)
  }
}
