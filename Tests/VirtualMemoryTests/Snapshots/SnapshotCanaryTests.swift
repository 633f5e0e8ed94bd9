// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import TestSupport
import Testing

@testable import VirtualMemory

/// What a snapshot protects is recycled without it, and that is seen: by ThreadSanitizer in its
/// builds, by the reader in others. As ``VersionCanaryTests``, without a read section.
@Suite(.serialized, .stress) struct SnapshotCanaryTests {
  private typealias Canary = VersionCanaryTests

  // MARK: Nodes

  @Test func walkOfADroppedSnapshotIsFound() async {
    for attempt in 1...Canary.maximumAttempts {
      let result = await #expect(
        processExitsWith: Canary.found, observing: [\.standardErrorContent]
      ) {
        SnapshotCanaryTests.walk(keepsSnapshot: false, for: VersionCanaryTests.duration)
      }
      if attempt == Canary.maximumAttempts || Canary.reportsARace(result) {
        Canary.expectReport(result)
        return
      }
    }
  }

  @Test func walkOfAKeptSnapshotIsRight() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      SnapshotCanaryTests.walk(keepsSnapshot: true, for: StressOptions.duration)
    }
    Canary.expectNoReport(result)
  }

  private static func walk(keepsSnapshot: Bool, for duration: Duration) -> Never {
    Canary.endTrapsLikeReports()
    guard let region = try? Region() else { exit(1) }
    run(
      for: duration, writer: { region.churnUnlogged(count: 1000) },
      reader: {
        var snapshot: MapsSnapshot? = region.space.snapshot()
        let version = snapshot?.withVersion { $0 } ?? Version()
        if !keepsSnapshot { snapshot = nil }
        defer { withExtendedLifetime(snapshot) {} }
        return VersionCanaryTests.slowWalk(version)
      })
  }

  // MARK: Files and names

  @Test func namesOfADroppedSnapshotAreFound() async {
    let result = await #expect(
      processExitsWith: Canary.found, observing: [\.standardErrorContent]
    ) {
      SnapshotCanaryTests.readNames(keepsSnapshot: false, for: VersionCanaryTests.duration)
    }
    Canary.expectReport(result)
  }

  @Test func namesOfAKeptSnapshotAreRight() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      SnapshotCanaryTests.readNames(keepsSnapshot: true, for: StressOptions.duration)
    }
    Canary.expectNoReport(result)
  }

  private static func readNames(keepsSnapshot: Bool, for duration: Duration) -> Never {
    RCUDebugging.poisonsReclaimedMemory = true
    let space = AddressSpace()
    let number = Locked<UInt64>(0)
    run(
      for: duration,
      writer: {
        let inode = number.withLock { number in
          number += 1
          return number
        }
        let file = MappedFile(
          path: "/file/\(inode)", device: DeviceNumber(major: 8, minor: 1), inode: inode)
        try? space.mapPages(0..<1, "r", backing: .file(file))
      },
      reader: {
        var snapshot: MapsSnapshot? = space.snapshot()
        let word = snapshot?.withVersion { $0.tree.firstRecord(endingAfter: 0)?.object ?? 0 } ?? 0
        guard let object = MapObject(word: word) else { return true }
        let expected = snapshot?.lookup(AddressSpace.testBase)?.inode
        if !keepsSnapshot { snapshot = nil }
        defer { withExtendedLifetime(snapshot) {} }
        usleep(200)
        let bytes = unsafe object.tail.assumingMemoryBound(to: UInt8.self)
        let digits = "\(expected ?? 0)".utf8
        // "08:01 INODE ": the tail, through a typed pointer, which ThreadSanitizer sees.
        return digits.enumerated().allSatisfy { index, digit in unsafe bytes[6 + index] == digit }
      })
  }

  // MARK: Both

  /// Runs `writer` and `reader` again and again until the reader is wrong, or the time is over.
  private static func run(
    for duration: Duration, writer: @escaping @Sendable () -> Void,
    reader: @escaping @Sendable () -> Bool
  ) -> Never {
    let deadline = ContinuousClock.now + duration
    let stop = Flag()
    let violations = InstanceCounter()
    runThreads([
      {
        while !stop.isRaisedRelaxed && ContinuousClock.now < deadline { writer() }
        stop.raise()
      },
      {
        while !stop.isRaisedRelaxed {
          if reader() { continue }
          violations.add()
          // In sanitizer builds the report counts, not the value.
          if !isThreadSanitizerBuild { stop.raise() }
        }
      },
    ])
    exit(violations.created > 0 && !isThreadSanitizerBuild ? Canary.violationStatus : 0)
  }
}
