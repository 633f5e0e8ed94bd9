// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// Misuse traps, and a process ends well with collections at work.
@Suite struct CollectionTrapTests {
  @Test func aCapacityThatIsNotPositiveTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = RCU.HashTable<Int, Int>(minimumCapacity: 0)
    }
    expectMessage(of: result, names: ["RCUDomain.HashTable", "minimumCapacity", "not 0"])
  }

  @Test func aCapacityThatIsTooLargeTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = RCU.HashTable<Int, Int>(minimumCapacity: (1 << 30) + 1)
    }
    expectMessage(of: result, names: ["RCUDomain.HashTable", "2^30", "not 1073741825"])
  }

  /// Not in sanitizer builds, whose allocators have limits of their own.
  @Test(.enabled(if: !isThreadSanitizerBuild && !isAddressSanitizerBuild))
  func aCapacityWithoutMemoryTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var limit = rlimit()
      unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      limit.rlim_cur = 8 << 30
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      _ = RCU.HashTable<Int, Int>(minimumCapacity: 1 << 30)
    }
    expectMessage(of: result, names: ["RCUDomain.HashTable", "no memory for 268435456 buckets"])
  }

  @Test func anUnregisteredWriterOfATableTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let table = RCUDomain<MembarrierFlavor>.HashTable<Int, Int>()
      table.addDuplicate(1, forKey: 1)
    }
    expectMessage(of: result, names: ["MembarrierFlavor", "withRegisteredThread"])
  }

  @Test func anUnregisteredPopTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let stack = RCUDomain<MembarrierFlavor>.LockFreeStack<Int>()
      stack.pop()
    }
    expectMessage(of: result, names: ["MembarrierFlavor", "withRegisteredThread"])
  }

  /// Tables grow and shrink while the process exits.
  @Test(arguments: 1...5)
  func exitsWhileTablesAreResized(_ round: Int) async {
    await #expect(processExitsWith: .exitCode(0)) {
      let resized = InstanceCounter()
      for _ in 0..<3 {
        RunningThread.startDetached {
          while true {
            let table = RCU.HashTable<Int, Int>(minimumCapacity: 1)
            for key in 0..<5000 { table.addDuplicate(key, forKey: key) }
            for key in 0..<5000 { table.removeValue(forKey: key) }
            resized.add()
          }
        }
      }
      while resized.created < 3 { yieldThread() }
      exit(0)
    }
  }

  /// The reclaimer's thread, which frees what a growing table has outgrown, takes no signal of the
  /// program's.
  @Test func resizingTakesNoSignal() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let before = Set(CollectionTrapTests.threads())
      let table = RCU.HashTable<Int, Int>(minimumCapacity: 1)
      for key in 0..<100_000 { table.addDuplicate(key, forKey: key) }
      await RCU.barrier()
      precondition(table.bucketCount > 10_000)
      let started = CollectionTrapTests.threads().filter { !before.contains($0) }
      precondition(!started.isEmpty)
      for thread in started {
        let mask = CollectionTrapTests.blockedSignals(of: thread)
        precondition(mask & 1 << UInt64(SIGUSR1 - 1) != 0, "thread \(thread): \(mask)")
      }
      exit(0)
    }
  }

  private static func threads() -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
  }

  private static func blockedSignals(of thread: String) -> UInt64 {
    let status = try? String(contentsOfFile: "/proc/self/task/\(thread)/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
    // A thread that has ended meanwhile takes none.
    guard let line else { return .max }
    return UInt64(line.dropFirst(7).filter { !$0.isWhitespace }, radix: 16) ?? 0
  }
}
