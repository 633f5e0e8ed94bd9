// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

@Suite struct LimitTests {
  /// One item, and what the limit lets wait.
  private static let itemBytes = 1000
  private static let limits = RCULimits(maximumPendingBytes: 20_000, maximumPendingCount: 1000)

  @Test func outsideASectionAThreadPastTheLimitWaits() {
    typealias Domain = RCUDomain<LimitTestFlavor>
    let writers = 4
    Domain.limits = Self.limits
    defer { Domain.limits = RCULimits() }
    let counter = InstanceCounter()
    let section = HeldSection<LimitTestFlavor>()
    let writing = Writing(counter: counter)
    let thread = RunningThread {
      runThreads(writers) { _ in
        for value in 0..<500 {
          let object = CountedObject(value, writing.counter)
          Domain.afterGracePeriod(bytes: Self.itemBytes) { withExtendedLifetime(object) {} }
        }
      }
    }
    // Nothing is reclaimed while the section is open: all writers end up waiting.
    #expect(waitUntil { Domain.statistics.waitCount >= writers })
    #expect(Domain.statistics.pendingCount == 20 + writers)
    section.end()
    thread.join()
    Domain.barrier()
    let statistics = Domain.statistics
    #expect(statistics.pendingBytesPeak <= 20_000 + writers * Self.itemBytes)
    #expect(statistics.overLimitCount == 0)
    #expect(statistics.pendingCount == 0 && statistics.pendingBytes == 0)
    #expect(statistics.executedCount == writers * 500)
    #expect(counter.live == 0)
    updateWaitsToo()
  }

  private final class Writing: Sendable {
    let counter: InstanceCounter
    init(counter: InstanceCounter) { self.counter = counter }
  }

  /// `update` opens a section of its own, but retires after it.
  private func updateWaitsToo() {
    typealias Domain = RCUDomain<LimitTestFlavor>
    let before = Domain.statistics
    Domain.limits = RCULimits(maximumPendingBytes: 80, maximumPendingCount: 1000)
    let shared = SharedNumber()
    let section = HeldSection<LimitTestFlavor>()
    let thread = RunningThread { for _ in 0..<100 { shared.pointer.update { $0 += 1 } } }
    #expect(waitUntil { Domain.statistics.waitCount > before.waitCount })
    #expect(Domain.statistics.pendingBytes == 88)
    section.end()
    thread.join()
    Domain.barrier()
    #expect(Domain.statistics.overLimitCount == before.overLimitCount)
  }

  private final class SharedNumber: Sendable {
    let pointer = RCUDomain<LimitTestFlavor>.Pointer(0)
  }

  @Test func insideASectionAThreadPastTheLimitIsCounted() {
    typealias Domain = RCUDomain<SectionLimitTestFlavor>
    Domain.limits = RCULimits(maximumPendingBytes: 1 << 30, maximumPendingCount: 10)
    let ran = InstanceCounter()
    Domain.withReadSection { _ in
      for _ in 0..<100 { Domain.afterGracePeriod { ran.add() } }
    }
    Domain.barrier()
    var statistics = Domain.statistics
    #expect(statistics.overLimitCount == 90)
    #expect(statistics.waitCount == 0)
    #expect(ran.created == 100)

    // The reclaimer itself is counted too, and doesn't wait for itself.
    let flooded = Flag()
    Domain.afterGracePeriod {
      for _ in 0..<100 { Domain.afterGracePeriod { ran.add() } }
      flooded.raise()
    }
    #expect(waitUntil { flooded.isRaised })
    Domain.barrier()
    statistics = Domain.statistics
    #expect(statistics.overLimitCount > 90)
    #expect(statistics.waitCount == 0)
    #expect(ran.created == 200)
  }

  /// Async twins don't block a pool thread, limits or not. In a process of its own, where no other
  /// test takes the pool's threads while the section is open.
  @Test func asyncSynchronizePastTheLimitBlocksNoThread() async {
    await #expect(processExitsWith: .success) {
      RCU.limits = RCULimits(maximumPendingBytes: 10, maximumPendingCount: 10)
      let section = HeldSection<BulletproofFlavor>()
      let (begun, done) = (InstanceCounter(), InstanceCounter())
      for _ in 0..<11 { RCU.withReadSection { _ in RCU.afterGracePeriod(bytes: 1) {} } }
      for index in 0..<50 {
        Task {
          begun.add()
          if index.isMultiple(of: 2) { await RCU.synchronize() } else { await RCU.barrier() }
          done.add()
        }
      }
      // More tasks than the pool has threads: each got one although those before it wait.
      while begun.created < 50 { await Task.yield() }
      section.end()
      while done.created < 50 { await Task.yield() }
      precondition(RCU.statistics.waitCount == 0)
    }
  }

  @Test func raisingTheLimitWakesThoseWhoWait() {
    typealias Domain = RCUDomain<RaisedLimitFlavor>
    Domain.limits = RCULimits(maximumPendingBytes: 10, maximumPendingCount: 10)
    let section = HeldSection<RaisedLimitFlavor>()
    // The reclaimer's thread waits for the section: a thread past the limit waits for the limit
    // then. Were the reclaimer late, as on a busy machine, that thread would reclaim by itself, and
    // wait for the section, which no limit ends.
    Domain.afterGracePeriod(bytes: 1) {}
    let reclaimer = RaisedLimitFlavor._reclaimer
    #expect(
      waitUntil {
        reclaimer.monitor.withLock {
          reclaimer.retiring.runner != nil && reclaimer.retiring.queue.isEmpty
        }
      })
    let returned = Flag()
    let thread = RunningThread {
      Domain.afterGracePeriod(bytes: 100) {}
      returned.raise()
    }
    #expect(waitUntil { Domain.statistics.waitCount == 1 })
    #expect(!returned.isRaised)
    Domain.limits = RCULimits()
    // The section is still open: only the new limit can have let it go.
    thread.join()
    section.end()
    Domain.barrier()
  }

  // MARK: - Helping

  /// Where the system lets no thread of the reclaimer start, those who retire past the limit
  /// reclaim by themselves.
  @Test func threadsPastTheLimitHelpWhenTheReclaimerDoesNotRun() {
    typealias Domain = RCUDomain<HelpTestFlavor>
    Domain.limits = RCULimits(maximumPendingBytes: 1 << 30, maximumPendingCount: 10)
    HelpTestFlavor._reclaimer.nextStart.store(.max, ordering: .relaxed)
    let order = Locked<[Int]>([])
    let ran = InstanceCounter()
    for value in 0..<100 {
      Domain.afterGracePeriod {
        order.withLock { $0.append(value) }
        // In a deferred call nobody helps or waits, whichever thread runs it.
        if value.isMultiple(of: 10) { Domain.afterGracePeriod { ran.add() } }
      }
    }
    runThreads(4) { _ in
      for _ in 0..<50 { Domain.afterGracePeriod { ran.add() } }
    }
    var statistics = Domain.statistics
    #expect(statistics.helpCount > 0)
    #expect(statistics.pendingCount <= 10 && statistics.pendingCountPeak <= 10 + 4 + 10)
    #expect(order.withLock { $0 } == Array(0..<100))
    // The rest is the thread's.
    HelpTestFlavor._reclaimer.nextStart.store(0, ordering: .relaxed)
    Domain.barrier()
    statistics = Domain.statistics
    #expect(ran.created == 210 && statistics.executedCount == 310)
    #expect(statistics.pendingCount == 0)
  }

  /// A flood against a reader that stalls stays below the limit, in every flavor.
  @Test(arguments: TestedFlavor.allCases)
  func floodAgainstAStalledReaderIsBounded(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in LimitTests.flood(flavor) }
  }

  private static func flood(_ flavor: TestedFlavor) {
    func flood<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      let writers = 3
      let itemBytes = 4096
      Domain.limits = RCULimits(maximumPendingBytes: 1 << 20)
      let section = HeldSection<Flavor>()
      let isStopping = Flag()
      let writing = RunningThread {
        runThreads(writers) { _ in
          while !isStopping.isRaised { Domain.afterGracePeriod(bytes: itemBytes) {} }
        }
      }
      precondition(waitUntil { Domain.statistics.waitCount >= writers })
      sleepThread(for: .seconds(StressOptions.seconds))
      precondition(Domain.statistics.executedCount <= 1, "something was reclaimed under a reader")
      section.end()
      isStopping.raise()
      writing.join()
      Domain.barrier()
      let peak = Domain.statistics.pendingBytesPeak
      precondition(peak <= 1 << 20 + writers * itemBytes, "\(peak) bytes were pending")
    }
    flood(flavor.type)
  }

  private enum RaisedLimitFlavor: BulletproofTestFlavor {
    static let _reclaimer = unsafe _Reclaimer(flavor: RaisedLimitFlavor.self)
  }
}

private enum HelpTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: HelpTestFlavor.self)
}
