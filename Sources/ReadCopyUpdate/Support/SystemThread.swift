// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _SystemShims

/// A thread that runs one closure, for work that blocks: threads of Swift Concurrency must not be
/// blocked.
package final class SystemThread {
  private let body: () -> Void

  private init(_ body: @escaping () -> Void) { self.body = body }

  /// Starts a thread named `name`, with signals blocked as on all threads of the library.
  ///
  /// - Returns: 0, or `EAGAIN` if the system can't start a thread.
  package static func start(_ name: String, _ body: @escaping () -> Void) -> Int32 {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(SystemThread(body))
    let error = unsafe sysshims_start_thread(
      &thread, name, 0,
      { context in
        let thread = unsafe Unmanaged<SystemThread>.fromOpaque(context!).takeRetainedValue()
        thread.body()
        return nil
      }, context.toOpaque())
    if error == 0 { pthread_detach(thread) } else { unsafe context.release() }
    return error
  }
}
