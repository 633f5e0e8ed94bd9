// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// Readers × writers on one pointer, for `SWIFT_URCU_STRESS_SECONDS` each.
@Suite(.serialized, .stress) struct PointerStressTests {
  static let matrix = [(writers: 1, readers: 1), (1, 2), (2, 2)]

  @Test(arguments: matrix)
  func bulletproof(writers: Int, readers: Int) {
    Self.stress(BulletproofFlavor.self, writers: writers, readers: readers)
  }

  @Test(arguments: matrix)
  func membarrier(writers: Int, readers: Int) {
    Self.stress(MembarrierFlavor.self, writers: writers, readers: readers)
  }

  private static func stress<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type, writers: Int, readers: Int
  ) {
    let run = StressRun<Flavor>()
    let totals = run.run(writers: writers, readers: readers, for: StressOptions.duration)
    #expect(totals.violations == 0)
    #expect(totals.reads > 0 && totals.writes > 0)
    #expect(run.counter.created == totals.writes + 1)
    #expect(run.counter.live == 0)
  }
}
