// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import ReadCopyUpdate

/// What a reclaimer keeps retirements in, and what it hands back to threads that retire.
@Suite struct RetirementQueueTests {
  /// Writes down when it goes.
  private final class Captured: Sendable {
    let log: Locked<[String]>
    let name: String
    init(_ name: String, _ log: Locked<[String]>) {
      self.name = name
      self.log = log
    }
    deinit { log.withLock { $0.append("\(name) gone") } }
  }

  private static func retirement(
    _ number: Int, _ log: Locked<[String]>
  ) -> _Retirement {
    let captured = Captured("\(number)", log)
    return _Retirement(bytes: number) {
      captured.log.withLock { $0.append("\(captured.name) runs") }
    }
  }

  @Test func runsInOrderAndEachIsGoneBeforeTheNext() {
    let log = Locked<[String]>([])
    var queue = RetirementQueue()
    for number in 0..<100 { queue.append(Self.retirement(number, log)) }
    #expect(queue.count == 100 && queue.bytes == 4950 && !queue.isEmpty)
    var count = 0
    queue.removeAll { retirement in
      #expect(retirement.bytes == count)
      count += 1
      _ = unsafe retirement.run()
    }
    #expect(count == 100 && queue.isEmpty && queue.bytes == 0)
    let expected = (0..<100).flatMap { ["\($0) runs", "\($0) gone"] }
    #expect(log.withLock { $0 } == expected)
  }

  /// Also one that has given its memory back, as after many.
  @Test func isUsedAgain() {
    let log = Locked<[String]>([])
    var queue = RetirementQueue()
    for round in [1, 10_000, 3] {
      for number in 0..<round { queue.append(Self.retirement(number, log)) }
      var count = 0
      queue.removeAll { retirement in
        count += retirement.bytes == count ? 1 : 0
      }
      #expect(count == round)
    }
  }

  @Test func whatHasNotRunGoes() {
    let log = Locked<[String]>([])
    do {
      var queue = RetirementQueue()
      for number in 0..<3 { queue.append(Self.retirement(number, log)) }
    }
    #expect(log.withLock { $0.sorted() } == ["0 gone", "1 gone", "2 gone"])
  }

  @Test func spentMemoryIsBounded() {
    var spent = RecycledBlocks()
    func block(_ bytes: Int) -> UnsafeMutableRawPointer {
      .allocate(byteCount: bytes, alignment: 16)
    }
    #expect(unsafe spent.take() == nil)
    // Too large to be kept: it is freed, as a leak check would tell.
    unsafe spent.add(block(1025), bytes: 1025)
    #expect(spent.count == 0)
    var kept = 0
    for _ in 0..<2000 {
      unsafe spent.add(block(1024), bytes: 1024)
    }
    while let block = unsafe spent.take() {
      unsafe block.deallocate()
      kept += 1
    }
    #expect(kept == 1024 && spent.count == 0)
    // No more before all has been freed.
    unsafe spent.add(block(8), bytes: 8)
    #expect(spent.count == 0)
    spent.freeAll()
    // Nor without end where each is next to nothing.
    for _ in 0..<40_000 { unsafe spent.add(block(1), bytes: 0) }
    #expect(spent.count == (1 << 20) / 32)
  }

  /// Each retirement frees one block; what is left when nobody retires, the reclaimer's thread
  /// frees.
  @Test func spentMemoryIsFreedByRetiringThreads() {
    let domain = SleepableRCU(name: "spent")
    let reclaimer = domain._reclaimer
    let pointer = SleepableRCU.Pointer(0, protectedBy: domain)
    func spentCount() -> Int { reclaimer.monitor.withLock { reclaimer.retiring.spent.count } }
    domain.withReadSection { _ in
      // From here on, and as long as the section is open, the reclaimer's thread has work.
      pointer.store(1)
      reclaimer.monitor.withLock {
        for _ in 0..<3 {
          unsafe reclaimer.retiring.spent.add(.allocate(byteCount: 8, alignment: 8), bytes: 8)
        }
      }
      pointer.store(2)
      #expect(spentCount() == 2)
      pointer.store(3)
      #expect(spentCount() == 1)
    }
    domain.barrier()
    #expect(waitUntil { spentCount() == 0 })
    #expect(domain.statistics.executedCount == 3)
  }
}
