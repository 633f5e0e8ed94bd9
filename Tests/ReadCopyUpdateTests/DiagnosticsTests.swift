// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

@Suite struct StallTests {
  /// Causes a stall in each flavor, on a named thread with three nested sections.
  @Test(arguments: TestedFlavor.allCases)
  func stallNamesTheThread(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in StallTests.causeStall(flavor) }
  }

  private static func causeStall(_ flavor: TestedFlavor) {
    func cause<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      let stalls = Locked<[RCUStall]>([])
      Domain.stallMonitor = RCUStallMonitor(threshold: .milliseconds(20)) { stall in
        stalls.withLock { $0.append(stall) }
      }
      let (opened, release, threadID) = (Flag(), Flag(), Locked<Int32>(0))
      let thread = RunningThread {
        nameThread("slow-reader")
        threadID.withLock { $0 = currentThreadID() }
        withReaderThread(Flavor.self) {
          Domain.withReadSection { _ in
            Domain.withReadSection { _ in
              Domain.withReadSection { _ in
                opened.raise()
                release.wait()
              }
            }
          }
        }
      }
      opened.wait()
      Domain.afterGracePeriod(bytes: 77) {}
      // Twice: it is reported again when it has lasted longer.
      precondition(waitUntil { stalls.withLock { $0.count } >= 2 }, "no stall was reported")
      // Later ones may find the reader on its way out.
      let seen = stalls.withLock { $0 }
      release.raise()
      thread.join()
      Domain.barrier()
      for stall in seen {
        precondition(stall.domainName == Flavor.name)
        precondition(stall.duration >= .milliseconds(20))
        precondition(stall.pendingCount == 1 && stall.pendingBytes == 77)
        precondition(stall.readers.count == 1, "\(stall.readers)")
        precondition(stall.readers[0].thread?.name == "slow-reader")
        precondition(stall.readers[0].thread?.id == threadID.withLock { $0 })
        guard case .inside(_, nesting: 3) = stall.readers[0] else {
          preconditionFailure("\(stall)")
        }
        precondition(stall.description.contains("slow-reader"))
      }
      precondition(seen[1].duration > seen[0].duration)
      precondition(Domain.statistics.stallCount >= 2)
    }
    cause(flavor.type)
  }

  /// A thread that is online with qsbr, outside of sections, and announces nothing.
  @Test func stallNamesAThreadThatAnnouncesNothing() async {
    await #expect(processExitsWith: .exitCode(0)) {
      typealias Domain = RCUDomain<QuiescentStateFlavor>
      let stalls = Locked<[RCUStall]>([])
      Domain.stallMonitor = RCUStallMonitor(threshold: .milliseconds(20)) { stall in
        stalls.withLock { $0.append(stall) }
      }
      let (online, release) = (Flag(), Flag())
      let thread = RunningThread {
        withReaderThread(QuiescentStateFlavor.self) {
          online.raise()
          release.wait()
        }
      }
      online.wait()
      Domain.afterGracePeriod {}
      precondition(waitUntil { stalls.withLock { !$0.isEmpty } }, "no stall was reported")
      release.raise()
      thread.join()
      let stall = stalls.withLock { $0[0] }
      precondition(stall.readers.count == 1)
      guard case .notQuiescent = stall.readers[0] else { preconditionFailure("\(stall)") }
    }
  }

  @Test func standardErrorGetsOneLine() async {
    await #expect(processExitsWith: .exitCode(0)) {
      var ends: [CInt] = [0, 0]
      unsafe precondition(pipe(&ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0)
      RCU.stallMonitor = .standardError(threshold: .milliseconds(20))
      let section = HeldSection<BulletproofFlavor>()
      RCU.afterGracePeriod {}
      // Up to the line's end.
      var bytes: [UInt8] = []
      var byte: UInt8 = 0
      while unsafe read(ends[0], &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
      RCU.stallMonitor = .disabled
      section.end()
      await RCU.barrier()
      let line = String(decoding: bytes, as: UTF8.self)
      let isExpected =
        line.hasPrefix("swift-urcu: RCUDomain<bp>: a grace period has been waiting for")
        && line.contains("1 nested section;") && line.hasSuffix("1 retirements with 0 bytes wait")
      // 1 is what a precondition can't say here: standard error is the pipe.
      exit(isExpected && RCU.statistics.stallCount >= 1 ? 0 : 1)
    }
  }

  @Test func disabledReportsNothing() async {
    await #expect(processExitsWith: .exitCode(0)) {
      RCU.stallMonitor = .disabled
      let section = HeldSection<BulletproofFlavor>()
      RCU.afterGracePeriod {}
      sleepThread(for: .milliseconds(100))
      precondition(RCU.statistics.stallCount == 0)
      // Watched from now on, the wait is found although it began before.
      let isReported = Flag()
      RCU.stallMonitor = RCUStallMonitor(threshold: .milliseconds(5)) { _ in isReported.raise() }
      precondition(waitUntil { isReported.isRaised })
      section.end()
      exit(0)
    }
  }

  /// A stall after the watch has gone to sleep for want of anything to watch.
  @Test func sleepingWatchWakes() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let reported = InstanceCounter()
      RCU.stallMonitor = RCUStallMonitor(threshold: .milliseconds(4)) { _ in reported.add() }
      for _ in 0..<5 {
        await RCU.synchronize()
        precondition(waitUntil { StallWatch.shared.isSleeping }, "the watch doesn't sleep")
        let before = reported.created
        let section = HeldSection<BulletproofFlavor>()
        RCU.afterGracePeriod {}
        precondition(waitUntil { reported.created > before }, "no stall was reported")
        section.end()
        await RCU.barrier()
      }
      exit(0)
    }
  }
}

@Suite struct DiagnosticsTests {
  @Test func leakAtExitIsReported() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      let opened = Flag()
      RunningThread.startDetached {
        nameThread("never-ends")
        RCU.withReadSection { _ in
          opened.raise()
          Flag().wait()
        }
      }
      opened.wait()
      for _ in 0..<3 { RCU.afterGracePeriod(bytes: 100) {} }
      exit(0)
    }
    guard let result else { return }
    let message = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(message.contains("at exit 3 retirements with 300 bytes are not reclaimed"))
    #expect(message.contains("never-ends"))
  }

  @Test func cleanExitReportsNothing() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      for _ in 0..<100 { RCU.afterGracePeriod(bytes: 100) {} }
      exit(0)
    }
    guard let result else { return }
    #expect(!String(decoding: result.standardErrorContent, as: UTF8.self).contains("swift-urcu"))
  }

  /// What is reclaimed is overwritten, as a block of a pool that is handed out again shows.
  @Test func poisonIsSeenInRecycledBlocks() async {
    await #expect(processExitsWith: .exitCode(0)) {
      RCUDebugging.poisonsReclaimedMemory = true
      precondition(RCUDebugging.poisonsReclaimedMemory)
      precondition(DiagnosticsTests.recycledWord() == 0xdead_dead_dead_dead)
    }
  }

  @Test func nothingIsOverwrittenByDefault() async {
    await #expect(processExitsWith: .exitCode(0)) {
      guard !isThreadSanitizerBuild else { return }
      RCUDebugging.poisonsReclaimedMemory = false
      precondition(DiagnosticsTests.recycledWord() == 4711)
    }
  }

  @Test func environmentTurnsPoisonOn() throws {
    let program = CommandLine.arguments[0]
    #expect(program.isEmpty == false)
    // The setting is read when the process starts: the value of this one tells which it was.
    let expected = environment("SWIFT_URCU_POISON") == "1" || isThreadSanitizerBuild
    #expect(RCUDebugging.poisonsReclaimedMemory == expected)
  }

  /// The third word of a block that was retired, recycled and allocated again.
  private static func recycledWord() -> UInt64 {
    var pool = NodePool<BulletproofFlavor>(blockBytes: [64])
    let block = unsafe pool.allocate(sizeClass: 0)
    unsafe block.storeBytes(of: 4711, toByteOffset: 16, as: UInt64.self)
    unsafe pool.retire(block, sizeClass: 0)
    pool.flush()
    RCU.barrier()
    pool.flush()
    for _ in 0..<10_000 {
      let next = unsafe pool.allocate(sizeClass: 0)
      if unsafe next == block {
        return unsafe next.load(fromByteOffset: 16, as: UInt64.self)
      }
    }
    preconditionFailure("the block never came back")
  }

  @Test func histogramCountsByClass() {
    var histogram = RCULatencyHistogram()
    #expect(histogram.latency(atPercentile: 50) == nil)
    for nanoseconds: UInt64 in [0, 1, 2, 3, 4, 1000, 1 << 39, .max] {
      histogram.record(nanoseconds: nanoseconds)
    }
    #expect(histogram.count == 8)
    #expect(histogram.counts[0] == 2 && histogram.counts[1] == 2 && histogram.counts[2] == 1)
    #expect(histogram.counts[9] == 1 && histogram.counts[39] == 1)
    #expect(histogram.counts[40] == 1)
    #expect(histogram.latency(atPercentile: 0) == .nanoseconds(2))
    #expect(histogram.latency(atPercentile: 50) == .nanoseconds(4))
    #expect(histogram.latency(atPercentile: 75) == .nanoseconds(1024))
  }

  @Test func gracePeriodsAreTimed() {
    typealias Domain = RCUDomain<TimedTestFlavor>
    for _ in 0..<10 { Domain.synchronize() }
    let section = HeldSection<TimedTestFlavor>()
    let gracePeriod = Domain.startGracePeriod()
    #expect(waitUntil { TimedTestFlavor._reclaimer.isInGracePeriod })
    sleepThread(for: .milliseconds(5))
    section.end()
    gracePeriod.wait()
    let statistics = Domain.statistics
    #expect(statistics.gracePeriodCount == 11)
    #expect(statistics.gracePeriodLatency.count == 11)
    let longest = statistics.gracePeriodLatency.latency(atPercentile: 100)
    #expect(longest.map { $0 >= .milliseconds(4) } == true)
  }
}

extension StallWatch {
  fileprivate var isSleeping: Bool { isAsleep.load(ordering: .relaxed) }
}

private enum TimedTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: TimedTestFlavor.self)
}
