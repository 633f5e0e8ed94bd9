// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CTorture
import Foundation
import ReadCopyUpdate

/// A named thread of the operating system. Join it.
struct TortureThread: Sendable {
  private let thread: pthread_t

  /// - Parameter name: at most 15 bytes.
  init(_ name: String, _ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(name, body)).toOpaque()
    let error = pthread_create(
      &thread, nil,
      { context in
        let body = Unmanaged<Body>.fromOpaque(context!).takeRetainedValue()
        torture_name_thread(body.name)
        body.run()
        return nil
      }, context)
    precondition(error == 0, "rcu-torture: no thread, errno \(error)")
    self.thread = thread
  }

  func join() { pthread_join(thread, nil) }

  /// Joins the thread if it has ended.
  func joinIfEnded() -> Bool { torture_try_join(thread) }

  /// Interrupts the thread, which has not been joined.
  func interrupt() { pthread_kill(thread, SIGUSR1) }

  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }
}

/// A value under a pthread mutex: ThreadSanitizer doesn't see the lock of `Mutex`.
final class Locked<Value>: @unchecked Sendable {
  // Sendable: `value` is read and written under `mutex`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  init(_ value: Value) {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    self.value = value
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func withLock<R>(_ body: (inout Value) -> R) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&value)
  }
}

/// What the library's stall monitor has reported.
final class StallReports: Sendable {
  private struct Reports {
    var count = 0
    var threadNames: Set<String> = []
  }
  private let reports = Locked(Reports())

  func add(_ stall: RCUStall) {
    reports.withLock { reports in
      reports.count += 1
      reports.threadNames.formUnion(stall.readers.compactMap(\.thread?.name))
    }
  }

  func hasNamed(_ threadName: String) -> Bool {
    reports.withLock { $0.threadNames.contains(threadName) }
  }
}

/// Writes a line at once, in one piece.
func printLine(_ line: String) {
  FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
