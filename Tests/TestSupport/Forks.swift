// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

package import Glibc

/// How a forked child ended.
package enum ChildEnd: Sendable, Equatable {
  case exited(Int32)
  case killed(Int32)
}

/// Forks, runs `body` in the child, which ends with the status that it returns, and waits for it.
///
/// A child that hangs is killed by SIGALRM after `seconds`.
package func runInForkedChild(seconds: UInt32 = 60, _ body: () -> Int32) -> ChildEnd {
  let child = forkProcess()
  precondition(child >= 0, "runInForkedChild: fork failed")
  if child == 0 {
    unblockSignal(SIGALRM)
    alarm(seconds)
    _exit(body())
  }
  var status: Int32 = 0
  while unsafe waitpid(child, &status, 0) < 0 {}
  let signal = status & 0x7f
  return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal)
}

/// `fork` itself: the child's number, 0 in the child. The overlay hides it: few programs can do
/// anything in the child.
package func forkProcess() -> pid_t { hiddenFunction("fork") }

/// The kernel's number of the calling thread.
package func currentThreadID() -> Int32 { hiddenFunction("gettid") }

/// Names the calling thread; at most 15 bytes.
package func nameThread(_ name: String) {
  let descriptor = unsafe open("/proc/thread-self/comm", O_WRONLY)
  precondition(descriptor >= 0, "nameThread: no /proc/thread-self/comm")
  defer { close(descriptor) }
  let count = unsafe write(descriptor, name, name.utf8.count)
  precondition(count == name.utf8.count, "nameThread: not written")
}

/// Calls a C function without arguments that Swift doesn't import.
private func hiddenFunction(_ name: String) -> Int32 {
  guard let symbol = unsafe dlsym(nil, name) else { fatalError("TestSupport: no \(name)") }
  typealias Function = @convention(c) () -> Int32
  return unsafe unsafeBitCast(symbol, to: Function.self)()
}

/// Makes signal `number` run `handler` on whichever thread it comes to.
package func handleSignal(_ number: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
  var action = sigaction()
  unsafe action.__sigaction_handler.sa_handler = handler
  action.sa_flags = SA_RESTART
  let error = unsafe sigaction(number, &action, nil)
  precondition(error == 0, "handleSignal: no handler for signal \(number)")
}

/// Sends signals to a thread by its number: one that has ended gets none, unlike by `pthread_kill`,
/// which mustn't be called then.
package struct ThreadSignaller: Sendable {
  private let tgkill: @convention(c) (pid_t, pid_t, Int32) -> Int32

  package init() {
    // glibc declares it under _GNU_SOURCE only.
    tgkill = unsafe unsafeBitCast(
      dlsym(nil, "tgkill"), to: (@convention(c) (pid_t, pid_t, Int32) -> Int32).self)
  }

  /// - Parameter thread: as ``currentThreadID()`` gave it.
  package func send(_ signal: Int32, to thread: Int32) { _ = tgkill(getpid(), thread, signal) }
}

/// Lets signal `number` come to the calling thread. The threads of Dispatch, on which tests run,
/// block all signals, and those that they make inherit that.
package func unblockSignal(_ number: Int32) {
  var signals = sigset_t()
  unsafe sigemptyset(&signals)
  unsafe sigaddset(&signals, number)
  let error = unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  precondition(error == 0, "unblockSignal: signal \(number) stays blocked")
}
