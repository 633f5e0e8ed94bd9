// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

package import Glibc

/// A thread of the operating system that runs one closure. Join it.
@safe
package struct RunningThread: ~Copyable {
  private let thread: pthread_t

  package init(_ body: @escaping @Sendable () -> Void) {
    self.thread = unsafe Self.start(body, attributes: nil)
  }

  /// - Parameter stackBytes: the size of the thread's stack, in bytes.
  package init(stackBytes: Int, _ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setstacksize(&attributes, stackBytes)
    self.thread = unsafe Self.start(body, attributes: &attributes)
    unsafe pthread_attr_destroy(&attributes)
  }

  /// Starts a thread that nobody waits for. Detached from its beginning: one that ends before it is
  /// detached, in a process that exits meanwhile, would be reported as leaked by ThreadSanitizer.
  package static func startDetached(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    _ = unsafe start(body, attributes: &attributes)
    unsafe pthread_attr_destroy(&attributes)
  }

  private static func start(
    _ body: @escaping @Sendable () -> Void, attributes: UnsafePointer<pthread_attr_t>?
  ) -> pthread_t {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    let error = unsafe pthread_create(
      &thread, attributes,
      { context in
        // Safety: the creator passed one retain.
        unsafe Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, context)
    precondition(error == 0, "RunningThread: no thread, errno \(error)")
    return thread
  }

  /// Waits for the thread's end.
  package consuming func join() {
    Self.join(thread)
  }

  /// The thread by itself, for those who keep several; join it with `join(_:)`.
  package typealias Released = pthread_t

  package consuming func release() -> Released { thread }

  package static func join(_ thread: Released) {
    let error = pthread_join(thread, nil)
    precondition(error == 0, "RunningThread: no join, errno \(error)")
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `bodies` at the same time, each on a thread of its own, and waits for all of them.
package func runThreads(_ bodies: [@Sendable () -> Void]) {
  let gate = StartGate(bodies.count)
  var threads: [pthread_t] = []
  for body in bodies {
    let thread = RunningThread {
      gate.arriveAndWait()
      body()
    }
    threads.append(thread.release())
  }
  for thread in threads { RunningThread.join(thread) }
}

/// Runs `body` on `count` threads at the same time, with the thread's index.
package func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  runThreads((0..<count).map { index in { body(index) } })
}

/// Yields the processor to another thread.
package func yieldThread() { sched_yield() }

/// Waits until `condition` holds, yielding; for a state that no one signals.
///
/// - Returns: whether it held within `timeout`, which is there so that a broken test ends.
package func waitUntil(
  timeout: Duration = .seconds(60), _ condition: () -> Bool
) -> Bool {
  let deadline = ContinuousClock.now + timeout
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    usleep(50)
  }
  return true
}

/// Lets the calling thread sleep.
package func sleepThread(for duration: Duration) {
  let deadline = ContinuousClock.now + duration
  while ContinuousClock.now < deadline { usleep(1000) }
}

/// Keeps the calling thread on one of the processors that it may run on, the one with this index
/// among them; false if there are no more than one. What shows only where two threads run at the
/// same time is seldom seen on a busy machine, unless they have processors of their own.
@discardableResult
package func stayOnProcessor(_ index: Int) -> Bool {
  // Safety: these are their types. Glibc's module leaves out what only GNU's has.
  typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> CInt
  let getAffinity = unsafe unsafeBitCast(dlsym(nil, "sched_getaffinity"), to: Affinity.self)
  let setAffinity = unsafe unsafeBitCast(dlsym(nil, "sched_setaffinity"), to: Affinity.self)
  // A bit for each processor: cpu_set_t.
  var words = [UInt](repeating: 0, count: 1024 / UInt.bitWidth)
  let bytes = words.count * MemoryLayout<UInt>.size
  guard unsafe words.withUnsafeMutableBytes({ unsafe getAffinity(0, bytes, $0.baseAddress!) }) == 0
  else { return false }
  let processors = (0..<1024).filter {
    words[$0 / UInt.bitWidth] >> UInt($0 % UInt.bitWidth) & 1 == 1
  }
  guard processors.count > 1 else { return false }
  let processor = processors[index % processors.count]
  words = [UInt](repeating: 0, count: words.count)
  words[processor / UInt.bitWidth] = 1 << UInt(processor % UInt.bitWidth)
  return unsafe words.withUnsafeMutableBytes { unsafe setAffinity(0, bytes, $0.baseAddress!) } == 0
}
