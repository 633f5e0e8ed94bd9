// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import Synchronization
public import _SystemShims

extension SequenceLock {
  /// The value at one moment.
  ///
  /// - Memory ordering: acquiring: sees everything that the writer of this value did before. *Pairs
  ///   with* ``store(_:)`` and ``withWriteLock(_:)``.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(size), at most four copies; then it waits for the writer's lock.
  /// - Source: `read_seqbegin`, `read_seqretry`, and `read_seqlock_excl` as the last resort.
  @inlinable
  @inline(__always)
  public borrowing func load() -> Value {
    if let value = copy() { return value }
    return loadSlow()
  }

  /// The value, or `nil` if a writer was inside at any time during the copy: a single attempt,
  /// which never waits.
  ///
  /// - Memory ordering: as ``load()``.
  /// - Threads: any; signal handlers too, since it takes no lock, and allocates nothing whatever
  ///   the size.
  /// - Complexity: O(size).
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
  /// may hold the lock for ever.
  @inlinable
  @inline(__always)
  borrowing func withWriterAfterFork<R>(_ body: () -> R) -> R {
    // Other threads of this process may hold it for a moment.
    for attempt in 0..<Self.maximumAttemptsAfterFork {
      if let result = writer.withLockIfAvailable({ _ in body() }) { return result }
      if attempt > 0 { _sleepAfterFork() }
    }
    fail(
      "SequenceLock: this process was forked while another thread was writing; make a new SequenceLock in the child, or exec"
    )
  }

  /// One attempt per millisecond.
  @inlinable static var maximumAttemptsAfterFork: Int { 500 }

  /// The result of a copy under the writer's lock, which can't fail.
  @inlinable
  static func stable(_ value: Value?) -> Value {
    guard let value else {
      fail("SequenceLock: the counter is odd though nobody is writing")
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

  /// Changes the value under the writer's lock. Readers see all of the change or none of it.
  ///
  /// - Parameter body: receives the value; what it leaves there is published when it returns. If it
  ///   throws, nothing is published. It must not call this lock.
  /// - Returns: what `body` returns.
  /// - Memory ordering: as ``store(_:)``.
  /// - Complexity: O(size), and `body`, under the writer's lock.
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

  /// A write section, under the writer's lock.
  @inlinable
  @inline(__always)
  borrowing func write(_ value: Value) {
    let sequence = unsafe counter.pointee.load(ordering: .relaxed)
    // The releasing stores of the words order this store before them. Pairs with the second load in
    // `copy`.
    unsafe counter.pointee.store(sequence &+ 1, ordering: .relaxed)
    unsafe storeWords(of: value)
    // Pairs with the first load in `copy`.
    unsafe counter.pointee.store(sequence &+ 2, ordering: .releasing)
  }

  /// How often readers had to retry.
  ///
  /// - Memory ordering: relaxed.
  /// - Complexity: O(1).
  public var statistics: SequenceLockStatistics {
    unsafe SequenceLockStatistics(
      retryCount: retries[0].load(ordering: .relaxed),
      fallbackCount: retries[1].load(ordering: .relaxed))
  }
}

/// How often writers disturbed the readers of a ``SequenceLock``.
public struct SequenceLockStatistics: Sendable, Hashable, Codable {
  /// The number of attempts that were repeated because of a writer.
  public let retryCount: UInt64
  /// The number of reads that took the lock after all attempts had failed.
  public let fallbackCount: UInt64
}

/// Waits a moment for a lock that is held by another thread, or by one that doesn't exist.
@usableFromInline
func _sleepAfterFork() { usleep(1000) }
