// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// What goes wrong around the reclaimer's thread in other people's programs. Each in a process of
/// its own.
@Suite struct ReclaimerCornerTests {
  // MARK: - A fault in a deferred call

  /// The program's crash handlers run on the reclaimer's thread too.
  @Test(arguments: [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS])
  func faultsReachTheProgramsHandlers(_ signal: Int32) async {
    await #expect(processExitsWith: .exitCode(42)) { [signal] in
      handleSignal(signal) { _ in _exit(42) }
      // Whatever its maker has blocked.
      var all = sigset_t()
      unsafe sigfillset(&all)
      unsafe pthread_sigmask(SIG_SETMASK, &all, nil)
      RCU.afterGracePeriod { raise(signal) }
      sleepThread(for: .seconds(30))
    }
  }

  /// Others don't run there.
  @Test func otherSignalsAreBlocked() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let blocked = Locked<[Int32]>([])
      RCU.afterGracePeriod {
        var mask = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
        for signal in [SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGPROF, SIGCHLD, SIGSEGV, SIGABRT]
        where unsafe sigismember(&mask, signal) == 1 {
          blocked.withLock { $0.append(signal) }
        }
      }
      await RCU.barrier()
      precondition(
        blocked.withLock { $0 } == [SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGPROF, SIGCHLD])
    }
  }

  // MARK: - Dropping

  /// A `deinit` past a limit doesn't wait, whatever its caller holds, and runs nobody's `deinit`.
  @Test(arguments: Dropped.allCases)
  func droppingNeverWaits(_ dropped: Dropped) async {
    await #expect(processExitsWith: .exitCode(0)) { [dropped] in
      ReclaimerCornerTests.dropPastTheLimit(dropped)
    }
  }

  enum Dropped: String, CaseIterable, Codable, CustomTestStringConvertible {
    case pointer, retired, list, table, stack, sleepablePointer, sleepableRetired
    var testDescription: String { rawValue }
  }

  private static func dropPastTheLimit(_ dropped: Dropped) {
    RCU.limits = RCULimits(maximumPendingCount: 4)
    let domain = SleepableRCU(name: "dropped")
    domain.limits = RCULimits(maximumPendingCount: 4)
    let section = HeldSection<BulletproofFlavor>()
    let lock = Locked(())
    let counter = InstanceCounter()
    // Each takes the lock when it goes, as one that leaves a registry does.
    @Sendable func makeLeaver() -> Leaver { Leaver(lock, counter) }
    let pointer = RCU.Pointer<Leaver>()
    let sleepable = SleepableRCU.Pointer<Leaver>(protectedBy: domain)
    endHungProcess(after: .seconds(60))
    for _ in 0..<50 {
      switch dropped {
      case .pointer:
        var one: RCU.Pointer<Leaver>? = RCU.Pointer(makeLeaver())
        lock.withLock { _ in drop(one.take()) }
      case .retired:
        pointer.store(makeLeaver(), mayWait: false)
        lock.withLock { _ in _ = pointer.exchange(makeLeaver()) }
      case .list:
        var one: RCU.List<Leaver>? = RCU.List<Leaver>()
        one!.append(makeLeaver())
        lock.withLock { _ in drop(one.take()) }
      case .table:
        var one: RCU.HashTable<Int, Leaver>? = RCU.HashTable<Int, Leaver>()
        one!.addDuplicate(makeLeaver(), forKey: 1)
        lock.withLock { _ in drop(one.take()) }
      case .stack:
        var one: RCU.LockFreeStack<Leaver>? = RCU.LockFreeStack<Leaver>()
        one!.push(makeLeaver())
        lock.withLock { _ in drop(one.take()) }
      case .sleepablePointer:
        var one: SleepableRCU.Pointer<Leaver>? = SleepableRCU.Pointer(
          makeLeaver(), protectedBy: domain)
        lock.withLock { _ in drop(one.take()) }
      case .sleepableRetired:
        sleepable.store(makeLeaver(), mayWait: false)
        lock.withLock { _ in _ = sleepable.exchange(makeLeaver()) }
      }
    }
    let isSleepable = dropped == .sleepablePointer || dropped == .sleepableRetired
    if !isSleepable {
      // Nothing was destroyed beside the reader, and what went past the limit was counted.
      precondition(counter.live >= 50, "\(counter.live) are left")
      precondition(RCU.statistics.overLimitCount >= 40)
      precondition(RCU.statistics.waitCount == 0)
    }
    pointer.clear(mayWait: false)
    sleepable.clear(mayWait: false)
    section.end()
    RCU.barrier()
    domain.barrier()
    precondition(counter.live == 0, "\(counter.live) are left")
  }

  /// Nobody waits past a limit for a deferred call that waits for a lock of theirs.
  @Test func replacingUnderALockThatADeinitTakesGoesOn() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ReclaimerCornerTests.replaceUnderALock()
    }
  }

  private static func replaceUnderALock() {
    endHungProcess(after: .seconds(100))
    RCU.limits = RCULimits(maximumPendingCount: 20)
    let lock = Locked(())
    let counter = InstanceCounter()
    let pointer = RCU.Pointer(Leaver(lock, counter))
    for _ in 0..<200 { lock.withLock { _ in pointer.store(Leaver(lock, counter)) } }
    precondition(RCU.statistics.overLimitCount > 0 && RCU.statistics.waitCount > 0)
    pointer.clear()
    RCU.barrier()
    precondition(counter.live == 0, "\(counter.live) are left")
  }

  private static func drop<T: ~Copyable>(_: consuming T) {}

  private final class Leaver: Sendable {
    let lock: Locked<Void>
    let counter: InstanceCounter
    init(_ lock: Locked<Void>, _ counter: InstanceCounter) {
      self.lock = lock
      self.counter = counter
      counter.add()
    }
    deinit {
      lock.withLock { _ in }
      counter.remove()
    }
  }

  /// What a dropped container holds counts.
  @Test func droppedContainersCountWithWhatTheyHold() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let section = HeldSection<BulletproofFlavor>()
      let table = RCU.HashTable<Int, Int>(minimumCapacity: 4096)
      for key in 0..<1000 { table.addDuplicate(key, forKey: key) }
      ReclaimerCornerTests.drop(table)
      precondition(RCU.statistics.pendingBytes >= 4096 * 16 + 1000 * 24)
      section.end()
    }
  }

  // MARK: - Waiting in deferred calls

  @Test func waitingForAPolledGracePeriodInADeferredCallTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      RCU.afterGracePeriod { RCU.startGracePeriod().wait() }
      sleepThread(for: .seconds(30))
    }
    expectMessage(of: result, names: ["GracePeriod.wait()", "call it from another thread"])
  }

  /// A deferred call that doesn't return is reported, with what it is.
  @Test func deferredCallsThatDoNotReturnAreReported() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let reports = Locked<[RCUStall]>([])
      RCU.stallMonitor = RCUStallMonitor(threshold: .milliseconds(50)) { stall in
        reports.withLock { $0.append(stall) }
      }
      let mayReturn = Flag()
      RCU.afterGracePeriod { mayReturn.wait() }
      precondition(waitUntil { reports.withLock { !$0.isEmpty } }, "nothing was reported")
      let report = reports.withLock { $0[0] }
      precondition(report.duration >= .milliseconds(50) && report.readers.isEmpty)
      // A symbol where the program exports it, else the place in the file.
      let name = report.runningCall ?? ""
      precondition(name.contains("ReclaimerCornerTests") || name.contains("xctest+0x"), name)
      precondition("\(report)".contains("a deferred call or a deinit has been running for"))
      mayReturn.raise()
      await RCU.barrier()
    }
  }

  // MARK: - The monitor

  /// Whatever a handler owns goes without a lock of the library's; it may set the monitor and read.
  @Test(arguments: ["owner", "sleepable owner", "setter", "reader", "waiter"])
  func handlersMayOwnAndCallAnything(_ kind: String) async {
    await #expect(processExitsWith: .exitCode(0)) { [kind] in
      endHungProcess(after: .seconds(60))
      ReclaimerCornerTests.useHandler(kind)
    }
  }

  private final class Owner: Sendable {
    let pointer = RCU.Pointer(3)
  }
  private final class SleepableOwner: Sendable {
    let pointer: SleepableRCU.Pointer<Int>
    init(_ domain: SleepableRCU) { pointer = SleepableRCU.Pointer(1, protectedBy: domain) }
  }

  private static func useHandler(_ kind: String) {
    let begun = Atomic(0)
    let calls = Atomic(0)
    switch kind {
    case "owner":
      var owner: Owner? = Owner()
      RCU.stallMonitor = RCUStallMonitor(threshold: .seconds(5)) { [owner] _ in
        withExtendedLifetime(owner) {}
      }
      owner = nil
      RCU.stallMonitor = .disabled
      RCU.barrier()
      return
    case "sleepable owner":
      let domain = SleepableRCU(name: "owned")
      var owner: SleepableOwner? = SleepableOwner(domain)
      domain.stallMonitor = RCUStallMonitor(threshold: .seconds(5)) { [owner] _ in
        withExtendedLifetime(owner) {}
      }
      owner = nil
      domain.stallMonitor = .disabled
      domain.barrier()
      return
    case "setter":
      RCU.stallMonitor = RCUStallMonitor(threshold: .milliseconds(20)) { _ in
        RCU.stallMonitor = .disabled
        calls.wrappingAdd(1, ordering: .relaxed)
      }
    case "reader":
      RCU.stallMonitor = RCUStallMonitor(threshold: .milliseconds(20)) { _ in
        precondition(RCU.statistics.pendingCount > 0)
        RCU.withReadSection { _ in _ = calls.wrappingAdd(1, ordering: .relaxed) }
      }
    default:
      RCU.stallMonitor = RCUStallMonitor(threshold: .milliseconds(20)) { _ in
        begun.wrappingAdd(1, ordering: .relaxed)
        RCU.synchronize()
        calls.wrappingAdd(1, ordering: .relaxed)
      }
    }
    let pointer = RCU.Pointer(1)
    let section = HeldSection<BulletproofFlavor>()
    pointer.store(2)
    // A handler that waits returns after the section.
    let isReported = waitUntil {
      (kind == "waiter" ? begun.load(ordering: .relaxed) : calls.load(ordering: .relaxed)) > 0
    }
    precondition(isReported, "no report")
    section.end()
    precondition(waitUntil { calls.load(ordering: .relaxed) > 0 }, "no report")
    RCU.barrier()
  }

  // MARK: - Exit

  /// What a domain that is dropped has pending is destroyed before the process ends.
  // AddressSanitizer's search for leaks finds in a child what was its parent's; ThreadSanitizer
  // wants one thread there.
  @Test(arguments: isSanitizerBuild ? [false] : [false, true])
  func droppedDomainsFinish(_ isForked: Bool) async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) { [isForked] in
      func run() {
        func dropOne() {
          let domain = SleepableRCU(name: "logs")
          SleepableRCU.Pointer(Closing(), protectedBy: domain).clear()
        }
        dropOne()
        exit(0)
      }
      if isForked {
        let child = forkProcess()
        if child == 0 { run() }
        var status: Int32 = 0
        unsafe waitpid(child, &status, 0)
        exit(status == 0 ? 0 : 1)
      }
      run()
    }
    expectMessage(of: result, names: ["closed\n"])
  }

  private final class Closing: Sendable {
    deinit {
      let text = "closed\n"
      _ = unsafe write(2, text, text.utf8.count)
    }
  }

  /// A reader that stays in its section, of however many domains, holds up the exit by a second,
  /// and what is left is said of each; what still runs isn't called lost to a reader.
  @Test func exitSaysWhatIsLeft() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      endHungProcess(after: .seconds(30))
      let domains = (0..<20).map { SleepableRCU(name: "left \($0)") }
      let inside = InstanceCounter()
      for domain in domains {
        RunningThread.startDetached {
          domain.withReadSection { _ in
            inside.add()
            sleepThread(for: .seconds(600))
          }
        }
      }
      while inside.created < 20 { yieldThread() }
      for domain in domains { SleepableRCU.Pointer(1, protectedBy: domain).clear() }
      let isRunning = Flag()
      RCU.afterGracePeriod {
        isRunning.raise()
        sleepThread(for: .seconds(600))
      }
      isRunning.wait()
      exit(0)
    }
    expectMessage(
      of: result,
      names: [
        "“left 0”: at exit 1 retirements", "“left 19”: at exit 1 retirements",
        "an open read section holds them up",
        "RCUDomain<bp>: at exit 1 retirements with 0 bytes are not reclaimed; a deferred call or a deinit still runs",
      ])
  }

  // MARK: - Bytes

  /// Sums that don't fit into 64 bits.
  @Test func bytesDoNotOverflow() async {
    await #expect(processExitsWith: .exitCode(0)) {
      RCU.limits = RCULimits(maximumPendingBytes: .max, maximumPendingCount: .max)
      let ran = InstanceCounter()
      RCU.withReadSection { _ in
        for _ in 0..<70_000 { RCU.afterGracePeriod(bytes: 1 << 48) { ran.add() } }
        precondition(RCU.statistics.pendingBytes == .max)
        precondition(RCU.statistics.overLimitCount > 30_000)
      }
      await RCU.barrier()
      precondition(RCU.statistics.pendingBytes == 0 && ran.created == 70_000)
    }
  }
}

/// A hang is a failure, not a test that never ends.
func endHungProcess(after duration: Duration) {
  RunningThread.startDetached {
    sleepThread(for: duration)
    _exit(9)
  }
}
