// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import TestSupport
import Testing

/// A process ends as it would without the library, whatever its threads do meanwhile.
@Suite struct ProcessExitTests {
  /// liburcu's destructor runs at exit while other threads read.
  @Test(arguments: 1...10)
  func exitsWhileThreadsRead(_ round: Int) async {
    await #expect(processExitsWith: .exitCode(0)) {
      let shared = Shared()
      let reading = InstanceCounter()
      for _ in 0..<4 {
        RunningThread.startDetached {
          reading.add()
          while true {
            RCU.withReadSection { section in
              precondition(shared.pointer.load(in: section)!.value == 1)
            }
          }
        }
      }
      while reading.created < 4 { yieldThread() }
      exit(0)
    }
  }

  @Test func exitsWhileThreadsReadAndRetire() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let shared = Shared()
      let writing = InstanceCounter()
      for _ in 0..<2 {
        RunningThread.startDetached {
          while true {
            shared.pointer.store(1)
            writing.add()
            RCU.withReadSection { section in
              precondition(shared.pointer.load(in: section)!.value == 1)
            }
          }
        }
      }
      while writing.created < 1000 { yieldThread() }
      exit(0)
    }
  }

  /// Threads that start to read after liburcu's destructor has run.
  @Test func exitsWhileThreadsStart() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let started = InstanceCounter()
      RunningThread.startDetached {
        while true {
          let before = started.created
          // Detached: one that has ended and waits to be joined when the process exits would be
          // reported as leaked by ThreadSanitizer.
          RunningThread.startDetached {
            RCU.withReadSection { _ in }
            started.add()
          }
          while started.created == before { yieldThread() }
        }
      }
      while started.created < 10 { yieldThread() }
      exit(0)
    }
  }

  @Test func exitsWithPendingRetirements() async {
    await #expect(processExitsWith: .exitCode(0)) {
      for value in 0..<10_000 {
        RCU.afterGracePeriod { withExtendedLifetime(value) {} }
      }
      exit(0)
    }
  }

  /// What is pending at exit is run, once its grace period has passed.
  @Test func pendingRetirementsRunAtExit() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      let section = HeldSection<BulletproofFlavor>()
      RCU.afterGracePeriod {
        FileHandle.standardError.write(Data("ran at exit\n".utf8))
      }
      section.end()
      exit(0)
    }
    guard let result else { return }
    #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("ran at exit"))
  }

  /// A section that never ends holds up what is pending, but the exit for a second at most.
  @Test func exitsWithASectionOpenForEver() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let opened = Flag()
      RunningThread.startDetached {
        RCU.withReadSection { _ in
          opened.raise()
          Flag().wait()
        }
      }
      opened.wait()
      RCU.afterGracePeriod { fatalError("the grace period ended with a section open") }
      exit(0)
    }
  }

  /// An exit handler that was registered first runs last, after the reclaimer's end.
  @Test func lateExitHandlerMayStillRetire() async {
    await #expect(processExitsWith: .exitCode(0)) {
      atexit {
        RCU.afterGracePeriod {}
        RCU.barrier()
        RCU.withReadSection { _ in }
        RCU.synchronize()
      }
      RCU.afterGracePeriod {}
      exit(0)
    }
  }

  @Test func exitsFromTheReclaimer() async {
    await #expect(processExitsWith: .exitCode(0)) {
      RCU.afterGracePeriod { exit(0) }
      Flag().wait()
    }
  }

  private final class Shared: Sendable {
    let pointer = RCU.Pointer(1)
  }
}
