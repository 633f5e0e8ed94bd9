// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import Synchronization
public import _SystemShims

extension SequenceLock {
  /// The value as of one instant.
  ///
  /// - Memory ordering: sees everything that the writer of this value did before (acquiring).
  ///   *Pairs with* ``store(_:)`` and ``withWriteLock(_:)``.
  /// - Complexity: O(size), at most four copies; then it waits for the writer's lock.
  /// - Source: `read_seqbegin`, `read_seqretry`, and `read_seqlock_excl` for the last resort.
  @inlinable
  @inline(__always)
  public borrowing func load() -> Value {
    if let value = copy() { return value }
    return loadSlow()
  }

  /// The value, or `nil` if a writer is inside or came between: one attempt, never waits.
  ///
  /// - Threads: signal handlers too, on any thread: no lock, and no allocation whatever the size.
  @inlinable
  @inline(__always)
  public borrowing func loadIfStable() -> Value? { copy() }

  @inlinable
  @inline(never)
  borrowing func loadSlow() -> Value {
    for _ in 1..<Self.maximumAttempts {
      unsafe retries[0].add(1, ordering: .relaxed)
      if let value = copy() { return value }
    }
    unsafe retries[1].add(1, ordering: .relaxed)
    return withWriter { Self.stable(copy()) }
  }

  /// Runs `body` under the writer's lock.
  @inlinable
  @inline(__always)
  borrowing func withWriter<R>(_ body: () -> R) -> R {
    if forkCount == sysshims_fork_count() { return writer.withLock { _ in body() } }
    return withWriterAfterFork(body)
  }

  /// Runs `body` under the writer's lock in a child of a fork, where a thread that doesn't exist
  /// may have the lock for ever.
  @inlinable
  @inline(__always)
  borrowing func withWriterAfterFork<R>(_ body: () -> R) -> R {
    // Others of this process may have it, for a moment.
    for attempt in 0..<Self.maximumAttemptsAfterFork {
      if let result = writer.withLockIfAvailable({ _ in body() }) { return result }
      if attempt > 0 { _sleepAfterFork() }
    }
    fail(
      "SequenceLock: this process was forked while another thread was writing; make a new SequenceLock in the child, or exec"
    )
  }

  /// Milliseconds.
  @inlinable static var maximumAttemptsAfterFork: Int { 500 }

  /// What a copy under the writer's lock must give.
  @inlinable
  static func stable(_ value: Value?) -> Value {
    guard let value else {
      fail("SequenceLock: the counter is odd though nobody writes")
    }
    return value
  }

  /// Replaces the value.
  ///
  /// - Memory ordering: releasing. *Pairs with* ``load()``.
  /// - Complexity: O(size), under the writer's lock.
  @inlinable
  public borrowing func store(_ value: Value) {
    withWriter { write(value) }
  }

  /// Changes the value under the writer's lock. Readers see all of the change or nothing of it.
  ///
  /// - Parameter body: gets the value; what it leaves there is published when it returns. If it
  ///   throws, nothing is published. It must not call this lock.
  /// - Returns: what `body` returns.
  @inlinable
  public borrowing func withWriteLock<R, E: Error>(
    _ body: (inout Value) throws(E) -> R
  ) throws(E) -> R {
    let result = withWriter { () -> Result<R, E> in
      var value = Self.stable(copy())
      do throws(E) {
        let returned = try body(&value)
        write(value)
        return .success(returned)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// One write section, under the writer's lock.
  @inlinable
  @inline(__always)
  borrowing func write(_ value: Value) {
    let sequence = unsafe counter.pointee.load(ordering: .relaxed)
    // Ordered before the words by their releasing stores. Pairs with the second load in `copy`.
    unsafe counter.pointee.store(sequence &+ 1, ordering: .relaxed)
    unsafe storeWords(of: value)
    // Pairs with the first load in `copy`.
    unsafe counter.pointee.store(sequence &+ 2, ordering: .releasing)
  }

  /// How often readers had to repeat.
  public var statistics: SequenceLockStatistics {
    unsafe SequenceLockStatistics(
      retryCount: retries[0].load(ordering: .relaxed),
      fallbackCount: retries[1].load(ordering: .relaxed))
  }
}

/// How often the readers of a ``SequenceLock`` were disturbed.
public struct SequenceLockStatistics: Sendable, Hashable, Codable {
  /// Attempts repeated because of a writer.
  public let retryCount: UInt64
  /// Reads that took the lock after all attempts had failed.
  public let fallbackCount: UInt64
}

/// Waits for a moment for a lock that another thread has, or nobody.
@usableFromInline
func _sleepAfterFork() { usleep(1000) }
