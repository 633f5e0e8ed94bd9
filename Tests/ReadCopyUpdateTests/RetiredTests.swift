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
    func take() { _ = retired.take()?.take() }
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

  // MARK: - value and take

  @Test func valueIsReadInPlace() {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer(Counted(5, counter))
    if let old = pointer.exchange(Counted(6, counter)) {
      #expect(old.value.value == 5)
      #expect(counter.live == 2)
    } else {
      Issue.record("exchange lost the old pointee")
    }
    pointer.clear()
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func takeMovesTheValueOut() {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer(Counted(5, counter))
    if let taken = pointer.exchange(Counted(6, counter))?.take() {
      #expect(taken.value == 5)
      #expect(counter.live == 2)
    } else {
      Issue.record("exchange lost the old pointee")
    }
    #expect(counter.live == 1)
    pointer.clear()
    Domain.barrier()
    #expect(counter.live == 0)
    #expect(counter.created == 2)
  }

  @Test func takeWaitsForOpenSections() {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer(Counted(1, counter))
    let section = HeldSection<RetiredTestFlavor>()
    let box = RetiredBox(pointer.exchange(Counted(2, counter)))
    let (started, returned) = (Flag(), Flag())
    let thread = RunningThread {
      started.raise()
      box.take()
      returned.raise()
    }
    started.wait()
    for _ in 0..<10_000 {
      #expect(!returned.isRaised)
      yieldThread()
    }
    section.end()
    thread.join()
    #expect(counter.live == 1)
  }

  @Test func asyncTwinsWaitForAGracePeriod() async {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer<Counted>()
    for value in 0..<200 {
      let old = pointer.exchange(Counted(value, counter))
      let isFirst = old == nil
      #expect(isFirst == (value == 0))
      if value.isMultiple(of: 2) {
        await old?.reclaim()
      } else if let taken = await old?.take() {
        #expect(taken.value == value - 1)
        #expect(counter.live == 2)
      }
      #expect(counter.live == 1)
    }
    pointer.clear()
    await Domain.barrier()
    #expect(counter.live == 0)
  }

  /// The reader ends its section by itself; see `asyncSynchronizeWaitsForAnOpenSection`.
  @Test func asyncTakeWaitsForAnOpenSection() async {
    let counter = InstanceCounter()
    for _ in 0..<100 {
      let pointer = Domain.Pointer(Counted(1, counter))
      let (opened, closing) = (Flag(), Flag())
      RunningThread.startDetached {
        Domain.withReadSection { _ in
          opened.raise()
          for _ in 0..<50 { yieldThread() }
          closing.raise()
        }
      }
      while !opened.isRaised { await Task.yield() }
      if let old = pointer.exchange(Counted(2, counter)) {
        let taken = await old.take()
        #expect(closing.isRaised && taken.value == 1)
      }
    }
    await Domain.barrier()
    #expect(counter.live == 0)
  }
}
