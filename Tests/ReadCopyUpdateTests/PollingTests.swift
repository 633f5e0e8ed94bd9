// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct PollingTests {
  @Test(arguments: TestedFlavor.allCases)
  func completesAfterTheOpenSections(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      let section = HeldSection<Flavor>()
      let gracePeriod = RCUDomain<Flavor>.startGracePeriod()
      for _ in 0..<200 { yieldThread() }
      #expect(!gracePeriod.isComplete)
      section.end()
      #expect(waitUntil { gracePeriod.isComplete })
      gracePeriod.wait()
      #expect(gracePeriod.isComplete)
    }
    check(flavor.type)
  }

  @Test func doesNotCompleteInsideItsOwnSection() {
    let gracePeriod = RCU.withReadSection { _ in
      let gracePeriod = RCU.startGracePeriod()
      for _ in 0..<200 { yieldThread() }
      #expect(!gracePeriod.isComplete)
      return gracePeriod
    }
    gracePeriod.wait()
    #expect(gracePeriod.isComplete)
  }

  /// A grace period that was under way when the token was taken began too early for it.
  @Test func aGracePeriodUnderWayDoesNotCount() {
    typealias Domain = RCUDomain<PollingTestFlavor>
    for _ in 0..<20 {
      let first = HeldSection<PollingTestFlavor>()
      let early = Domain.startGracePeriod()
      let second = HeldSection<PollingTestFlavor>()
      var late = early
      // Until the early one has begun, it is shared. It can't end before the first section does.
      #expect(
        waitUntil {
          late = Domain.startGracePeriod()
          return late != early
        })
      first.end()
      // The first one may wait for the second section too, the other one must.
      for _ in 0..<100 { yieldThread() }
      #expect(!late.isComplete)
      second.end()
      late.wait()
      #expect(early.isComplete)
    }
  }

  @Test func manyTasksWait() async {
    typealias Domain = RCUDomain<PollingTestFlavor>
    let done = InstanceCounter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<500 {
        group.addTask {
          let gracePeriod = Domain.startGracePeriod()
          await gracePeriod.wait()
          if gracePeriod.isComplete { done.add() }
        }
      }
    }
    #expect(done.created == 500)
  }

  @Test func callsBeforeItBeginsShareIt() {
    typealias Domain = RCUDomain<SharedPollingTestFlavor>
    let section = HeldSection<SharedPollingTestFlavor>()
    _ = Domain.startGracePeriod()
    #expect(waitUntil { SharedPollingTestFlavor._reclaimer.isInGracePeriod })
    let tokens = (0..<100).map { _ in Domain.startGracePeriod() }
    #expect(tokens.allSatisfy { $0 == tokens[0] })
    section.end()
    tokens[0].wait()
    #expect(Domain.statistics.gracePeriodCount == 2)
  }

  @Test func waitInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      func wait() { RCU.withReadSection { _ in RCU.startGracePeriod().wait() } }
      wait()
    }
    expectMessage(of: result, names: ["GracePeriod.wait()", "leave the section first"])
  }

  // MARK: - Expedited

  @Test(arguments: TestedFlavor.allCases)
  func expeditedWaitsForAnOpenSection(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      for _ in 0..<5 {
        let section = HeldSection<Flavor>()
        let (started, returned) = (Flag(), Flag())
        let waiter = RunningThread {
          started.raise()
          RCUDomain<Flavor>.synchronizeExpedited()
          returned.raise()
        }
        started.wait()
        for _ in 0..<200 { yieldThread() }
        #expect(!returned.isRaised)
        section.end()
        waiter.join()
      }
    }
    check(flavor.type)
  }

  @Test func expeditedInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      func wait() { RCU.withReadSection { _ in RCU.synchronizeExpedited() } }
      wait()
    }
    expectMessage(of: result, names: ["synchronizeExpedited()", "leave the section first"])
  }
}

extension _Reclaimer {
  /// Whether the runner waits for a grace period now.
  var isInGracePeriod: Bool { monitor.withLock { !waitStarts.isEmpty } }
}

private enum PollingTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: PollingTestFlavor.self)
}

private enum SharedPollingTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: SharedPollingTestFlavor.self)
}
