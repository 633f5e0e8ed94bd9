// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
@testable import ReadCopyUpdate
import TestSupport
import Testing

/// Memory that the reclaimer makes ready before a pool needs it.
///
/// AddressSanitizer builds have none: there all slabs are of the heap.
@Suite(.serialized) struct SuppliesTests {
  private typealias Pool = NodePool<SuppliesTestFlavor>
  private typealias Domain = RCUDomain<SuppliesTestFlavor>

  /// A pool that has looked for readers in vain.
  private static func makePool(blockBytes: [Int]) -> Pool {
    var pool = Pool(blockBytes: blockBytes)
    pool.attemptBytes = 2 * Pool.attemptBytesMin
    return pool
  }

  private enum SuppliesTestFlavor: BulletproofTestFlavor {
    static let _reclaimer = _Reclaimer(flavor: SuppliesTestFlavor.self)
  }

  // MARK: Ready memory

  @Test(.enabled(if: !isAddressSanitizerBuild), arguments: [256 << 10, 2 << 20])
  func slabsAreCutInWholePages(_ bytes: Int) {
    var memory = ReadyMemory(bytes: bytes)
    #expect(memory.bytes == bytes && memory.rest.address % UInt(getpagesize()) == 0)
    #expect(Self.residentPages(memory.rest) == bytes / Int(getpagesize()))
    var next = memory.rest.address
    var slabs: [Slab] = []
    for wanted in [1, 16 << 10, (16 << 10) + 1, 100_000] {
      let slab = memory.cut(bytes: wanted)
      #expect(slab.address == next && slab.bytes >= wanted && slab.bytes < wanted + (64 << 10))
      #expect(slab.bytes % max(Int(getpagesize()), 16 << 10) == 0)
      next += UInt(slab.bytes)
      slabs.append(slab)
    }
    let left = memory.bytes
    // The last one is what there is.
    slabs.append(memory.cut(bytes: bytes))
    #expect(slabs.last?.bytes == left && memory.bytes == 0)
    #expect(slabs.reduce(0) { $0 + $1.bytes } == bytes)
    for slab in slabs { slab.free() }
  }

  /// Alone in a process: nobody else maps anything where something was.
  @Test(.enabled(if: !isAddressSanitizerBuild)) func freeingUnmaps() async {
    await #expect(processExitsWith: .exitCode(0)) {
      var memory = ReadyMemory(bytes: 256 << 10)
      let slab = memory.cut(bytes: 64 << 10)
      let rest = memory.rest
      precondition(memory.free() == 192 << 10 && memory.bytes == 0 && memory.free() == 0)
      precondition(SuppliesTests.residentPages(rest) == nil)
      precondition(SuppliesTests.residentPages(slab) == slab.bytes / Int(getpagesize()))
      slab.free()
      precondition(SuppliesTests.residentPages(slab) == nil)
    }
  }

  /// `nil` if some of it isn't mapped.
  private static func residentPages(_ slab: Slab) -> Int? {
    var pages = [UInt8](repeating: 0, count: slab.bytes / Int(getpagesize()))
    let start = unsafe UnsafeMutableRawPointer(bitPattern: slab.address)
    guard unsafe mincore(start, slab.bytes, &pages) == 0 else { return nil }
    return pages.count { $0 & 1 == 1 }
  }

  // MARK: Chores

  /// Memory is made ready at once, whatever readers do.
  @Test func choresDontWaitForSections() {
    let section = HeldSection<SuppliesTestFlavor>()
    let (first, second) = (Flag(), Flag())
    SuppliesTestFlavor._reclaimer.runSoon { first.raise() }
    first.wait()
    // From within one, too.
    SuppliesTestFlavor._reclaimer.runSoon {
      SuppliesTestFlavor._reclaimer.runSoon { second.raise() }
    }
    second.wait()
    section.end()
  }

  /// What is retired beside them isn't forgotten.
  @Test func choresRunBesideRetirements() {
    let counter = InstanceCounter()
    for _ in 0..<1000 {
      SuppliesTestFlavor._reclaimer.runSoon { counter.add() }
      Domain.afterGracePeriod { counter.add() }
    }
    Domain.barrier()
    #expect(waitUntil { counter.created == 2000 })
  }

  // MARK: Pools

  /// What there is, is counted to the byte, and each block is handed out once.
  @Test func growingPoolTakesSupplies() {
    var pool = Self.makePool(blockBytes: [1024, 64])
    var blocks: Set<UInt> = []
    for count in 1...24_000 {
      for sizeClass in 0..<2 {
        let block = unsafe pool.allocate(sizeClass: sizeClass)
        unsafe block.storeBytes(of: UInt(bitPattern: block), as: UInt.self)
        if !blocks.insert(UInt(bitPattern: block)).inserted {
          Issue.record("a block was handed out twice")
        }
      }
      if count.isMultiple(of: 500) { expectBytesAddUp(pool) }
      // Not faster than the reclaimer.
      if count.isMultiple(of: 50) { SuppliesTestFlavor.finishChores() }
    }
    for block in blocks {
      let word = unsafe UnsafeRawPointer(bitPattern: block)!.load(as: UInt.self)
      if word != block { Issue.record("blocks overlap") }
    }
    let slabs = pool.shared.sortedSlabs
    let mappedBytes = slabs.filter(\.isMapped).reduce(0) { $0 + $1.bytes }
    if isAddressSanitizerBuild {
      #expect(mappedBytes == 0)
    } else {
      // All after the first mebibyte, but for what was taken while supplies were on their way.
      #expect(mappedBytes > 20 << 20)
    }
    for (slab, next) in zip(slabs, slabs.dropFirst()) {
      #expect(slab.address + UInt(slab.bytes) <= next.address)
    }
  }

  /// Whether some memory is ready, and more is on its way or there.
  private static func hasAllSupplies(_ pool: borrowing Pool) -> Bool {
    pool.ready.bytes > 0 && pool.orderedBytes > 0
  }

  private func expectBytesAddUp(_ pool: borrowing Pool) {
    let slabBytes = pool.shared.sortedSlabs.reduce(0) { $0 + $1.bytes }
    let reserved = pool.reservedBytes
    let unused = pool.ready.bytes + pool.orderedBytes
    #expect(reserved == slabBytes + unused)
    // Half of a quarter, and a quarter; or of huge pages.
    #expect(unused <= min(reserved * 3 / 8, 3 << 20) + (16 << 10))
  }

  /// A small pool has no memory in store, nor one beside which nobody reads.
  @Test func othersOrderNothing() {
    var small = Self.makePool(blockBytes: [1024])
    for _ in 0..<800 { _ = unsafe small.allocate(sizeClass: 0) }
    #expect(small.orderedBytes == 0 && small.reservedBytes < 1 << 20)
    var quiet = Pool(blockBytes: [1024])
    for _ in 0..<8000 { _ = unsafe quiet.allocate(sizeClass: 0) }
    #expect(quiet.orderedBytes == 0 && quiet.reservedBytes > 4 << 20)
  }

  @Test func trimmingGivesSuppliesBack() {
    var pool = Self.makePool(blockBytes: [1024])
    var blocks: [UInt] = []
    while blocks.count < 20_000 && (blocks.count < 8000 || !Self.hasAllSupplies(pool)) {
      blocks.append(UInt(bitPattern: unsafe pool.allocate(sizeClass: 0)))
      if blocks.count.isMultiple(of: 50) { SuppliesTestFlavor.finishChores() }
    }
    #expect(isAddressSanitizerBuild || Self.hasAllSupplies(pool))
    SuppliesTestFlavor.finishChores()
    let unused = pool.ready.bytes + (isAddressSanitizerBuild ? 0 : pool.orderedBytes)
    #expect(isAddressSanitizerBuild || unused > 1 << 20)
    // No slab has free blocks only.
    #expect(pool.trim() == unused)
    expectBytesAddUp(pool)
    #expect(pool.ready.bytes == 0 && pool.orderedBytes == 0)
    for block in blocks {
      unsafe pool.free(UnsafeMutableRawPointer(bitPattern: block)!, sizeClass: 0)
    }
    _ = pool.trim()
    #expect(pool.reservedBytes == 0 && pool.shared.sortedSlabs.isEmpty)
    // And from the start again.
    for _ in 0..<3000 { _ = unsafe pool.allocate(sizeClass: 0) }
    SuppliesTestFlavor.finishChores()
    expectBytesAddUp(pool)
  }

  /// With memory in store, some taken and some not, and an order under way.
  @Test func droppedPoolLeavesNoMemory() async {
    await #expect(processExitsWith: .exitCode(0)) { SuppliesTests.checkDroppedPool() }
  }

  private static func checkDroppedPool() {
    var mapped: [Slab] = []
    weak var shared: PoolShared?
    do {
      var pool = makePool(blockBytes: [1024])
      shared = pool.shared
      for count in 1...20_000 where count < 6000 || !hasAllSupplies(pool) {
        _ = unsafe pool.allocate(sizeClass: 0)
        if count.isMultiple(of: 50) { SuppliesTestFlavor.finishChores() }
      }
      SuppliesTestFlavor.finishChores()
      mapped = pool.shared.sortedSlabs.filter(\.isMapped) + [pool.ready.rest]
      if let supplies = pool.shared.takeSupplies() {
        mapped.append(supplies.memory.rest)
        pool.shared.give(supplies)
      }
      precondition(isAddressSanitizerBuild || mapped.count > 10 && hasAllSupplies(pool))
    }
    Domain.barrier()
    SuppliesTestFlavor.finishChores()
    precondition(waitUntil { shared == nil })
    for slab in mapped where slab.bytes > 0 {
      precondition(residentPages(slab) == nil, "\(slab) is still mapped")
    }
  }

  /// A child may fork while memory is made ready, and goes on without.
  @Test(.enabled(if: !isThreadSanitizerBuild)) func childGrowsToo() async {
    await #expect(processExitsWith: .exitCode(0)) { SuppliesTests.checkChildGrowsToo() }
  }

  /// A pool that a child uses on.
  private final class PoolBox: @unchecked Sendable {
    // Sendable: used by one thread at a time.
    var pool = makePool(blockBytes: [1024])

    func grow(_ count: Int) {
      for _ in 0..<count {
        let block = unsafe pool.allocate(sizeClass: 0)
        unsafe block.initializeMemory(as: UInt8.self, repeating: 1, count: 1024)
      }
    }
  }

  private static func checkChildGrowsToo() {
    let box = PoolBox()
    // Each time an order is under way, or not.
    for _ in 0..<40 {
      box.grow(200)
      let end = runInForkedChild {
        box.grow(4000)
        SuppliesTestFlavor.finishChores()
        box.grow(4000)
        return 0
      }
      precondition(end == .exited(0), "the child ended with \(end)")
    }
  }

  // MARK: Lists

  /// No retirement and no grace period takes long because a list has to be made longer.
  @Test func listsAreBounded() {
    var pool = Pool(blockBytes: [64, 4096])
    let section = HeldSection<SuppliesTestFlavor>()
    for _ in 0..<3000 {
      for sizeClass in 0..<2 {
        unsafe pool.retire(pool.allocate(sizeClass: sizeClass), sizeClass: sizeClass)
        let capacity = unsafe (pool.sizeClasses + sizeClass).pointee.retired.capacity
        if capacity > BlockList.capacity { Issue.record("a list of \(capacity)") }
      }
    }
    pool.flush()
    section.end()
    Domain.barrier()
    // All come back.
    while pool.limboBytes > 0 { _ = unsafe pool.allocate(sizeClass: 0) }
    #expect(pool.limboBytes == 0)
  }

  /// Slabs of one block leave no free list behind, those of a few a short one: both become lists to fill.
  @Test(arguments: [16 << 10, 4 << 10, 64]) func shortFreeListsAreMadeLonger(_ blockBytes: Int) {
    var pool = Pool(blockBytes: [blockBytes])
    for round in 1...40 {
      var blocks: [UInt] = []
      for _ in 0..<round * 20 {
        blocks.append(UInt(bitPattern: unsafe pool.allocate(sizeClass: 0)))
      }
      #expect(Set(blocks).count == blocks.count)
      for block in blocks {
        unsafe pool.retire(UnsafeMutableRawPointer(bitPattern: block)!, sizeClass: 0)
        let capacity = unsafe pool.sizeClasses.pointee.retired.capacity
        if capacity < BlockList.capacity { Issue.record("a list of \(capacity)") }
      }
      pool.flush()
      Domain.barrier()
    }
  }
}
