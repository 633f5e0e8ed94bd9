// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport

/// Lets tasks wait for a flag without holding a thread.
final class AsyncGate: Sendable {
  private struct State {
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Locked(State())

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  nonisolated(nonsending) func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// A section, opened by a task of its own, that stays suspended until it is ended.
struct SuspendedSection: Sendable {
  private let gate = AsyncGate()
  private let task: Task<Void, Never>
  /// Raised by the section as the last that it does.
  let ending: Flag

  /// Comes back when the section is open.
  init(in domain: SleepableRCU) async {
    let (opened, ending) = (Flag(), Flag())
    self.ending = ending
    task = Task.detached { [gate] in
      await domain.withReadSection { _ in
        opened.raise()
        await gate.wait()
        ending.raise()
      }
    }
    while !opened.isRaised { await Task.yield() }
  }

  func release() { gate.open() }

  func end() async {
    gate.open()
    await task.value
  }
}

/// A section without `await`, held open by a thread of its own.
struct BlockedSection: ~Copyable {
  private let released = Flag()
  private let thread: RunningThread

  init(in domain: SleepableRCU) {
    let opened = Flag()
    thread = RunningThread { [released] in
      domain.withReadSection { _ in
        opened.raise()
        released.wait()
      }
    }
    opened.wait()
  }

  consuming func end() {
    released.raise()
    thread.join()
  }
}

/// A source whose instances are counted, and its grace periods.
final class CountingSource: SleepableSource, @unchecked Sendable {
  // Sendable: adds nothing but counters that are.
  private let instances: InstanceCounter
  let runs = InstanceCounter()

  init(_ instances: InstanceCounter) {
    self.instances = instances
    instances.add()
    super.init(name: "counting")
  }

  deinit { instances.remove() }

  override func runGracePeriod() {
    runs.add()
    super.runGracePeriod()
  }
}

/// ``eventually(timeout:_:)`` in an exit test, which a trap fails.
func expectEventually(_ condition: @Sendable () -> Bool) async {
  let holds = await eventually(condition)
  precondition(holds, "this never held")
}
