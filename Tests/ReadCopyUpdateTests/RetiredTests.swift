// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct RetiredTests {
  private typealias Domain = RCUDomain<RetiredTestFlavor>

  @Test func droppingDefersDestruction() {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer(Counted(1, counter))
    let section = HeldSection<RetiredTestFlavor>()
    _ = pointer.exchange(Counted(2, counter))
    // The section was open before the exchange: the old pointee must outlive it.
    #expect(counter.live == 2)
    section.end()
    Domain.barrier()
    #expect(counter.live == 1)
  }

  @Test func reclaimWaitsForOpenSections() {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer(Counted(1, counter))
    let section = HeldSection<RetiredTestFlavor>()
    let retired = pointer.exchange(Counted(2, counter))
    let (started, returned) = (Flag(), Flag())
    let box = RetiredBox(retired)
    let thread = RunningThread {
      started.raise()
      box.reclaim()
      returned.raise()
    }
    started.wait()
    // It can't return while the section is open, however long this thread looks on.
    for _ in 0..<10_000 {
      #expect(!returned.isRaised && counter.live == 2)
      yieldThread()
    }
    section.end()
    thread.join()
    #expect(returned.isRaised)
    #expect(counter.live == 1)
  }

  /// Hands a noncopyable value to another thread.
  private final class RetiredBox: @unchecked Sendable {
    // Sendable: taken once, by the thread that it is made for.
    private var retired: Domain.Retired<Counted>?
    init(_ retired: consuming Domain.Retired<Counted>?) { self.retired = retired }
    func reclaim() { retired.take()?.reclaim() }
  }

  @Test func reclaimDestroysBeforeItReturns() {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer<Counted>()
    for value in 0..<100 {
      pointer.exchange(Counted(value, counter))?.reclaim()
      #expect(counter.live == 1)
    }
    pointer.clear()
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func pointeeOfADroppedPointerIsDeferred() {
    let counter = InstanceCounter()
    let section = HeldSection<RetiredTestFlavor>()
    do {
      let pointer = Domain.Pointer(Counted(1, counter))
      _ = pointer
    }
    #expect(counter.live == 1)
    section.end()
    Domain.barrier()
    #expect(counter.live == 0)
  }
}
