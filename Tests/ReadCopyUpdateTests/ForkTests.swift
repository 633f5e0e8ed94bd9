// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing
internal import _RCUShims

/// A child of `fork` can do what its parent can. Each test in a process of its own, whose only
/// other threads are those of the test.
///
/// Not under ThreadSanitizer: there every access to a global takes a lock of Swift's runtime, which
/// a child inherits locked if another thread, such as the stall watch, has it at the fork.
@Suite(.serialized, .enabled(if: !isThreadSanitizerBuild)) struct ForkTests {
  @Test(arguments: TestedFlavor.allCases)
  func childReadsRetiresAndWaits(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.checkChildReadsRetiresAndWaits(flavor)
    }
  }

  private static func checkChildReadsRetiresAndWaits(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = ForkWorld<Flavor>()
      world.runWithReadersAndWriters {
        for _ in 0..<20 {
          let end = runInForkedChild { world.useInChild(maximumLost: 1) }
          precondition(end == .exited(0), "the child ended with \(end)")
        }
      }
    }
    check(flavor.type)
  }

  /// The section of a thread that the child doesn't have holds up no grace period there.
  @Test(arguments: TestedFlavor.allCases)
  func sectionsOfOtherThreadsEndWithTheFork(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.checkSectionsOfOtherThreadsEndWithTheFork(flavor)
    }
  }

  private static func checkSectionsOfOtherThreadsEndWithTheFork(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = ForkWorld<Flavor>()
      let section = HeldSection<Flavor>()
      let end = runInForkedChild { world.useInChild() }
      section.end()
      precondition(end == .exited(0), "the child ended with \(end)")
      precondition(world.useInChild() == 0, "the parent doesn't work any more")
    }
    check(flavor.type)
  }

  /// A registered thread, online with qsbr, forks and stays registered in the child.
  @Test(arguments: TestedFlavor.allCases)
  func readersMayFork(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.checkReadersMayFork(flavor)
    }
  }

  private static func checkReadersMayFork(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = ForkWorld<Flavor>()
      withReaderThread(Flavor.self) {
        for _ in 0..<10 {
          world.replace()
          precondition(runInForkedChild { world.useInChild() } == .exited(0))
          precondition(world.read())
        }
      }
    }
    check(flavor.type)
  }

  /// The first retirement of all comes while a fork waits for liburcu's lock: nothing has been
  /// prepared for that when the fork begins, and all has when it goes on.
  @Test func firstRetirementDuringAFork() async {
    await #expect(processExitsWith: .exitCode(0)) { ForkTests.checkFirstRetirementDuringAFork() }
  }

  private static func checkFirstRetirementDuringAFork() {
    let section = HeldSection<BulletproofFlavor>()
    // Not `RCU.synchronize`, for which everything is prepared.
    let waiting = RunningThread { rcushims_synchronize(BulletproofFlavor._number) }
    usleep(20_000)
    let end = Locked(ChildEnd?.none)
    let forking = RunningThread {
      let childEnd = runInForkedChild(seconds: 20) {
        RCU.barrier()
        return 0
      }
      end.withLock { $0 = childEnd }
    }
    usleep(50_000)
    RCU.afterGracePeriod {}
    usleep(50_000)
    section.end()
    waiting.join()
    forking.join()
    RCU.barrier()
    precondition(end.withLock { $0 } == .exited(0))
  }

  /// What is pending at the fork is reclaimed once by each of the two.
  @Test(arguments: TestedFlavor.allCases)
  func pendingRetirementsAreReclaimedByBoth(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.checkPendingRetirementsAreReclaimedByBoth(flavor)
    }
  }

  private static func checkPendingRetirementsAreReclaimedByBoth(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      // Once before the fork, as in ForkWorld: what Swift's runtime looks up the first time.
      Domain.afterGracePeriod {}
      Domain.barrier()
      for _ in 0..<20 {
        let counter = InstanceCounter()
        for value in 0..<1000 {
          let object = CountedObject(value, counter)
          Domain.afterGracePeriod { withExtendedLifetime(object) {} }
        }
        let end = runInForkedChild {
          Domain.barrier()
          return counter.live == 0 && counter.created == 1000 ? 0 : 1
        }
        precondition(end == .exited(0), "the child ended with \(end)")
        Domain.barrier()
        precondition(counter.live == 0)
      }
    }
    check(flavor.type)
  }

  @Test(arguments: TestedFlavor.allCases)
  func deferredCallsMayFork(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.checkDeferredCallsMayFork(flavor)
    }
  }

  private static func checkDeferredCallsMayFork(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = ForkWorld<Flavor>()
      let ends = Locked<[ChildEnd]>([])
      for _ in 0..<5 {
        RCUDomain<Flavor>.afterGracePeriod {
          // The child's only thread runs this call: it can't wait for its end.
          let end = runInForkedChild {
            world.replace()
            RCUDomain<Flavor>.synchronize()
            return world.read() ? 0 : 1
          }
          ends.withLock { $0.append(end) }
        }
      }
      RCUDomain<Flavor>.barrier()
      precondition(ends.withLock { $0 } == Array(repeating: .exited(0), count: 5))
      precondition(world.useInChild() == 0)
    }
    check(flavor.type)
  }

  /// A fork waits for a grace period, which waits for readers, which retire inside their sections:
  /// the fork must not hold what they need for that.
  ///
  /// Not under ThreadSanitizer: there every access to a global takes a lock of Swift's runtime,
  /// which a child inherits locked if another thread has it at the fork.
  @Test(.disabled(if: isThreadSanitizerBuild), arguments: TestedFlavor.allCases)
  func forksLetReadersRetireInsideSections(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.checkForksLetReadersRetireInsideSections(flavor)
    }
  }

  private static func checkForksLetReadersRetireInsideSections(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      let world = ForkWorld<Flavor>()
      let isStopping = Flag()
      let waiters = (0..<2).map { _ in
        RunningThread { while !isStopping.isRaised { Domain.synchronize() } }.release()
      }
      let readers = (0..<2).map { _ in
        RunningThread {
          while !isStopping.isRaised {
            withReaderThread(Flavor.self) {
              Domain.withReadSection { _ in
                yieldThread()
                Domain.afterGracePeriod {}
                _ = Domain.startGracePeriod()
              }
            }
          }
        }.release()
      }
      // A test that hangs ends here.
      unblockSignal(SIGALRM)
      alarm(300)
      for _ in 0..<5 {
        let end = runInForkedChild { world.useInChild(maximumLost: 1) }
        precondition(end == .exited(0), "the child ended with \(end)")
      }
      isStopping.raise()
      for thread in waiters + readers { RunningThread.join(thread) }
    }
    check(flavor.type)
  }

  /// A signal handler may fork wherever it has interrupted the library: between a lock and its
  /// release, too. The child may exit; the parent goes on.
  ///
  /// What is interrupted allocates nothing: `fork` itself waits for the allocator's locks, which
  /// the library can't help.
  @Test(.disabled(if: isThreadSanitizerBuild), arguments: TestedFlavor.allCases)
  func handlersMayFork(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ForkTests.forkInHandlers(flavor)
    }
  }

  private static let handlersForks = Atomic(0)
  private static let handlersFailures = Atomic(0)

  private static func forkInHandlers(_ flavor: TestedFlavor) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      endHungProcess(after: .seconds(100))
      handleSignal(SIGUSR1) { _ in
        let savedErrno = errno
        let child = forkProcess()
        if child == 0 { _exit(0) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0 {}
        ForkTests.handlersForks.wrappingAdd(1, ordering: .relaxed)
        if status != 0 { ForkTests.handlersFailures.wrappingAdd(1, ordering: .relaxed) }
        errno = savedErrno
      }
      let isStopping = Flag()
      let thread = RunningThread {
        withReaderThread(Flavor.self) {
          Domain.synchronize()
          unblockSignal(SIGUSR1)
          while !isStopping.isRaised {
            Domain.synchronize()
            for _ in 0..<100 { _ = Domain.startGracePeriod().isComplete }
            Domain.withReadSection { _ in }
          }
        }
      }.release()
      for _ in 0..<150 {
        pthread_kill(thread, SIGUSR1)
        usleep(1000)
      }
      isStopping.raise()
      RunningThread.join(thread)
      precondition(handlersForks.load(ordering: .relaxed) > 0, "no handler ran")
      precondition(handlersFailures.load(ordering: .relaxed) == 0, "a child died")
      Domain.synchronize()
      // And an ordinary fork after all these.
      let end = runInForkedChild {
        Domain.synchronize()
        return 0
      }
      precondition(end == .exited(0), "the child ended with \(end)")
    }
    run(flavor.type)
  }

  /// A fork inside a section doesn't hang; its child may read and end, and traps when it waits.
  @Test(arguments: TestedFlavor.allCases)
  func forkInsideASectionLosesTheDomain(_ flavor: TestedFlavor) async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) { [flavor] in
      ForkTests.checkForkInsideASectionLosesTheDomain(flavor)
    }
    expectMessage(of: result, names: ["forked inside a read section", "before fork"])
  }

  private static func checkForkInsideASectionLosesTheDomain(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      let world = ForkWorld<Flavor>()
      withReaderThread(Flavor.self) {
        Domain.withReadSection { _ in
          world.replace()
          let reading = runInForkedChild { world.read() ? 0 : 1 }
          precondition(reading == .exited(0), "the child ended with \(reading)")
        }
        let waiting = Domain.withReadSection { _ in
          forkProcess()
        }
        if waiting == 0 {
          // In the child, out of the section.
          alarm(60)
          Domain.synchronize()
          _exit(0)
        }
        var status: Int32 = 0
        precondition(unsafe waitpid(waiting, &status, 0) == waiting)
        precondition(status & 0x7f != 0 && status & 0x7f != SIGALRM, "synchronize didn't trap")
      }
      precondition(world.useInChild() == 0)
    }
    check(flavor.type)
  }
}

/// A pointer that is read and replaced on both sides of a fork.
private final class ForkWorld<Flavor: RCUFlavor>: Sendable {
  typealias Domain = RCUDomain<Flavor>
  private let counter = InstanceCounter()
  private let pointer: Domain.Pointer<StressPointee>
  private let isStopping = Flag()

  init() {
    pointer = Domain.Pointer(StressPointee(counter))
    // Everything once before the fork: Swift's runtime looks things up under locks of its own the
    // first time, and a child would inherit them as another thread holds them.
    precondition(useInChild() == 0)
  }

  func replace() { pointer.store(StressPointee(counter)) }

  /// Whether the pointee is intact.
  func read() -> Bool {
    var isIntact = false
    withReaderThread(Flavor.self) {
      isIntact = Domain.withReadSection { pointer.load(in: $0)?.value.isIntact ?? false }
    }
    return isIntact
  }

  /// Everything that a domain offers, with threads of its own; 0 if it works.
  ///
  /// - Parameter maximumLost: pointees that threads which the child doesn't have may have been
  ///   about to publish or to retire.
  func useInChild(maximumLost: Int = 0) -> Int32 {
    for _ in 0..<100 { replace() }
    guard read() else { return 1 }
    Domain.synchronize()
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
    whileBlocked(thread)
    let gracePeriod = Domain.startGracePeriod()
    gracePeriod.wait()
    guard gracePeriod.isComplete else { return 3 }
    Domain.barrier()
    return (1...1 + maximumLost).contains(counter.live) ? 0 : 4
  }

  private func whileBlocked(_ thread: consuming RunningThread) {
    let pthread = thread.release()
    Flavor.source.whileBlocked { RunningThread.join(pthread) }
  }

  func runWithReadersAndWriters(_ body: () -> Void) {
    let reading = InstanceCounter()
    var threads: [RunningThread.Released] = []
    for index in 0..<3 {
      threads.append(
        RunningThread {
          var round = 0
          while !self.isStopping.isRaised {
            if index == 0 { self.replace() } else { precondition(self.read()) }
            round += 1
            if round == 100 { reading.add() }
          }
        }.release())
    }
    while reading.created < 3 { yieldThread() }
    body()
    isStopping.raise()
    for thread in threads { RunningThread.join(thread) }
    // The children's counts were copies.
    pointer.clear()
    Domain.barrier()
    precondition(counter.live == 0)
    replace()
  }
}
