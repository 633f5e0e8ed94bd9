// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// An orderly end, and a thread that can't be started.
@Suite struct ShutdownTests {
  @Test func shutdownSaysWhatIsLeft() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ShutdownTests.shutDown()
    }
  }

  private static func shutDown() {
    let ran = InstanceCounter()
    RCU.afterGracePeriod(bytes: 100) { ran.add() }
    let first = RCU.shutdown(within: .seconds(60))
    precondition(first.isComplete && first.pendingCount == 0 && "\(first)" == "complete")
    precondition(ran.created == 1)
    precondition(!BulletproofFlavor._reclaimer.hasStarted.load(ordering: .relaxed))

    let section = HeldSection<BulletproofFlavor>()
    RCU.afterGracePeriod(bytes: 100) { ran.add() }
    var second = RCU.shutdown(within: .milliseconds(100))
    // Who holds up a grace period is seen once it has begun.
    while second.readers.isEmpty && !second.isComplete {
      second = RCU.shutdown(within: .milliseconds(100))
    }
    precondition(!second.isComplete && second.pendingCount == 1 && second.pendingBytes == 100)
    guard second.readers.count == 1, case .inside(_, nesting: 1) = second.readers[0] else {
      preconditionFailure("\(second)")
    }
    precondition("\(second)".contains("1 retirements with 100 bytes are left; held up by thread"))
    section.end()
    // Nothing is lost.
    precondition(waitUntil { ran.created == 2 })
    precondition(RCU.shutdown(within: .seconds(60)).isComplete)

    // And again, beside threads that retire.
    let isStopping = Flag()
    let retiring = RunningThread {
      while !isStopping.isRaised { RCU.afterGracePeriod { ran.add() } }
    }
    for _ in 0..<200 { RCU.shutdown(within: .milliseconds(1)) }
    isStopping.raise()
    retiring.join()
    RCU.barrier()
    precondition(RCU.statistics.pendingCount == 0)

    let domain = SleepableRCU(name: "ends")
    domain.afterGracePeriod { ran.add() }
    precondition(domain.shutdown(within: .seconds(60)).isComplete)
  }

  @Test func shutdownInADeferredCallTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.afterGracePeriod { RCU.shutdown(within: .seconds(1)) }
      sleepThread(for: .seconds(30))
    }
    expectMessage(of: result, names: ["shutdown", "call it from another thread"])
  }

  @Test func shutdownInASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = RCU.withReadSection { _ in RCU.shutdown(within: .seconds(1)) }
    }
    expectMessage(of: result, names: ["shutdown", "leave the section first"])
  }

  // MARK: - No thread

  /// Where no thread can be started, those that wait do the work; where one can be again, it does.
  @Test(arguments: TestedFlavor.allCases)
  func worksWithoutAThread(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ShutdownTests.workWithoutAThread(flavor)
    }
  }

  private static func workWithoutAThread(_ flavor: TestedFlavor) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      endHungProcess(after: .seconds(60))
      // Each try fails, as by EAGAIN.
      _Reclaimer.stackBytes.store(1 << 60, ordering: .relaxed)
      let ran = InstanceCounter()
      Domain.limits = RCULimits(maximumPendingCount: 10)
      for _ in 0..<100 { Domain.afterGracePeriod { ran.add() } }
      precondition(Domain.statistics.pendingCount <= 10 && Domain.statistics.helpCount > 0)
      let grace = Domain.startGracePeriod()
      grace.wait()
      precondition(grace.isComplete)
      Domain.barrier()
      precondition(ran.created == 100)
      precondition(!Flavor._reclaimer.hasStarted.load(ordering: .relaxed))
      // In sections and deferred calls nobody helps.
      withReaderThread(Flavor.self) {
        Domain.withReadSection { _ in for _ in 0..<100 { Domain.afterGracePeriod { ran.add() } } }
      }
      precondition(ran.created == 100)
      _Reclaimer.stackBytes.store(0, ordering: .relaxed)
      sleepThread(for: .milliseconds(20))
      Domain.afterGracePeriod { ran.add() }
      precondition(waitUntil { ran.created == 201 }, "\(ran.created)")
      precondition(Flavor._reclaimer.hasStarted.load(ordering: .relaxed))
    }
    run(flavor.type)
  }

  /// A task that waits isn't forgotten where no thread can be started.
  @Test func tasksWaitWithoutAThread() async {
    await #expect(processExitsWith: .exitCode(0)) {
      endHungProcess(after: .seconds(60))
      _Reclaimer.stackBytes.store(1 << 60, ordering: .relaxed)
      let ran = InstanceCounter()
      RCU.afterGracePeriod { ran.add() }
      await RCU.barrier()
      precondition(ran.created == 1)
      await RCU.synchronize()
      let domain = SleepableRCU(name: "no thread")
      await domain.synchronize()
      domain.afterGracePeriod { ran.add() }
      await domain.barrier()
      precondition(ran.created == 2)
    }
  }

  /// The threads that are started have the stack that was asked for.
  @Test func stackOfTheReclaimersThread() async {
    await #expect(processExitsWith: .exitCode(0)) {
      RCUReclaimer.stackBytes = 256 << 20
      precondition(RCUReclaimer.stackBytes == 256 << 20)
      final class Deep: Sendable {
        let next: Deep?
        init(_ next: Deep?) { self.next = next }
      }
      // Destroyed by recursion: more than the usual 8 MiB.
      var deep: Deep?
      for _ in 0..<300_000 { deep = Deep(deep) }
      let pointer = RCU.Pointer(deep!)
      deep = nil
      pointer.clear()
      await RCU.barrier()
    }
  }

  // MARK: - Retiring

  @Test func additionalBytesCount() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ShutdownTests.countAdditionalBytes()
    }
  }

  private static func countAdditionalBytes() {
    let section = HeldSection<BulletproofFlavor>()
    let pointer = RCU.Pointer([UInt8](repeating: 0, count: 1000))
    pointer.exchange([])?.retire(additionalBytes: { $0.count })
    precondition(RCU.statistics.pendingBytes == 1008, "\(RCU.statistics.pendingBytes)")
    pointer.exchange([])?.retire(additionalBytes: 92, mayWait: false)
    precondition(RCU.statistics.pendingBytes == 1108)
    section.end()
    let domain = SleepableRCU(name: "bytes")
    let sleepable = SleepableRCU.Pointer(1, protectedBy: domain)
    sleepable.exchange(2)?.retire(additionalBytes: { $0 + 9 })
    domain.barrier()
    precondition(domain.statistics.pendingBytesPeak == 18)
  }

  @Test func negativeBytesTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.Pointer(1).exchange(2)?.retire(additionalBytes: -1)
    }
    expectMessage(of: result, names: ["additionalBytes must be 0 to 2^47"])
  }
}
