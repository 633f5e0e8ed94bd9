// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
public import SystemPackage
internal import _SystemShims

/// What a polling thread waits for: the time of the next round, a wake-up, or the end.
struct PollingControl: Sendable {
  private struct State {
    var isWoken = false
    var isStopped = false
  }

  private let state = Guarded(State())

  /// Lets the next round begin now.
  func wake() {
    state.withLock { $0.isWoken = true }
    state.signal()
  }

  /// Ends the thread after its round.
  func stop() {
    state.withLock { $0.isStopped = true }
    state.signal()
  }

  /// Waits until `deadline`, in nanoseconds of the monotonic clock, or a wake-up; whether to go on.
  fileprivate func wait(until deadline: UInt64) -> Bool {
    state.wait(until: deadline) { $0.isWoken || $0.isStopped }
    return state.withLock { state in
      state.isWoken = false
      return !state.isStopped
    }
  }

  fileprivate func begin() { state.withLock { $0.isStopped = false } }

  /// Runs `round` on a thread of its own, now and every `interval`, until it returns false or the task is cancelled.
  ///
  /// A thread, since rounds block in system calls, and the threads of Swift Concurrency must not.
  ///
  /// - Throws: `EAGAIN` if the system lets no thread start.
  func run(
    every interval: Duration, _ round: @escaping @Sendable () -> Bool
  ) async throws(Errno) {
    begin()
    let nanoseconds = UInt64(max(1, interval / .nanoseconds(1)))
    let error = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let thread = PollingThread {
          var next = sysshims_now()
          repeat {
            guard round() else { break }
            // A round that took longer is not made up for.
            next = max(next &+ nanoseconds, sysshims_now())
          } while self.wait(until: next)
          continuation.resume(returning: Int32(0))
        }
        let error = thread.start()
        if error != 0 { continuation.resume(returning: error) }
      }
    } onCancel: {
      stop()
    }
    if error != 0 { throw Errno(rawValue: error) }
  }
}

/// A thread that runs one closure.
private final class PollingThread {
  private let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  /// - Returns: 0, or an errno.
  func start() -> Int32 {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(self)
    let error = unsafe sysshims_start_thread(
      &thread, "maps-mirror", 0,
      { context in
        let thread = unsafe Unmanaged<PollingThread>.fromOpaque(context!).takeRetainedValue()
        thread.body()
        return nil
      }, context.toOpaque())
    if error == 0 { pthread_detach(thread) } else { unsafe context.release() }
    return error
  }
}

extension ProcessMirror {
  /// Keeps the mirror up to date, by polling, until the task is cancelled, the process has exited, or the mirror is
  /// detached.
  ///
  /// One thread is started for as long as it runs. ``noteChange()`` makes it read at once.
  ///
  /// - Parameter interval: the time from one reading to the next.
  /// - Throws: `EAGAIN` if the system lets no thread start.
  public func run(every interval: Duration = .seconds(1)) async throws(Errno) {
    try await polling.run(every: interval) { [self] in
      // What can't be read now is read again in the next round; answers say how old they are.
      _ = try? refresh()
      return state != .exited && !reading.withLock { $0.isDetached }
    }
  }

  /// Says that the process has changed its map, as the application knows: ``run(every:)`` reads it at once.
  ///
  /// - Threads: any, but not signal handlers.
  public func noteChange() { polling.wake() }
}
