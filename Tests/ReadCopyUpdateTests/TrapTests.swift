// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// Every misuse traps with a message that names the remedy, in optimised builds too.
@Suite struct TrapTests {
  @Test func synchronizeInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.withReadSection { _ in RCU.synchronize() }
    }
    expectMessage(of: result, names: ["RCUDomain.synchronize()", "leave the section first"])
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
    expectMessage(of: result, names: ["RCUDomain.synchronize()"])
  }

  @Test func reclaimInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let pointer = RCU.Pointer(1)
      RCU.withReadSection { _ in pointer.exchange(2)?.reclaim() }
    }
    expectMessage(of: result, names: ["RCUDomain.synchronize()", "leave the section first"])
  }

  @Test func barrierInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.withReadSection { _ in RCU.barrier() }
    }
    expectMessage(of: result, names: ["RCUDomain.barrier()", "leave the section first"])
  }

  @Test func barrierOnTheReclaimerTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.afterGracePeriod { RCU.barrier() }
      // Ends only by the trap on the other thread.
      RunningThread { Flag().wait() }.join()
    }
    expectMessage(of: result, names: ["RCUDomain.barrier()", "call it from another thread"])
  }

  @Test func storingInUpdateTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let pointer = RCU.Pointer(1)
      let other = RCU.Pointer(1)
      // Another one's may be replaced, and updated.
      pointer.update { _ in
        other.store(2)
        other.update { $0 += 1 }
      }
      pointer.store(3)
      pointer.update { value in
        other.update { _ in }
        pointer.store(value)
      }
    }
    expectMessage(of: result, names: ["the body of update replaces", "change the copy instead"])
  }

  @Test func unregisteredReaderTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCUDomain<MembarrierFlavor>.withReadSection { _ in }
    }
    expectMessage(of: result, names: ["MembarrierFlavor", "withRegisteredThread"])
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
    expectMessage(of: result, names: ["MembarrierFlavor", "withRegisteredThread"])
  }

  @Test func limitsThatAreNotPositiveTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = RCULimits(maximumPendingBytes: 0)
    }
    expectMessage(of: result, names: ["RCULimits", "positive"])
  }
}
