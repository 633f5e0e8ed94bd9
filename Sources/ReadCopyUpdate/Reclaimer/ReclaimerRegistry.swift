// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

/// The reclaimers in use, and what is done with all of them.
final class ReclaimerRegistry: @unchecked Sendable {
  // Sendable: the fields are accessed under `monitor`.
  let monitor = Monitor()
  private(set) var reclaimers: [_Reclaimer] = []
  private var stopsReclaimers = false
  /// The forks in progress: the thread that forks, and the reclaimers whose roles it took.
  var forks: [(thread: pthread_t, reclaimers: [_Reclaimer])] = []

  // Makes a copy, since ThreadSanitizer doesn't see the order that a shared array's reference
  // counting gives.
  var all: [_Reclaimer] { monitor.withLock { reclaimers.map { $0 } } }

  func withLock(_ body: () -> Void) { monitor.withLock(body) }

  func add(_ reclaimer: _Reclaimer) {
    setForkHooks()
    monitor.withLock {
      guard !reclaimer.isKnown.load(ordering: .relaxed) else { return }
      reclaimers.append(reclaimer)
      // It hasn't run anything yet, and will begin after the fork.
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

  /// Called under `monitor`.
  private func stopReclaimersAtExit() {
    guard !stopsReclaimers else { return }
    stopsReclaimers = true
    // Runs before liburcu's own destructor, which frees the registry that a grace period walks.
    atexit {
      // Threads of the parent may have held any lock.
      if rcushims_is_stranded() { return }
      StallWatch.shared.stop()
      let deadline = sysshims_now() + _Reclaimer.exitWaitNanoseconds
      let reclaimers = _Reclaimer.known.all
      for reclaimer in reclaimers { reclaimer.stopSoon() }
      for reclaimer in reclaimers { reclaimer.stopAtExit(deadline: deadline) }
    }
  }

  /// Called without `monitor`, which the hooks take: this may wait for a fork that has no hooks.
  private func setForkHooks() {
    rcushims_set_fork_hooks(
      rcushims_fork_hooks(
        before: { _Reclaimer.known.prepareFork() },
        lock: { _Reclaimer.known.lockToFork() },
        after_in_parent: { _Reclaimer.known.endFork(inChild: false) },
        after_in_child: { _Reclaimer.known.endFork(inChild: true) }))
  }
}
