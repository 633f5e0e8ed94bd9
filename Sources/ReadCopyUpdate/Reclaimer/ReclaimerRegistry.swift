// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

/// The reclaimers in use, and what is done with all of them.
final class ReclaimerRegistry: @unchecked Sendable {
  // Sendable: the fields are read and written under `monitor`.
  let monitor = Monitor()
  private(set) var reclaimers: [_Reclaimer] = []
  private var stopsReclaimers = false
  /// What is between the two ends of a fork: who forks, and whose roles it took.
  var forks: [(thread: pthread_t, reclaimers: [_Reclaimer])] = []

  // With elements of its own: what a shared array's references order, ThreadSanitizer doesn't see.
  var all: [_Reclaimer] { monitor.withLock { reclaimers.map { $0 } } }

  func withLock(_ body: () -> Void) { monitor.withLock(body) }

  func add(_ reclaimer: _Reclaimer) {
    setForkHooks()
    monitor.withLock {
      guard !reclaimer.isKnown.load(ordering: .relaxed) else { return }
      reclaimers.append(reclaimer)
      // It has run nothing yet, and begins after the fork.
      if let fork = forks.first {
        reclaimer.giveRoleToFork(by: fork.thread)
        forks[0].reclaimers.append(reclaimer)
      }
      reclaimer.isKnown.store(true, ordering: .relaxed)
      stopReclaimersAtExit()
    }
  }

  func remove(_ reclaimer: _Reclaimer) {
    monitor.withLock { reclaimers.removeAll { $0 === reclaimer } }
  }

  /// Under `monitor`.
  private func stopReclaimersAtExit() {
    guard !stopsReclaimers else { return }
    stopsReclaimers = true
    // liburcu's own destructor, which comes after `atexit`, gives back the registry that a grace
    // period walks.
    atexit {
      // Other threads of its parent may have held any lock.
      if rcushims_is_stranded() { return }
      StallWatch.shared.stop()
      let deadline = sysshims_now() + _Reclaimer.exitWaitNanoseconds
      let reclaimers = _Reclaimer.known.all
      for reclaimer in reclaimers { reclaimer.stopSoon() }
      for reclaimer in reclaimers { reclaimer.stopAtExit(deadline: deadline) }
    }
  }

  /// Out of `monitor`, which the hooks take: this may wait for a fork that has none.
  private func setForkHooks() {
    rcushims_set_fork_hooks(
      rcushims_fork_hooks(
        before: { _Reclaimer.known.prepareFork() },
        lock: { _Reclaimer.known.lockToFork() },
        after_in_parent: { _Reclaimer.known.endFork(inChild: false) },
        after_in_child: { _Reclaimer.known.endFork(inChild: true) }))
  }
}
