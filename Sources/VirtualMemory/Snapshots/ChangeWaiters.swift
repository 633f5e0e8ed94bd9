// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// Tasks that wait for an address space to change.
///
/// A writer that nobody waits for pays one load. A task announces itself (`isAnyWaiting`), then
/// looks at the generation; a writer publishes, then looks whether a task has announced itself. All
/// four are sequentially consistent, so that one of the two sees the other: no change is slept
/// through.
package final class ChangeWaiters: Sendable {
  private struct State {
    var continuations: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var lastNumber: UInt64 = 0
    var reason: MapsUpdate.End?
  }

  private let isAnyWaiting = Atomic(false)
  private let state = Guarded(State())
  /// Those who wait for changes of several spaces; set once.
  private let shared = AtomicLazyReference<ChangeWaiters>()
  private let changes = Atomic<UInt64>(0)

  package init() {}

  /// Tells `waiters` of changes, too.
  ///
  /// - Precondition: no others are told.
  func notify(_ waiters: ChangeWaiters) {
    require(
      shared.storeIfNil(waiters) === waiters, "AddressSpace: it is in another service already")
  }

  /// How often ``noteChange()`` was called. Sequentially consistent, as the generation of a space.
  package var changeCount: UInt64 { changes.load(ordering: .sequentiallyConsistent) }

  /// Says that something has changed, and wakes who waits.
  package func noteChange() {
    changes.add(1, ordering: .sequentiallyConsistent)
    wakeAll()
  }

  /// Why there will be no more changes; `nil` while there may be.
  var end: MapsUpdate.End? { state.withLock { $0.reason } }

  /// Says that there will be no more changes.
  func finish(_ reason: MapsUpdate.End) {
    state.withLock { if $0.reason == nil { $0.reason = reason } }
    wakeAll()
  }

  /// Wakes all tasks that wait. After a version is published, without a lock.
  @inline(__always)
  func wakeAll() {
    if isAnyWaiting.load(ordering: .sequentiallyConsistent) { wakeWaiters() }
    if let shared = shared.load() { shared.noteChange() }
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

  /// Suspends the task until `isOver` holds, there will be no more changes, or the task is
  /// cancelled.
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
          // Changed before the announcement could be seen.
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
