// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct GracePeriodTests {
  private typealias Domain = RCUDomain<OrderTestFlavor>

  @Test func synchronizeReturnsWithoutReaders() {
    for _ in 0..<100 { Domain.synchronize() }
    #expect(!Domain.isInReadSection)
  }

  @Test func synchronizeWaitsForAnOpenSection() {
    let section = HeldSection<OrderTestFlavor>()
    let (started, returned) = (Flag(), Flag())
    let thread = RunningThread {
      started.raise()
      Domain.synchronize()
      returned.raise()
    }
    started.wait()
    var returnedEarly = false
    for _ in 0..<10_000 {
      returnedEarly = returnedEarly || returned.isRaised
      yieldThread()
    }
    section.end()
    thread.join()
    #expect(!returnedEarly)
    #expect(returned.isRaised)
  }

  /// The same without a look from outside: the waiter sees what the section did last.
  @Test func synchronizeNeverReturnsInsideASectionItWaitsFor() {
    for _ in 0..<200 {
      let (opened, closing) = (Flag(), Flag())
      let reader = RunningThread {
        Domain.withReadSection { _ in
          opened.raise()
          for _ in 0..<50 { yieldThread() }
          // A grace period that ended before this would find the flag down.
          closing.raise()
        }
      }
      opened.wait()
      Domain.synchronize()
      #expect(closing.isRaised)
      reader.join()
    }
  }

  @Test func synchronizeWaitsForTheOutermostSection() {
    let (innerEnded, release, returned) = (Flag(), Flag(), Flag())
    let reader = RunningThread {
      Domain.withReadSection { _ in
        Domain.withReadSection { _ in }
        innerEnded.raise()
        release.wait()
      }
    }
    innerEnded.wait()
    let waiter = RunningThread {
      Domain.synchronize()
      returned.raise()
    }
    for _ in 0..<1000 { yieldThread() }
    #expect(!returned.isRaised)
    release.raise()
    reader.join()
    waiter.join()
    #expect(returned.isRaised)
  }

  // MARK: - Tasks

  @Test func manyTasksSynchronizeAtOnce() async {
    let done = InstanceCounter()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<500 {
        group.addTask {
          if index.isMultiple(of: 2) { await Domain.synchronize() } else { await Domain.barrier() }
          done.add()
        }
      }
    }
    #expect(done.created == 500)
  }

  // The reader ends its section by itself: a task that held it open across an `await` would depend
  // on a pool thread, which other tests may block in a grace period.
  @Test func asyncSynchronizeWaitsForAnOpenSection() async {
    for _ in 0..<100 {
      let (opened, closing) = (Flag(), Flag())
      RunningThread.startDetached {
        Domain.withReadSection { _ in
          opened.raise()
          for _ in 0..<50 { yieldThread() }
          closing.raise()
        }
      }
      while !opened.isRaised { await Task.yield() }
      await Domain.synchronize()
      #expect(closing.isRaised)
    }
  }

  @Test func asyncBarrierWaitsForWhatWasRetired() async {
    let counter = InstanceCounter()
    for _ in 0..<200 {
      let pointer = Domain.Pointer(Counted(0, counter))
      for value in 1...10 { pointer.store(Counted(value, counter)) }
      pointer.clear()
      await Domain.barrier()
      #expect(counter.live == 0)
    }
  }

  // MARK: - afterGracePeriod

  @Test func actionsRunInTheOrderOfTheCalls() {
    let order = OrderRecord()
    for index in 0..<5000 { Domain.afterGracePeriod { order.append(index) } }
    Domain.barrier()
    #expect(order.values == Array(0..<5000))
  }

  @Test func actionsOfEachThreadKeepTheirOrder() {
    let order = OrderRecord()
    runThreads(4) { thread in
      for index in 0..<1000 {
        Domain.afterGracePeriod { order.append(thread * 1000 + index) }
      }
    }
    Domain.barrier()
    let values = order.values
    #expect(values.count == 4000)
    for thread in 0..<4 {
      let own = values.filter { $0 / 1000 == thread }
      #expect(own == Array(thread * 1000..<(thread + 1) * 1000))
    }
  }

  @Test func anActionWaitsForASection() {
    let section = HeldSection<OrderTestFlavor>()
    let ran = Flag()
    Domain.afterGracePeriod { ran.raise() }
    for _ in 0..<1000 { yieldThread() }
    #expect(!ran.isRaised)
    section.end()
    Domain.barrier()
    #expect(ran.isRaised)
  }

  @Test func anActionMayRetireItself() {
    let ran = InstanceCounter()
    @Sendable func again(_ left: Int) {
      Domain.afterGracePeriod {
        ran.add()
        if left > 1 { again(left - 1) }
      }
    }
    again(50)
    #expect(waitUntil { ran.created == 50 })
    Domain.barrier()
  }

  @Test func anActionRetiresFromInsideASection() {
    let ran = Flag()
    Domain.withReadSection { _ in Domain.afterGracePeriod { ran.raise() } }
    Domain.barrier()
    #expect(ran.isRaised)
  }

  @Test func capturesAreReleasedBeforeBarrierReturns() {
    let counter = InstanceCounter()
    for value in 0..<500 {
      let object = CountedObject(value, counter)
      Domain.afterGracePeriod { withExtendedLifetime(object) {} }
      if value.isMultiple(of: 7) {
        Domain.barrier()
        // This thread's own reference ended with its last use, at the latest here.
        #expect(counter.live <= 1)
      }
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }
}

/// What ran, in order. Written by the reclaimer under the lock.
private final class OrderRecord: Sendable {
  private let storage = Locked<[Int]>([])
  var values: [Int] { storage.withLock { $0 } }
  func append(_ value: Int) { storage.withLock { $0.append(value) } }
}
