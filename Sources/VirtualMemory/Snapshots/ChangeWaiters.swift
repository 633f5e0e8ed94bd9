// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// The tasks that wait for an address space to change.
///
/// If no task waits, a writer pays two loads, and if the address space belongs to a service, an
/// atomic addition and two more loads. A task first announces itself (`isAnyWaiting`), and then
/// loads the generation. A writer first publishes, and then checks whether a task has announced
/// itself. All four operations are sequentially consistent, so at least one side sees the other,
/// and a task can't sleep through a change.
package final class ChangeWaiters: Sendable {
  private struct State {
    var continuations: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var lastNumber: UInt64 = 0
    var reason: MapsUpdate.End?
  }

  private let isAnyWaiting = Atomic(false)
  private let state = Guarded(State())
  /// The waiters of a service, which are notified of the changes of all its address spaces. Set at
  /// most once.
  private let shared = AtomicLazyReference<ChangeWaiters>()
  /// Whether `shared` is set: most spaces are in no service, and to load a lazy reference is a call
  /// that costs a fifth of an update. Written after it (releasing). Pairs with the acquire in
  /// `wakeAll`: guarantees that the reference is found.
  private let isShared = Atomic(false)
  private let changes = Atomic<UInt64>(0)

  package init() {}

  /// From now on, notifies `waiters` of changes too.
  ///
  /// - Precondition: no other waiters have been passed before.
  func notify(_ waiters: ChangeWaiters) {
    require(
      shared.storeIfNil(waiters) === waiters, "AddressSpace: it must not belong to another service")
    isShared.store(true, ordering: .releasing)
  }

  /// How often ``noteChange()`` was called. Sequentially consistent, like the generation of a
  /// space.
  package var changeCount: UInt64 { changes.load(ordering: .sequentiallyConsistent) }

  /// Notes that something has changed, and wakes all tasks that wait.
  package func noteChange() {
    changes.add(1, ordering: .sequentiallyConsistent)
    wakeAll()
  }

  /// The reason why there will be no more changes; `nil` as long as there may be.
  var end: MapsUpdate.End? { state.withLock { $0.reason } }

  /// Notes that there will be no more changes. Only the first reason counts.
  func finish(_ reason: MapsUpdate.End) {
    state.withLock { if $0.reason == nil { $0.reason = reason } }
    wakeAll()
  }

  /// Wakes all tasks that wait. Called after a version has been published, without a lock.
  @inline(__always)
  func wakeAll() {
    if isAnyWaiting.load(ordering: .sequentiallyConsistent) { wakeWaiters() }
    if isShared.load(ordering: .acquiring) { shared.load()?.noteChange() }
  }

  @inline(never)
  private func wakeWaiters() {
    let waiting = state.withLock { state in
      isAnyWaiting.store(false, ordering: .sequentiallyConsistent)
      let waiting = state.continuations
      state.continuations = [:]
      return waiting
    }
    for continuation in waiting.values { continuation.resume() }
  }

  /// Suspends the calling task until `isOver` returns true, there will be no more changes, or the
  /// task is cancelled.
  package func wait(until isOver: @Sendable () -> Bool) async {
    let number = state.withLock { state in
      state.lastNumber += 1
      return state.lastNumber
    }
    while !Task.isCancelled && end == nil && !isOver() {
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isWaiting = state.withLock { state in
            guard !Task.isCancelled && state.reason == nil else { return false }
            state.continuations[number] = continuation
            isAnyWaiting.store(true, ordering: .sequentiallyConsistent)
            return true
          }
          // If the change came before the announcement, its writer didn't see the task.
          if !isWaiting { continuation.resume() } else if isOver() { cancel(number) }
        }
      } onCancel: {
        cancel(number)
      }
    }
  }

  private func cancel(_ number: UInt64) {
    state.withLock { $0.continuations.removeValue(forKey: number) }?.resume()
  }
}
