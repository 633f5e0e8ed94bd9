// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing

/// Readers × writers on one pointer, for `SWIFT_URCU_STRESS_SECONDS` each; threads and tasks.
@Suite(.serialized, .stress) struct SleepableStressTests {
  @Test(arguments: [(writers: 1, readers: 1), (1, 2), (2, 2)])
  func threads(writers: Int, readers: Int) async {
    let run = SleepableStressRun()
    let totals = await run.run(writers: writers, readers: readers, for: StressOptions.duration)
    #expect(totals.reads > 0)
    Self.expectIntegrity(of: run, totals)
  }

  @Test(arguments: [(writers: 1, tasks: 8), (2, 50)])
  func tasks(writers: Int, tasks: Int) async {
    let run = SleepableStressRun()
    let totals = await run.run(
      writers: writers, readers: 0, tasks: tasks, for: StressOptions.duration)
    #expect(totals.suspendedReads > 0)
    Self.expectIntegrity(of: run, totals)
  }

  @Test func everything() async {
    let run = SleepableStressRun()
    let totals = await run.run(
      writers: 1, readers: 1, tasks: 20, writingTasks: 2, for: StressOptions.duration)
    #expect(totals.reads > 0 && totals.suspendedReads > 0)
    Self.expectIntegrity(of: run, totals)
  }

  private static func expectIntegrity(
    of run: SleepableStressRun, _ totals: SleepableStressRun.Totals
  ) {
    #expect(totals.violations == 0)
    #expect(totals.writes > 0)
    #expect(run.counter.created == totals.writes + 1)
    #expect(run.counter.live == 0)
    let counters = run.domain.counters
    #expect(counters.isQuiet(0) && counters.isQuiet(1))
    #expect(run.domain.statistics.pendingCount == 0)
  }
}
