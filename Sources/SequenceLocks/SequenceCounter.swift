// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

/// A bare sequence counter: odd while a writer is inside, and advanced by two in every write
/// section.
///
/// It protects nothing by itself. Writers must exclude one another by other means. What readers
/// read between ``tryBegin()`` and ``validate(_:)`` must be atomic (at least relaxed) or immutable,
/// and must not be trusted, followed or used as an index before it is validated. ``SequenceLock``
/// takes care of all that for a plain value.
///
/// It has 64 bits, where the kernel's has 32: a reader can't miss a change by sleeping until the
/// counter has wrapped around.
///
/// | value | meaning |
/// |---|---|
/// | even | no writer inside; value / 2 write sections have ended |
/// | odd | a writer is inside |
///
/// - Source: `seqcount_t` and `include/linux/seqlock.h` of Linux.
public struct SequenceCounter: ~Copyable, Sendable {
  // Written by one writer at a time; read by all threads.
  @usableFromInline let value = Atomic<UInt64>(0)

  /// Creates a counter at zero: no write section has begun.
  @inlinable
  public init() {}

  /// The current count, odd or even. For statistics; relaxed, so it orders nothing.
  @inlinable
  public var current: UInt64 { value.load(ordering: .relaxed) }

  /// Begins a read: returns the counter, or `nil` at once if a writer is inside.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the release of ``endWrite()``. Guarantees that what
  ///   is read afterwards is at least as new as the write section that left this value. Without it,
  ///   the reader could read older data and find it valid.
  /// - Threads: any.
  /// - Complexity: O(1), one load.
  /// - Source: `raw_seqcount_try_begin`.
  @inlinable
  @inline(__always)
  public borrowing func tryBegin() -> UInt64? {
    let sequence = value.load(ordering: .acquiring)
    return sequence & 1 == 0 ? sequence : nil
  }

  /// Whether no write section has begun since ``tryBegin()`` returned `sequence`.
  ///
  /// - Memory ordering: an acquire fence, then a relaxed load, so that earlier reads aren't moved
  ///   after the load. *Pairs with* the release fence of ``beginWrite()``: a reader that saw
  ///   anything that a write section wrote also sees the counter as that section's beginning left
  ///   it. Without it, torn data could pass as valid.
  /// - Threads: any.
  /// - Complexity: O(1), one load.
  /// - Source: `read_seqcount_retry`, inverted.
  @inlinable
  @inline(__always)
  public borrowing func validate(_ sequence: UInt64) -> Bool {
    atomicMemoryFence(ordering: .acquiring)
    return value.load(ordering: .relaxed) == sequence
  }

  /// Begins a write section: makes the counter odd.
  ///
  /// - Precondition: the caller excludes other writers.
  /// - Memory ordering: a relaxed store, then a release fence. *Pairs with* ``validate(_:)``.
  /// - Complexity: O(1).
  /// - Source: `write_seqcount_begin`.
  @inlinable
  @inline(__always)
  public borrowing func beginWrite() {
    let sequence = value.load(ordering: .relaxed)
    require(
      sequence & 1 == 0,
      "SequenceCounter.beginWrite: a write section is open; writers must exclude one another")
    value.store(sequence &+ 1, ordering: .relaxed)
    atomicMemoryFence(ordering: .releasing)
  }

  /// Ends a write section: makes the counter even.
  ///
  /// - Precondition: a write section is open.
  /// - Memory ordering: releasing. *Pairs with* ``tryBegin()``.
  /// - Complexity: O(1).
  /// - Source: `write_seqcount_end`.
  @inlinable
  @inline(__always)
  public borrowing func endWrite() {
    let sequence = value.load(ordering: .relaxed)
    require(sequence & 1 == 1, "SequenceCounter.endWrite: no write section is open")
    value.store(sequence &+ 1, ordering: .releasing)
  }

  /// Makes every read in progress fail its validation.
  ///
  /// - Precondition: the caller excludes writers.
  /// - Memory ordering: releasing: reads that begin after it see the writes before it.
  /// - Complexity: O(1).
  /// - Source: `write_seqcount_invalidate`.
  @inlinable
  public borrowing func invalidate() {
    atomicMemoryFence(ordering: .releasing)
    value.store(value.load(ordering: .relaxed) &+ 2, ordering: .releasing)
  }
}
