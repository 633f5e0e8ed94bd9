// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing
internal import _RCUShims
internal import _SystemShims

/// What others learn of blocks that wait in a pool.
@Suite struct NodePoolReportTests {
  /// Readers that are told whether to stay.
  private enum StayingFlavor: BulletproofTestFlavor {
    static let haveLeft = Flag()
    static let threadID: Int32 = 4242

    static let _reclaimer = _Reclaimer(
      source: ChangedSource(
        FlavorSource(flavor: StayingFlavor.self),
        start: { scan in
          scan = scanReaders()
          return GracePeriodCookie(stamp: 7, interruption: 0)
        }, scan: { scanReaders() }))

    /// One reader, who has been inside since the scan 5.
    private static func scanReaders() -> ReaderScan {
      var scan = ReaderScan.ofNobody
      guard !haveLeft.isRaised else { return scan }
      (scan.oldest, scan.oldest_open, scan.inside_count) = (5, 5, 2)
      scan.inside.0 = rcushims_inside_reader(
        since: 5, thread: threadID, nesting: 3, holds_up: false)
      // Nobody that the cookie waits for.
      scan.inside.1 = rcushims_inside_reader(since: 8, thread: 1, nesting: 1, holds_up: false)
      return scan
    }
  }

  /// In a process of its own: the monitor looks at all domains.
  @Test func waitingBlocksAreCountedAndTheirReadersNamed() async {
    await #expect(processExitsWith: .exitCode(0)) {
      endHungProcess(after: .seconds(120))
      typealias Domain = RCUDomain<StayingFlavor>
      let reports = Locked<[RCUStall]>([])
      do {
        var pool = NodePool<StayingFlavor>(blockBytes: [4096])
        // The batches are handed over otherwise, after so long: a reclaimer's wait would be
        // reported.
        pool.patienceNanoseconds = .max
        let bytes = 4 << 20
        for _ in 0..<bytes / 4096 { unsafe pool.retire(pool.allocate(sizeClass: 0), sizeClass: 0) }
        let statistics = Domain.statistics
        precondition(statistics.poolBytes > 3 << 20, "\(statistics)")
        precondition(statistics.pendingBytes == 0, "\(statistics)")
        precondition(waitUntil { Domain.statistics.poolWait > .milliseconds(1) })
        Domain.stallMonitor = RCUStallMonitor(threshold: .milliseconds(5)) { stall in
          reports.withLock { $0.append(stall) }
        }
        StayingFlavor._reclaimer.watchPools()
        precondition(waitUntil { reports.withLock { $0.count } >= 2 }, "no report")
        let seen = reports.withLock { $0 }
        for report in seen {
          precondition(report.readers.map(\.thread?.id) == [StayingFlavor.threadID], "\(report)")
          guard case .inside(_, nesting: 3) = report.readers[0] else {
            preconditionFailure("\(report)")
          }
          precondition(report.duration >= .milliseconds(5))
          precondition(report.pendingBytes > 3 << 20, "\(report)")
        }
        precondition(seen[1].duration > seen[0].duration)
        // They leave, and the writer doesn't look: there is no stall.
        StayingFlavor.haveLeft.raise()
        precondition(waitUntil { Domain.statistics.poolWait == .zero })
      }
      precondition(Domain.statistics.poolBytes == 0, "a pool that is gone counts")
    }
  }
}
