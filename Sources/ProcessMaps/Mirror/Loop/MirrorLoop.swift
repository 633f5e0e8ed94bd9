// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
internal import Synchronization
public import SystemPackage
internal import VirtualMemory
internal import _SystemShims

#if ServiceLifecycle
  internal import ServiceLifecycle
#endif

/// Keeps mirrors up to date, all of them on one thread: it takes the records of their sources,
/// reads each whole text once in its interval, and notices when processes end.
///
/// A source makes a descriptor readable at the first change. From then on, the loop polls for
/// records: the first time after 0.2 ms, and after twice the previous pause whenever it finds none.
/// Once the pause would exceed 2 ms, the loop waits for the descriptor again. So a busy process is
/// polled 5,000 times a second and doesn't pay for waking the loop, while a quiet process costs
/// nothing.
final class MirrorLoop: Sendable {
  private struct Shared {
    var added: [ProcessMirror] = []
    var removed: [ProcessMirror] = []
    var isStopped = false
  }

  private let shared = Guarded(Shared())
  private let watched: WatchedDescriptors
  /// Whether the loop ends when no mirror is left.
  private let endsWhenEmpty: Bool
  /// Called for each mirror whose process has ended or that was detached, on the loop's thread.
  private let didEnd: @Sendable (ProcessMirror) -> Void
  /// Called for each process that a mirror's process has forked, on the loop's thread; `nil` if
  /// forks don't matter.
  private let didFork: (@Sendable (Int32) -> Void)?

  /// Creates a loop, which follows nothing yet.
  ///
  /// - Throws: the errors of opening descriptors, such as `EMFILE`.
  init(
    endsWhenEmpty: Bool, didEnd: @escaping @Sendable (ProcessMirror) -> Void = { _ in },
    didFork: (@Sendable (Int32) -> Void)? = nil
  ) throws(Errno) {
    watched = try WatchedDescriptors()
    self.endsWhenEmpty = endsWhenEmpty
    self.didEnd = didEnd
    self.didFork = didFork
  }

  /// Makes the loop follow a mirror. A loop that is over does nothing. Any thread may call this.
  ///
  /// - Throws: `EBUSY` if a loop follows the mirror already.
  func add(_ mirror: ProcessMirror) throws(Errno) {
    let isFree = mirror.loop.withLock { loop in
      guard loop == nil else { return false }
      loop = self
      return true
    }
    guard isFree else { throw .resourceBusy }
    let isAdded = shared.withLock { shared in
      guard !shared.isStopped else { return false }
      shared.added.append(mirror)
      return true
    }
    guard isAdded else { return mirror.loop.withLock { $0 = nil } }
    watched.wake()
  }

  /// Makes the loop stop following a mirror, after the current round. Any thread may call this.
  func remove(_ mirror: ProcessMirror) {
    let isWaiting = shared.withLock { shared in
      let count = shared.added.count
      shared.added.removeAll { $0 === mirror }
      if shared.added.count < count { return true }
      shared.removed.append(mirror)
      return false
    }
    if isWaiting { mirror.loop.withLock { $0 = nil } } else { watched.wake() }
  }

  /// Makes the loop begin a round now. Any thread may call this.
  func wake() { watched.wake() }

  /// Makes the loop end, after the current round. Any thread may call this.
  func stop() {
    shared.withLock { $0.isStopped = true }
    watched.wake()
  }

  /// Runs the loop until the task is cancelled.
  ///
  /// - Throws: `EAGAIN` if the system can't start a thread.
  func run() async throws(Errno) {
    let error = await withStopHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Errno?, Never>) in
        let error = SystemThread.start("maps-mirrors") {
          self.work()
          continuation.resume(returning: nil)
        }
        if error != 0 { continuation.resume(returning: Errno(rawValue: error)) }
      }
    }
    if let error {
      finish()
      throw error
    }
  }

  /// Runs `body`, and stops the loop if the task is cancelled meanwhile, or the service group that
  /// it belongs to is shut down.
  private func withStopHandler<R>(_ body: () async -> R) async -> R {
    #if ServiceLifecycle
      return await withTaskCancellationOrGracefulShutdownHandler(operation: body) { self.stop() }
    #else
      return await withTaskCancellationHandler(operation: body) { self.stop() }
    #endif
  }

  /// Says that nobody works any more: mirrors that were added meanwhile are free.
  private func finish() {
    let added = shared.withLock { shared in
      defer { shared.added = [] }
      shared.isStopped = true
      return shared.added
    }
    for mirror in added { mirror.loop.withLock { $0 = nil } }
  }

  // MARK: The thread

  private func work() {
    var followed: [UInt64: FollowedMirror] = [:]
    var lastTag: UInt64 = 0
    defer {
      for mirror in followed.values { mirror.end() }
      finish()
    }
    // Mirrors that have left are released at the end of a round, not after the wait.
    while let next = runRound(&followed, &lastTag) {
      for tag in watched.wait(until: next) { followed[tag]?.isTold = true }
    }
  }

  /// Takes mirrors in, lets others go, and does what is due.
  ///
  /// - Returns: when there is more to do; `nil` if the loop is over.
  @inline(never)
  private func runRound(
    _ followed: inout [UInt64: FollowedMirror], _ lastTag: inout UInt64
  ) -> UInt64? {
    let (added, removed, isStopped) = shared.withLock { shared in
      // `finish` lets go of what was added to a loop that stops.
      if shared.isStopped { return ([ProcessMirror](), [ProcessMirror](), true) }
      defer {
        shared.added = []
        shared.removed = []
      }
      return (shared.added, shared.removed, false)
    }
    if isStopped { return nil }
    for mirror in added {
      lastTag += 1
      followed[lastTag] = FollowedMirror(mirror, tag: lastTag, watched)
    }
    if !removed.isEmpty {
      for (tag, one) in followed where removed.contains(where: { $0 === one.mirror }) {
        one.end()
        followed[tag] = nil
      }
    }
    let now = sysshims_now()
    var next = UInt64.max
    for (tag, one) in followed {
      guard let time = one.work(at: now) else {
        one.end()
        followed[tag] = nil
        didEnd(one.mirror)
        continue
      }
      next = min(next, time)
      if let didFork, one.mirror.records != nil {
        for pid in one.mirror.takeForkedProcesses() { didFork(pid) }
      }
    }
    return followed.isEmpty && endsWhenEmpty ? nil : next
  }
}

/// A mirror that a loop follows. Used only by the loop's thread.
private final class FollowedMirror {
  let mirror: ProcessMirror
  /// Whether a descriptor of the mirror is readable.
  var isTold = false
  /// When to read the whole text next, in nanoseconds of `sysshims_now`.
  private var nextReading: UInt64
  /// When to poll for records next; `nil` while the loop waits for the descriptors.
  private var nextLook: UInt64?
  /// The time between the last poll and the next, in nanoseconds.
  private var pause: UInt64 = 0
  private let interval: UInt64
  /// Why the last reading failed, if it did.
  private var lastError: Errno?
  /// A pidfd, which becomes readable when the process has ended; -1 if the system has none, or the
  /// process's pid isn't known.
  private let process: Int32
  private let watched: WatchedDescriptors

  private static let shortestPause: UInt64 = 200_000
  private static let longestPause: UInt64 = 2_000_000

  init(_ mirror: ProcessMirror, tag: UInt64, _ watched: WatchedDescriptors) {
    self.mirror = mirror
    self.watched = watched
    interval = max(100_000, mirror.configuration.interval.nanosecondsOrLimit)
    nextReading = sysshims_now()
    let isOurs = ProcessFolder.hasOwnNumbers(mirror.configuration.root)
    process = isOurs ? mirror.pid.map(sysshims_process_open) ?? -1 : -1
    if process >= 0 { watched.add(process, tag: tag) }
    guard let records = mirror.records else { return }
    for descriptor in records.descriptors { watched.add(descriptor, tag: tag) }
    isTold = true
  }

  func end() {
    if process >= 0 {
      watched.remove(process)
      close(process)
    }
    if let records = mirror.records {
      records.disarm()
      for descriptor in records.descriptors { watched.remove(descriptor) }
    }
    mirror.loop.withLock { $0 = nil }
  }

  /// Does everything that is due.
  ///
  /// - Returns: the time at which there is more to do; `nil` if the process has ended or the mirror
  ///   was detached.
  func work(at now: UInt64) -> UInt64? {
    let isNoted = mirror.isNoted.exchange(false, ordering: .acquiringAndReleasing)
    if now >= nextReading || isNoted || isTold && hasEnded {
      read()
      // Readings that were missed because a round took too long aren't made up for.
      nextReading = max(nextReading &+ interval, sysshims_now())
      // Otherwise, this descriptor would stay readable for ever.
      if isTold && hasEnded { watched.remove(process) }
    }
    if isTold || now >= nextLook ?? .max { look() }
    isTold = false
    guard mirror.isFollowed else { return nil }
    return min(nextReading, nextLook ?? .max)
  }

  /// If the text can't be read now, the next round tries again; answers tell how old they are.
  private func read() {
    do throws(Errno) {
      try mirror.refresh()
      lastError = nil
    } catch {
      if error != lastError { mirror.tell(.readingFailed(error)) }
      lastError = error
    }
  }

  private var hasEnded: Bool {
    guard process >= 0 else { return false }
    var request = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&request, 1, 0) > 0
  }

  private func look() {
    guard let records = mirror.records else { return }
    if isTold {
      records.disarm()
      pause = 0
    }
    let isChanged = (try? mirror.refreshChanges().isChanged) ?? false
    pause = isChanged || pause == 0 ? Self.shortestPause : pause * 2
    if pause > Self.longestPause {
      records.arm()
      // Take what was recorded between the last poll and the arming.
      _ = try? mirror.refreshChanges()
      nextLook = nil
    } else {
      nextLook = sysshims_now() + pause
    }
  }
}

extension ProcessMirror {
  /// Whether the mirror still has a process to follow.
  var isFollowed: Bool { state == .live || state == .contended }

  /// Keeps the mirror up to date until the task is cancelled, the process has exited, or the mirror
  /// is detached.
  ///
  /// This processes what ``source`` reports, and reads the whole text once in each
  /// ``MirrorConfiguration/interval``. It starts one thread, which ends when the method returns. A
  /// ``MapsService`` follows all its mirrors on one thread.
  ///
  /// - Throws: `EBUSY` if the mirror is run already, by itself or by a service; `EAGAIN` if the
  ///   system can't start a thread; `EMFILE` if no more descriptors may be opened.
  public func run() async throws(Errno) {
    let loop = try MirrorLoop(endsWhenEmpty: true)
    try loop.add(self)
    try await loop.run()
  }

  /// Tells the mirror that the process has changed its map. Call this when the application knows of
  /// a change: ``run()`` then reads the text at once.
  ///
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: one system call while the mirror is run; otherwise O(1).
  public func noteChange() {
    isNoted.store(true, ordering: .releasing)
    loop.withLock { $0 }?.wake()
  }
}
