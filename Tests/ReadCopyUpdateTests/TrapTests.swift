// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// Every misuse traps; where messages are printed, they name the remedy.
@Suite struct TrapTests {
  @Test func synchronizeInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.withReadSection { _ in RCU.synchronize() }
    }
    Self.expect(result, names: ["RCUDomain.synchronize()", "leave the section first"])
  }

  @Test func synchronizeInsideANestedSectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.withReadSection { _ in
        RCU.withReadSection { _ in }
        RCU.synchronize()
      }
    }
    Self.expect(result, names: ["RCUDomain.synchronize()"])
  }

  @Test func reclaimInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let pointer = RCU.Pointer(1)
      RCU.withReadSection { _ in pointer.exchange(2)?.reclaim() }
    }
    Self.expect(result, names: ["RCUDomain.synchronize()", "leave the section first"])
  }

  @Test func barrierInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.withReadSection { _ in RCU.barrier() }
    }
    Self.expect(result, names: ["RCUDomain.barrier()", "leave the section first"])
  }

  @Test func barrierOnTheReclaimerTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.afterGracePeriod { RCU.barrier() }
      // Ends only by the trap on the other thread.
      RunningThread { Flag().wait() }.join()
    }
    Self.expect(result, names: ["RCUDomain.barrier()", "call it from another thread"])
  }

  @Test func updateOfAnEmptyPointerTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let pointer = RCU.Pointer<Int>()
      pointer.update { $0 += 1 }
    }
    Self.expect(result, names: ["RCUDomain.Pointer.update", "use store"])
  }

  @Test func unregisteredReaderTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCUDomain<MembarrierFlavor>.withReadSection { _ in }
    }
    Self.expect(result, names: ["MembarrierFlavor", "withRegisteredThread"])
  }

  @Test func readerThatIsNoLongerRegisteredTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RunningThread {
        RCUDomain<MembarrierFlavor>.withRegisteredThread {}
        RCUDomain<MembarrierFlavor>.withReadSection { _ in }
      }.join()
    }
    Self.expect(result, names: ["MembarrierFlavor", "withRegisteredThread"])
  }

  @Test func limitsThatAreNotPositiveTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = RCULimits(pendingBytesMax: 0)
    }
    Self.expect(result, names: ["RCULimits", "positive"])
  }

  private static func expect(_ result: ExitTest.Result?, names words: [String]) {
    // Optimised builds trap without a message.
    guard let result, printsPreconditionMessages else { return }
    let message = String(decoding: result.standardErrorContent, as: UTF8.self)
    for word in words { #expect(message.contains(word)) }
  }
}
