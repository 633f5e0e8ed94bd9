// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
internal import Synchronization
public import SystemPackage
internal import VirtualMemory
internal import _SystemShims

/// Keeps mirrors up to date, on one thread for all of them: looks at what their sources tell as it
/// is told, reads each text once in its interval, and notices processes that end.
///
/// A source tells of the first change by a descriptor. After that its records are looked for: 0.2
/// ms later, and then twice as late each time that there are none; once that is more than 2 ms, the
/// descriptor has to tell again. So a busy process is looked at 5,000 times a second, and doesn't
/// pay for waking anybody; a quiet one costs nothing.
final class MirrorLoop: Sendable {
  private struct Shared {
    var added: [ProcessMirror] = []
    var removed: [ProcessMirror] = []
    var isStopped = false
  }

  private let shared = Guarded(Shared())
  private let watched: WatchedDescriptors
  /// Whether the loop is over when no mirror is left.
  private let endsWhenEmpty: Bool
  /// Is told of mirrors whose process has ended, or that were detached; on the loop's thread.
  private let didEnd: @Sendable (ProcessMirror) -> Void
  /// Is told of processes that mirrors' processes have forked; `nil` if nobody wants to know.
  private let didFork: (@Sendable (Int32) -> Void)?

  /// - Throws: `EMFILE` and the like.
  init(
    endsWhenEmpty: Bool, didEnd: @escaping @Sendable (ProcessMirror) -> Void = { _ in },
    didFork: (@Sendable (Int32) -> Void)? = nil
  ) throws(Errno) {
    watched = try WatchedDescriptors()
    self.endsWhenEmpty = endsWhenEmpty
    self.didEnd = didEnd
    self.didFork = didFork
  }

  /// Lets the loop follow a mirror.
  ///
  /// - Throws: `EBUSY` if another loop does.
  func add(_ mirror: ProcessMirror) throws(Errno) {
    let isFree = mirror.loop.withLock { loop in
      guard loop == nil else { return false }
      loop = self
      return true
    }
    guard isFree else { throw .resourceBusy }
    shared.withLock { $0.added.append(mirror) }
    watched.wake()
  }

  /// Lets it follow the mirror no more. The round that is at work ends first.
  func remove(_ mirror: ProcessMirror) {
    shared.withLock { shared in
      shared.added.removeAll { $0 === mirror }
      shared.removed.append(mirror)
    }
    watched.wake()
  }

  /// Begins a round now.
  func wake() { watched.wake() }

  func stop() {
    shared.withLock { $0.isStopped = true }
    watched.wake()
  }

  /// Works until the task is cancelled.
  ///
  /// - Throws: `EAGAIN` if the system lets no thread start.
  func run() async throws(Errno) {
    let error = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Errno?, Never>) in
        do throws(Errno) {
          try LoopThread.start("maps-mirrors") {
            self.work()
            continuation.resume(returning: nil)
          }
        } catch {
          continuation.resume(returning: error)
        }
      }
    } onCancel: {
      stop()
    }
    if let error { throw error }
  }

  // MARK: The thread

  private func work() {
    var followed: [UInt64: FollowedMirror] = [:]
    var lastTag: UInt64 = 0
    defer { for mirror in followed.values { mirror.end() } }
    while true {
      let (added, removed, isStopped) = shared.withLock { shared in
        defer {
          shared.added = []
          shared.removed = []
        }
        return (shared.added, shared.removed, shared.isStopped)
      }
      if isStopped {
        for mirror in added { mirror.loop.withLock { $0 = nil } }
        return
      }
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
      if followed.isEmpty && endsWhenEmpty { return }
      for tag in watched.wait(until: next) { followed[tag]?.isTold = true }
    }
  }
}

/// One mirror of a loop; the loop's thread's own.
private final class FollowedMirror {
  let mirror: ProcessMirror
  /// A descriptor of it is readable.
  var isTold = false
  /// When the text is to be read.
  private var nextReading: UInt64
  /// When records are to be looked for; `nil` while the descriptors tell of them.
  private var nextLook: UInt64?
  /// How long after the last look that is.
  private var pause: UInt64 = 0
  private let interval: UInt64
  /// Readable once the process has ended; -1 where that can't be had.
  private let process: Int32
  private let watched: WatchedDescriptors

  private static let shortestPause: UInt64 = 200_000
  private static let longestPause: UInt64 = 2_000_000

  init(_ mirror: ProcessMirror, tag: UInt64, _ watched: WatchedDescriptors) {
    self.mirror = mirror
    self.watched = watched
    interval = UInt64(max(100_000, mirror.configuration.interval / .nanoseconds(1)))
    nextReading = sysshims_now()
    let isOurs = mirror.configuration.root == "/proc"
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

  /// Does what is due.
  ///
  /// - Returns: when there is more to do; `nil` if the process has ended, or the mirror was
  ///   detached.
  func work(at now: UInt64) -> UInt64? {
    let isNoted = mirror.isNoted.exchange(false, ordering: .acquiringAndReleasing)
    // What can't be read now is read again in the next round; answers say how old they are.
    if now >= nextReading || isNoted || isTold && hasEnded {
      _ = try? mirror.refresh()
      // A round that took longer is not made up for.
      nextReading = max(nextReading &+ interval, sysshims_now())
      // It would tell of that for ever.
      if isTold && hasEnded { watched.remove(process) }
    }
    if isTold || now >= nextLook ?? .max { look() }
    isTold = false
    guard mirror.isFollowed else { return nil }
    return min(nextReading, nextLook ?? .max)
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
      // Between the last look and the arming.
      _ = try? mirror.refreshChanges()
      nextLook = nil
    } else {
      nextLook = sysshims_now() + pause
    }
  }
}

extension ProcessMirror {
  /// Whether there is anything more to follow.
  var isFollowed: Bool { state == .live || state == .contended }

  /// Keeps the mirror up to date, until the task is cancelled, the process has exited, or the
  /// mirror is detached.
  ///
  /// It looks at what ``source`` tells, and reads the whole text once in
  /// ``MirrorConfiguration/interval``. One thread is started for as long as it runs; a
  /// ``MapsService`` runs all its mirrors on one.
  ///
  /// - Throws: `EBUSY` if the mirror is run already; `EAGAIN` if the system lets no thread start;
  ///   `EMFILE` if no more descriptors may be opened.
  public func run() async throws(Errno) {
    let loop = try MirrorLoop(endsWhenEmpty: true)
    try loop.add(self)
    do throws(Errno) {
      try await loop.run()
    } catch {
      self.loop.withLock { $0 = nil }
      throw error
    }
  }

  /// Says that the process has changed its map, as the application knows: ``run()`` reads it at
  /// once.
  ///
  /// - Threads: any, but not signal handlers.
  public func noteChange() {
    isNoted.store(true, ordering: .releasing)
    loop.withLock { $0 }?.wake()
  }
}
