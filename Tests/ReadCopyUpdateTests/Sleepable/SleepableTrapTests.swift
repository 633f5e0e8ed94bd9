// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// What the types can't forbid traps; what nobody can tell is reported.
@Suite struct SleepableTrapTests {
  @Test func sectionOfAnotherDomainTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let (one, other) = (SleepableRCU(), SleepableRCU())
      let pointer = SleepableRCU.Pointer(1, protectedBy: one)
      other.withReadSection { section in _ = pointer.load(in: section)?.value }
    }
    expectMessage(
      of: result, names: ["SleepableRCU.Pointer.load", "open one of the pointer's domain"])
  }

  @Test func suspendedSectionOfAnotherDomainTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let (one, other) = (SleepableRCU(), SleepableRCU())
      let pointer = SleepableRCU.Pointer(1, protectedBy: one)
      await other.withReadSection { section in
        await Task.yield()
        _ = pointer.load(in: section)?.value
      }
    }
    expectMessage(
      of: result, names: ["SleepableRCU.Pointer.load", "open one of the pointer's domain"])
  }

  @Test func synchronizeInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let (domain, other) = (SleepableRCU(), SleepableRCU())
      domain.withReadSection { _ in
        // Of another domain it may, and inner sections change nothing.
        other.withReadSection { _ in domain.withReadSection { _ in } }
        other.synchronize()
        domain.synchronize()
      }
    }
    expectMessage(of: result, names: ["SleepableRCU.synchronize()", "leave the section first"])
  }

  @Test func reclaimInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let domain = SleepableRCU()
      let pointer = SleepableRCU.Pointer(1, protectedBy: domain)
      domain.withReadSection { _ in pointer.exchange(2)?.reclaim() }
    }
    expectMessage(of: result, names: ["SleepableRCU.synchronize()", "leave the section first"])
  }

  @Test func barrierInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let domain = SleepableRCU()
      domain.withReadSection { _ in domain.barrier() }
    }
    expectMessage(of: result, names: ["SleepableRCU.barrier()", "leave the section first"])
  }

  @Test func barrierOnTheReclaimerTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let domain = SleepableRCU()
      domain.afterGracePeriod { domain.barrier() }
      // Ends only by the trap on the other thread.
      RunningThread { Flag().wait() }.join()
    }
    expectMessage(of: result, names: ["barrier()", "call it from another thread"])
  }

  @Test func bytesThatMakeNoSenseTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      SleepableRCU().afterGracePeriod(bytes: -1) {}
    }
    expectMessage(of: result, names: ["SleepableRCU.afterGracePeriod", "bytes"])
  }

  // MARK: Reports

  /// A task that waits in its own section, which nobody can tell beforehand.
  @Test func taskThatWaitsForItselfIsReported() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let domain = SleepableRCU(name: "selfish")
      let stalls = Locked<[RCUStall]>([])
      domain.afterGracePeriod(bytes: 5) {}
      await domain.barrier()
      domain.stallMonitor = RCUStallMonitor(threshold: .milliseconds(10)) { stall in
        stalls.withLock { $0.append(stall) }
      }
      let selfish = Task {
        await domain.withReadSection { _ in
          domain.afterGracePeriod(bytes: 5) {}
          await domain.synchronize()
        }
      }
      await expectEventually { stalls.withLock { !$0.isEmpty } }
      let stall = stalls.withLock { $0[0] }
      precondition(stall.domainName == "selfish")
      precondition(stall.pendingCount == 1 && stall.pendingBytes == 5)
      precondition(stall.readers.count == 1)
      precondition(stall.readers[0] == .sections(count: 1))
      let text = stall.description
      precondition(text.hasPrefix("SleepableRCU “selfish”: a grace period has been waiting"))
      precondition(text.contains("on 1 open section;"))
      precondition(!selfish.isCancelled)
      _exit(0)
    }
  }

  @Test func sectionsThatAreWaitedForAreCounted() async {
    let domain = SleepableRCU()
    let reports = Locked<[RCUStalledReader]>([])
    var sections: [SuspendedSection] = []
    for _ in 0..<5 { sections.append(await SuspendedSection(in: domain)) }
    let half = domain.counters.currentHalf
    domain.stallMonitor = RCUStallMonitor(threshold: .milliseconds(20)) { stall in
      reports.withLock { $0 += stall.readers }
    }
    let waiting = Task { await domain.synchronize() }
    #expect(await eventually { domain.counters.currentHalf != half })
    let later = await SuspendedSection(in: domain)
    #expect(await eventually { reports.withLock { !$0.isEmpty } })
    // Not the one that isn't waited for.
    #expect(reports.withLock { $0 }.allSatisfy { $0 == .sections(count: 5) })
    #expect(reports.withLock { $0.first?.description } == "5 open sections")
    for section in sections { await section.end() }
    await waiting.value
    await later.end()
    #expect(domain.statistics.stallCount >= 1)
  }

  @Test func leakAtExitIsReported() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      let domain = SleepableRCU(name: "leaky")
      _ = await SuspendedSection(in: domain)
      for _ in 0..<3 { domain.afterGracePeriod(bytes: 100) {} }
      exit(0)
    }
    guard let result else { return }
    let message = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(
      message.contains("SleepableRCU “leaky”: at exit 3 retirements with 300 bytes"))
    #expect(message.contains("1 open section"))
  }
}
