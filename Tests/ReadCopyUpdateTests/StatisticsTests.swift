// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct StatisticsTests {
  private typealias Domain = RCUDomain<StatisticsTestFlavor>

  @Test func statisticsCountWhatIsPendingAndWhatRan() async {
    #expect(Domain.statistics == RCUStatistics.none)
    #expect(Domain.limits == RCULimits())

    let section = HeldSection<StatisticsTestFlavor>()
    for bytes in 1...10 { Domain.afterGracePeriod(bytes: bytes) {} }
    #expect(Domain.statistics.pendingCount == 10)
    #expect(Domain.statistics.pendingBytes == 55)
    #expect(Domain.statistics.executedCount == 0)
    section.end()
    await Domain.barrier()

    var statistics = Domain.statistics
    #expect(statistics.pendingCount == 0)
    #expect(statistics.pendingBytes == 0)
    #expect(statistics.pendingBytesPeak == 55)
    #expect(statistics.executedCount == 10)
    // The first retirement may have made a batch of its own.
    #expect((1...10).contains(statistics.gracePeriodCount))
    #expect(statistics.waitCount == 0 && statistics.overLimitCount == 0)

    let before = statistics.gracePeriodCount
    await Domain.synchronize()
    statistics = Domain.statistics
    #expect(statistics.gracePeriodCount >= before)
  }
}

extension RCUStatistics {
  /// Those of a domain that has done nothing.
  fileprivate static var none: RCUStatistics { RCUDomain<UntouchedFlavor>.statistics }
}

private enum UntouchedFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: UntouchedFlavor.self)
}
