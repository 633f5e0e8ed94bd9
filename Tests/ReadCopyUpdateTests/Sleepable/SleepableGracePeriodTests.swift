// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

@Suite struct SleepableGracePeriodTests {
  @Test func gracePeriodsEndWithoutReaders() async {
    let domain = SleepableRCU()
    for _ in 0..<100 { await domain.synchronize() }
    RunningThread { for _ in 0..<100 { domain.synchronize() } }.join()
    await domain.barrier()
    // Those of the tasks may have been shared.
    #expect(domain.statistics.gracePeriodCount > 100)
  }

  /// The waiter sees what a section did last, whichever half it is in.
  @Test func synchronizeWaitsForASuspendedSection() async {
    let domain = SleepableRCU()
    for _ in 0..<20 {
      let section = await SuspendedSection(in: domain)
      let returned = Flag()
      let waiter = RunningThread {
        domain.synchronize()
        precondition(section.ending.isRaised, "synchronize came back in a section")
        returned.raise()
      }
      let task = Task {
        await domain.synchronize()
        return section.ending.isRaised
      }
      for _ in 0..<200 { await Task.yield() }
      #expect(!returned.isRaised)
      await section.end()
      #expect(await task.value)
      waiter.join()
    }
  }

  @Test func synchronizeWaitsForASectionOfAThread() {
    let domain = SleepableRCU()
    for _ in 0..<200 {
      let (opened, closing) = (Flag(), Flag())
      let reader = RunningThread {
        domain.withReadSection { _ in
          opened.raise()
          for _ in 0..<50 { yieldThread() }
          closing.raise()
        }
      }
      opened.wait()
      domain.synchronize()
      #expect(closing.isRaised)
      reader.join()
    }
  }

  @Test func domainsDontWaitForEachOther() async {
    let (slow, quick) = (SleepableRCU(name: "slow"), SleepableRCU(name: "quick"))
    let counter = InstanceCounter()
    let section = await SuspendedSection(in: slow)
    let pointer = SleepableRCU.Pointer(Counted(1, counter), protectedBy: quick)
    pointer.store(Counted(2, counter))
    await quick.synchronize()
    await quick.barrier()
    #expect(counter.live == 1)
    // Inside a section of another domain too, blocking or not.
    await slow.withReadSection { _ in await quick.synchronize() }
    RunningThread { slow.withReadSection { _ in quick.synchronize() } }.join()
    #expect(!section.ending.isRaised)
    await section.end()
  }

  /// A grace period waits for the sections that were open, not for those that began meanwhile.
  @Test func laterSectionsAreNotWaitedFor() async {
    let domain = SleepableRCU()
    let first = await SuspendedSection(in: domain)
    let half = domain.counters.currentHalf
    let waiting = Task { await domain.synchronize() }
    #expect(await eventually { domain.counters.currentHalf != half })
    let second = await SuspendedSection(in: domain)
    await first.end()
    await waiting.value
    #expect(!second.ending.isRaised)
    await second.end()
  }

  /// A section that read the index, and counts itself in only when the halves have changed their
  /// roles since, is waited for as any other.
  @Test(arguments: 0..<4) func lateSectionsAreWaitedFor(_ flips: Int) {
    let domain = SleepableRCU()
    let counters = domain.counters
    let staleHalf = counters.currentHalf
    for _ in 0..<flips { counters.flip() }
    unsafe (counters.words + counters.nearShard + staleHalf).pointee.wrappingAdd(
      1, ordering: .acquiring)
    let (ending, returned) = (Flag(), Flag())
    let waiter = RunningThread {
      domain.synchronize()
      precondition(ending.isRaised, "the grace period passed over a section")
      returned.raise()
    }
    for _ in 0..<1000 { yieldThread() }
    #expect(!returned.isRaised)
    ending.raise()
    counters.end(staleHalf)
    waiter.join()
    #expect(counters.isQuiet(0) && counters.isQuiet(1))
  }

  /// A section may end in any shard.
  @Test func endsAreCountedWhereverTheyAre() {
    let counters = SectionCounters()
    defer { counters.deallocate() }
    for shard in 1...Int(counters.shardMask) + 1 {
      let half = counters.begin()
      #expect(!counters.isQuiet(half) && counters.isQuiet(1 - half))
      #expect(counters.openCount(half) == 1)
      unsafe (counters.words + shard * SectionCounters.wordsPerLine + 2 + half).pointee
        .wrappingAdd(1, ordering: .releasing)
      #expect(counters.isQuiet(half) && counters.openCount(half) == 0)
      counters.flip()
    }
  }

  /// Threads that wait for one long section share the grace period that follows the one under way.
  @Test func waitersShareGracePeriods() async {
    let source = CountingSource(InstanceCounter())
    let domain = SleepableRCU(source: source)
    let section = await SuspendedSection(in: domain)
    let first = RunningThread { domain.synchronize() }
    #expect(await eventually { source.runs.created == 1 })
    let threads = (0..<8).map { _ in RunningThread { domain.synchronize() }.release() }
    #expect(await eventually { domain._reclaimer.waitingCount == 9 })
    await section.end()
    first.join()
    for thread in threads { RunningThread.join(thread) }
    #expect(domain.statistics.gracePeriodCount == 9)
    // One for all; threads that were late after all have one more.
    #expect((2...4).contains(source.runs.created))
  }

  @Test func manyTasksSynchronizeAtOnce() async {
    let domain = SleepableRCU()
    let done = InstanceCounter()
    let section = await SuspendedSection(in: domain)
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<200 {
        group.addTask {
          if index.isMultiple(of: 2) { await domain.synchronize() } else { await domain.barrier() }
          if index.isMultiple(of: 2) { precondition(section.ending.isRaised) }
          done.add()
        }
      }
      group.addTask { section.release() }
    }
    #expect(done.created == 200)
  }

  @Test func deferredCallsRunInOrderAfterTheSection() async {
    let domain = SleepableRCU()
    let order = Locked<[Int]>([])
    let section = await SuspendedSection(in: domain)
    for value in 0..<1000 {
      domain.afterGracePeriod {
        precondition(section.ending.isRaised)
        order.withLock { $0.append(value) }
      }
    }
    #expect(domain.statistics.pendingCount == 1000)
    await section.end()
    await domain.barrier()
    #expect(order.withLock { $0 } == Array(0..<1000))
    #expect(domain.statistics.pendingCount == 0 && domain.statistics.executedCount == 1000)
  }

  // MARK: Limits

  /// A thread that runs no task and is in no section waits; one in a section is counted.
  @Test func threadsPastTheLimitWaitOutsideOfSections() async {
    let domain = SleepableRCU()
    domain.limits = RCULimits(maximumPendingCount: 10)
    let counter = InstanceCounter()
    let section = await SuspendedSection(in: domain)
    let returned = Flag()
    let thread = RunningThread {
      domain.withReadSection { _ in
        for value in 0..<50 {
          domain.afterGracePeriod { [object = CountedObject(value, counter)] in
            withExtendedLifetime(object) {}
          }
        }
      }
      domain.afterGracePeriod {}
      returned.raise()
    }
    #expect(await eventually { domain.statistics.waitCount == 1 })
    #expect(domain.statistics.overLimitCount == 40 && domain.statistics.pendingCount == 51)
    #expect(!returned.isRaised)
    await section.end()
    thread.join()
    await domain.barrier()
    #expect(counter.live == 0)
  }

  /// A task is never blocked: it may be in the section that everybody waits for. It waits where it
  /// says so.
  @Test func tasksPastTheLimitAreCounted() async {
    let domain = SleepableRCU()
    domain.limits = RCULimits(maximumPendingCount: 10)
    let ran = InstanceCounter()
    await domain.withReadSection { _ in
      await Task.yield()
      for _ in 0..<50 { domain.afterGracePeriod { ran.add() } }
    }
    var statistics = domain.statistics
    #expect(statistics.overLimitCount == 40 && statistics.waitCount == 0)
    await domain.waitBelowLimits()
    statistics = domain.statistics
    #expect(ran.created == 50 && statistics.pendingCount == 0)
    // Below the limits it returns at once, and counts nothing.
    let section = await SuspendedSection(in: domain)
    domain.afterGracePeriod { ran.add() }
    let waitCount = domain.statistics.waitCount
    await domain.waitBelowLimits()
    #expect(domain.statistics.waitCount == waitCount && domain.statistics.pendingCount == 1)
    await section.end()
  }

  @Test func waitBelowLimitsSuspends() async {
    let domain = SleepableRCU()
    domain.limits = RCULimits(maximumPendingBytes: 100)
    let section = await SuspendedSection(in: domain)
    domain.afterGracePeriod(bytes: 101) {}
    let task = Task {
      await domain.waitBelowLimits()
      return section.ending.isRaised
    }
    #expect(await eventually { domain.statistics.waitCount == 1 })
    await section.end()
    #expect(await task.value)
  }
}

extension _Reclaimer {
  /// How many threads wait for a grace period, or are just about to.
  fileprivate var waitingCount: Int { monitor.withLock { waitStarts.count } }
}
