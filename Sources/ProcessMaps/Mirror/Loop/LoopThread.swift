// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import SystemPackage
internal import _SystemShims

/// A thread that runs one closure.
///
/// A loop needs its own thread, since it blocks in system calls, and threads of Swift Concurrency
/// must not be blocked.
final class LoopThread {
  private let body: () -> Void

  private init(_ body: @escaping () -> Void) { self.body = body }

  /// Starts a thread named `name`.
  ///
  /// - Throws: `EAGAIN` if the system can't start a thread.
  static func start(_ name: String, _ body: @escaping () -> Void) throws(Errno) {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(LoopThread(body))
    let error = unsafe sysshims_start_thread(
      &thread, name, 0,
      { context in
        let thread = unsafe Unmanaged<LoopThread>.fromOpaque(context!).takeRetainedValue()
        thread.body()
        return nil
      }, context.toOpaque())
    guard error == 0 else {
      unsafe context.release()
      throw Errno(rawValue: error)
    }
    pthread_detach(thread)
  }
}
