// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CTorture
import Foundation
import ReadCopyUpdate
import Synchronization

// Children of fork, and signals.

extension Torture {
  private static var childSeconds: UInt32 { 60 }
  private static var childCallCount: Int { 100 }
  /// Signals to each thread in one turn.
  private static var signalCount: Int { 500 }
  private static var signalPauseMicroseconds: UInt32 { 50 }

  // MARK: - fork

  /// A child has the memory of all threads, and only the forking one of them.
  func forkChild() {
    if checkChild({ self.useInChild() }) { done.add(.forks) }
  }

  /// What its reclaimer would do, threads that retire have to do. Not counted where filters aren't
  /// permitted.
  func forkThreadlessChild() {
    let hasRun = checkChild {
      let error = torture_deny_threads()
      if error == EPERM || error == EACCES || error == ENOSYS { return Self.notPermitted }
      return error == EAGAIN ? self.useInChild() : 5
    }
    if hasRun { done.add(.threadless) }
  }

  private static var notPermitted: Int32 { 77 }

  /// Runs `body` in a child, and reports it if the child fails. Returns whether a child has done
  /// it.
  private func checkChild(_ body: () -> Int32) -> Bool {
    let child = torture_fork(Self.childSeconds)
    if child == 0 { _exit(body()) }
    guard child > 0 else {
      failures.report(.fork, "errno \(errno)")
      return false
    }
    let status = torture_wait(child)
    if status == 0 { return true }
    if status == Self.notPermitted { return false }
    failures.report(
      .fork, status < 0 ? "killed by signal \(-status)" : "what failed is step \(status)")
    return true
  }

  /// Everything that a domain offers; 0 if it works, else what doesn't.
  private func useInChild() -> Int32 {
    var result: Int32 = 0
    Flavor.asReader {
      let element = elements.count - 1
      elements.write(element, serial: .max)
      slots[0].store(Handle(serial: .max, element: element))
      let isRead = Domain.withReadSection { section in
        slots[0].load(in: section)?.value.element == element
          && elements.isIntact(element, serial: .max)
      }
      guard isRead else { return result = 1 }
      let calls = CallCount()
      for _ in 0..<Self.childCallCount {
        Domain.afterGracePeriod { calls.value.wrappingAdd(1, ordering: .relaxed) }
      }
      Domain.synchronize()
      let gracePeriod = Domain.startGracePeriod()
      gracePeriod.wait()
      guard gracePeriod.isComplete else { return result = 2 }
      Domain.barrier()
      guard calls.value.load(ordering: .relaxed) == Self.childCallCount else { return result = 3 }
      // What the child inherited came to its end too.
      guard Domain.statistics.pendingCount <= maximumPendingInChild else { return result = 4 }
    }
    return result
  }

  /// Chains of deferred calls go on after a barrier.
  private var maximumPendingInChild: Int { elements.count }

  private final class CallCount: Sendable {
    let value = Atomic(0)
  }

  // MARK: - Signals

  /// Interrupts readers and updaters, in sections and in waits, again and again.
  func interrupt(_ threads: [TortureThread]) {
    prepareHandlers()
    for _ in 0..<Self.signalCount where !loadsAreStopping {
      for thread in threads { thread.interrupt() }
      usleep(Self.signalPauseMicroseconds)
    }
  }

  func prepareHandlers() {
    // What a first call allocates or looks up is there before a handler runs.
    Flavor.asReader { readInHandler() }
    SignalTarget.install(self)
  }
}

/// What the signal handler reads.
private protocol HandlerReading: AnyObject, Sendable {
  func readInHandler()
}

extension Torture: HandlerReading {}

private enum SignalTarget {
  /// A box's address. Written before the first signal of a turn; read by handlers. Boxes are never
  /// freed.
  private static let current = Atomic<UInt>(0)

  private final class Box {
    let target: any HandlerReading
    init(_ target: any HandlerReading) { self.target = target }
  }

  static func install(_ target: any HandlerReading) {
    let box = Unmanaged.passRetained(Box(target)).toOpaque()
    // Releasing. Pairs with the handler's acquire: it sees a complete box.
    current.store(UInt(bitPattern: box), ordering: .releasing)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in SignalTarget.read() }
    action.sa_flags = SA_RESTART
    precondition(sigaction(SIGUSR1, &action, nil) == 0, "rcu-torture: no signal handler")
  }

  static func read() {
    guard let box = UnsafeRawPointer(bitPattern: current.load(ordering: .acquiring)) else { return }
    let savedErrno = errno
    Unmanaged<Box>.fromOpaque(box).takeUnretainedValue().target.readInHandler()
    errno = savedErrno
  }
}
