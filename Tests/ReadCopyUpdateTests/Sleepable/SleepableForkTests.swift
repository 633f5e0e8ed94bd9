// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import TestSupport
import Testing

/// A child of `fork` may use a domain as its parent did. Each test in a process of its own.
///
/// Not under ThreadSanitizer, for the reason that is given at `ForkTests`.
@Suite(.serialized, .enabled(if: !isThreadSanitizerBuild)) struct SleepableForkTests {
  @Test func childReadsRetiresAndWaits() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let world = ForkedDomain()
      precondition(world.useInChild() == 0)
      // By a thread: of a task nobody can tell that it is in none of the open sections.
      RunningThread {
        world.runWithReadersAndWriters {
          for _ in 0..<20 {
            let end = runInForkedChild { world.useInChild(maximumLost: 1) }
            precondition(end == .exited(0), "the child ended with \(end)")
          }
        }
      }.join()
      // By a task, while no section is open.
      precondition(runInForkedChild { world.useInChild() } == .exited(0))
      precondition(world.useInChild() == 0)
      exit(0)
    }
  }

  /// The sections of other threads and of tasks hold up nothing in the child, whatever half they
  /// are in, and neither the fork nor the parent's grace period ends them.
  @Test func sectionsEndWithTheFork() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let world = ForkedDomain()
      precondition(world.useInChild() == 0)
      for _ in 0..<4 {
        let suspended = await SuspendedSection(in: world.domain)
        let blocked = BlockedSection(in: world.domain)
        RunningThread {
          let end = runInForkedChild { world.useInChild() }
          precondition(end == .exited(0), "the child ended with \(end)")
        }.join()
        precondition(!suspended.ending.isRaised)
        blocked.end()
        await suspended.end()
        await world.domain.synchronize()
      }
      precondition(world.useInChild() == 0)
      exit(0)
    }
  }

  /// A fork doesn't wait for a section that a grace period waits for: the section may wait for the
  /// fork. The batch that is held up is run by the parent, and once more by the child.
  @Test func forkDoesNotWaitForSections() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let world = ForkedDomain()
      precondition(world.useInChild() == 0)
      for _ in 0..<10 {
        let ran = InstanceCounter()
        let section = await SuspendedSection(in: world.domain)
        let half = world.domain.counters.currentHalf
        for _ in 0..<5 { world.domain.afterGracePeriod { ran.add() } }
        // Its grace period is under way.
        await expectEventually { world.domain.counters.currentHalf != half }
        for _ in 0..<5 { world.domain.afterGracePeriod { ran.add() } }
        RunningThread {
          let end = runInForkedChild {
            world.domain.barrier()
            guard ran.created == 10 else { return 5 }
            return world.useInChild()
          }
          precondition(end == .exited(0), "the child ended with \(end)")
        }.join()
        precondition(ran.created == 0)
        await section.end()
        await world.domain.barrier()
        precondition(ran.created == 10)
      }
      exit(0)
    }
  }

  @Test func deferredCallsMayFork() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let world = ForkedDomain()
      precondition(world.useInChild() == 0)
      let ends = Locked<[ChildEnd]>([])
      for _ in 0..<5 {
        world.domain.afterGracePeriod {
          // The child's only thread runs this call: it can't wait for its end.
          let end = runInForkedChild {
            world.replace()
            world.domain.synchronize()
            return world.read() ? 0 : 1
          }
          ends.withLock { $0.append(end) }
        }
      }
      await world.domain.barrier()
      precondition(ends.withLock { $0 } == Array(repeating: .exited(0), count: 5))
      precondition(world.useInChild() == 0)
      exit(0)
    }
  }

  /// What a child has taken over from its parent goes with the domain, though no thread ran there.
  @Test func domainMayEndInTheChild() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let counter = InstanceCounter()
      let section = Locked<SleepableRCU?>(SleepableRCU())
      do {
        let domain = section.withLock { $0! }
        SleepableRCU.Pointer(Counted(1, counter), protectedBy: domain).clear()
        await domain.barrier()
        let open = await SuspendedSection(in: domain)
        SleepableRCU.Pointer(Counted(2, counter), protectedBy: domain).clear()
        RunningThread {
          let end = runInForkedChild {
            // The other references are those of threads that the child doesn't have.
            let domain = section.withLock { $0! }
            domain.barrier()
            return counter.live == 0 ? 0 : 1
          }
          precondition(end == .exited(0), "the child ended with \(end)")
        }.join()
        await open.end()
      }
      section.withLock { $0 = nil }
      await expectEventually { counter.live == 0 }
      exit(0)
    }
  }

  /// A fork inside a section gives a child that may read and exec, and traps when it waits.
  @Test func forkInsideASectionLosesTheDomain() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      let world = ForkedDomain()
      precondition(world.useInChild() == 0)
      RunningThread {
        world.domain.withReadSection { _ in
          SleepableForkTests.expectLoss(of: world)
        }
        // Outside again, it works.
        precondition(runInForkedChild { world.useInChild() } == .exited(0))
      }.join()
      // A task in a section that suspends.
      await world.domain.withReadSection { _ in
        await Task.yield()
        SleepableForkTests.expectLoss(of: world)
      }
      await world.domain.barrier()
      precondition(world.useInChild() == 0)
      exit(0)
    }
    expectMessage(of: result, names: ["forked inside a read section", "before fork"])
  }

  private static func expectLoss(of world: ForkedDomain) {
    precondition(runInForkedChild { world.read() ? 0 : 1 } == .exited(0))
    let end = runInForkedChild {
      world.domain.synchronizeAnywhere()
      return 0
    }
    guard case .killed(let signal) = end, signal != SIGALRM else {
      preconditionFailure("waiting didn't trap, but \(end)")
    }
  }
}

extension SleepableRCU {
  /// Without the check for a section of this thread, which traps too.
  fileprivate func synchronizeAnywhere() { _reclaimer.waitForGracePeriod() }
}

/// A pointer that is read and replaced on both sides of a fork.
private final class ForkedDomain: Sendable {
  let domain = SleepableRCU(name: "forked")
  private let counter = InstanceCounter()
  private let pointer: SleepableRCU.Pointer<StressPointee>
  private let isStopping = Flag()

  init() { pointer = SleepableRCU.Pointer(StressPointee(counter), protectedBy: domain) }

  func replace() { pointer.store(StressPointee(counter)) }

  /// Whether the pointee is intact.
  func read() -> Bool {
    domain.withReadSection { pointer.load(in: $0)?.value.isIntact ?? false }
  }

  /// Everything that a domain offers without tasks, with a thread of its own; 0 if it works.
  ///
  /// Also run once before a fork: Swift's runtime looks things up under locks of its own the first
  /// time.
  ///
  /// - Parameter maximumLost: pointees that threads which the child doesn't have may have been
  ///   about to publish or to retire.
  func useInChild(maximumLost: Int = 0) -> Int32 {
    for _ in 0..<100 { replace() }
    guard read() else { return 1 }
    domain.synchronize()
    let thread = RunningThread {
      for _ in 0..<100 {
        precondition(self.read())
        self.replace()
      }
    }
    for _ in 0..<100 {
      replace()
      guard read() else { return 2 }
    }
    thread.join()
    domain.barrier()
    return (1...1 + maximumLost).contains(counter.live) ? 0 : 4
  }

  func runWithReadersAndWriters(_ body: () -> Void) {
    let reading = InstanceCounter()
    var threads: [RunningThread.Released] = []
    for index in 0..<3 {
      threads.append(
        RunningThread {
          reading.add()
          while !self.isStopping.isRaised {
            if index == 0 { self.replace() } else { precondition(self.read()) }
          }
        }.release())
    }
    while reading.created < 3 { yieldThread() }
    body()
    isStopping.raise()
    for thread in threads { RunningThread.join(thread) }
  }
}
