// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import TestSupport
import Testing

/// Whether liburcu uses it.
let hasMembarrier =
  // Safety: a variable of liburcu's, which it has set when it was loaded.
  unsafe dlsym(nil, "urcu_bp_has_sys_membarrier").assumingMemoryBound(to: Int32.self).pointee != 0

/// Where `sys_membarrier` is lost after sections were opened without fences.
@Suite(.enabled(if: hasMembarrier && SystemCalls.canBeFiltered))
struct LostMembarrierTests {
  @Test(arguments: [EPERM, ENOSYS])
  func lossIsReported(_ error: CInt) async {
    let result = await #expect(
      processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
    ) { [error] in
      LostMembarrierTests.loseMembarrier(error)
    }
    expectMessage(of: result, names: ["sys_membarrier", "forbidden now", "MemoryBarrierFlavor"])
  }

  /// Flavors whose sections have fences don't need it.
  @Test func othersGoOn() async {
    await #expect(processExitsWith: .exitCode(0)) {
      LostMembarrierTests.goOnWithoutMembarrier()
    }
  }

  private static func loseMembarrier(_ error: CInt) {
    endHungProcess(after: .seconds(60))
    RCU.withReadSection { _ in }
    SystemCalls.forbid(SystemCalls.membarrier, error: error)
    RCU.synchronize()
  }

  private static func goOnWithoutMembarrier() {
    endHungProcess(after: .seconds(60))
    RCUDomain<MemoryBarrierFlavor>.withRegisteredThread {
      RCUDomain<MemoryBarrierFlavor>.withReadSection { _ in }
    }
    SystemCalls.forbid(SystemCalls.membarrier)
    RCUDomain<MemoryBarrierFlavor>.synchronize()
    SleepableRCU(name: "fences").synchronize()
  }
}
