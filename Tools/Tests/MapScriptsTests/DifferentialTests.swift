// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import TestSupport
import Testing
import MapScripts

/// Random scripts performed by the running kernel and by an `AddressSpace`: the same answer to
/// every operation, the same dump after it. Where they differ, the kernel is right.
@Suite(.serialized, .kernelAsJudge) struct DifferentialTests {
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func sameAsTheKernel(_ part: UInt64) throws {
    var search = DifferenceSearch(mapLimitRarity: 200)
    let first = part << 32
    for seed in first..<first + 40 where !search.isOver { try search.run(seed: seed) }
    report(search)
  }

  /// Forks, and heaps, which no script comes to by itself.
  @Test(arguments: [Profile.forks, .heap])
  func forksAndHeaps(_ profile: Profile) throws {
    var search = DifferenceSearch(mapLimitRarity: 200)
    for seed in 1...80 as ClosedRange<UInt64> where !search.isOver {
      try search.run(seed: seed, profile: profile)
    }
    report(search)
  }

  /// Fresh seeds, from `SWIFT_URCU_TRACE_SEED` on if that is set.
  @Test func stressSameAsTheKernel() throws { try stress(nil) }

  @Test(arguments: [Profile.forks, .heap])
  func forksAndHeapsStress(_ profile: Profile) throws { try stress(profile) }

  private func stress(_ profile: Profile?) throws {
    var search = DifferenceSearch(mapLimitRarity: StressOptions.seconds > 10 ? 40 : 1000)
    let start = ContinuousClock.now
    var nextLine = start
    var seed =
      environment("SWIFT_URCU_TRACE_SEED").flatMap { UInt64($0) }
      ?? UInt64.random(in: .min ... .max)
    while ContinuousClock.now < start + StressOptions.duration && !search.isOver {
      if ContinuousClock.now >= nextLine {
        // If the model traps, from here on it will do so again.
        printLine("\(search.tally.scriptCount) scripts compared with the kernel, now seed \(seed)")
        nextLine = ContinuousClock.now + .seconds(10)
      }
      try search.run(seed: seed, profile: profile)
      seed &+= 1
    }
    printLine("\(search.tally)")
    report(search)
  }

  /// At once, also into a pipe.
  private func printLine(_ line: String) {
    print(line)
    fflush(nil)
  }

  private func report(_ search: DifferenceSearch) {
    for (seed, difference) in search.differences {
      Issue.record("the kernel and the model differ, seed \(seed):\n\(difference)")
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// Only where the running kernel can be the judge.
  static var kernelAsJudge: Self {
    .enabled("the kernel can't be the judge") { KernelSide.canJudge }
  }
}
