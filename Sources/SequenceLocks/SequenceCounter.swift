// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

/// The raw sequence counter: odd while a writer is inside, advanced by two by every write section.
///
/// It protects nothing by itself. Writers exclude one another by other means; whatever readers read
/// between ``tryBegin()`` and ``validate(_:)`` must be atomic (at least relaxed) or immutable, and
/// must not be believed, followed or indexed with before it is validated. ``SequenceLock`` takes
/// care of all that for a plain value.
///
/// 64 bits, where the kernel has 32: a reader can't miss a change by sleeping through a wrap.
///
/// | value | meaning |
/// |---|---|
/// | even | no writer inside; value / 2 write sections have ended |
/// | odd | a writer is inside |
///
/// - Source: `seqcount_t` and `include/linux/seqlock.h` of Linux.
public struct SequenceCounter: ~Copyable, Sendable {
  // Written by the writer, one at a time; read by everybody.
  @usableFromInline let value = Atomic<UInt64>(0)

  /// Makes a counter at zero: no write section has begun.
  @inlinable
  public init() {}

  /// The counter now, odd or even. For statistics: nothing is ordered by it.
  @inlinable
  public var current: UInt64 { value.load(ordering: .relaxed) }

  /// Begins a read: the counter, or `nil` at once if a writer is inside.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the release of ``endWrite()``. Guarantees that what
  ///   is read afterwards is at least as new as the write section that left this value.
  ///   Without it: the reader could read data from before that section and find it valid.
  /// - Source: `raw_seqcount_try_begin`.
  @inlinable
  @inline(__always)
  public borrowing func tryBegin() -> UInt64? {
    let sequence = value.load(ordering: .acquiring)
    return sequence & 1 == 0 ? sequence : nil
  }

  /// Whether no write section has begun since ``tryBegin()`` returned `sequence`.
  ///
  /// - Memory ordering: an acquire fence, then a relaxed load: the reads before it are not moved
  ///   after it. *Pairs with* the release fence of ``beginWrite()``: a reader that saw anything a
  ///   write section wrote sees the counter that the section's beginning left. Without it: torn
  ///   data could pass as valid.
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
  /// - Memory ordering: releasing. *Pairs with* ``tryBegin()``.
  /// - Source: `write_seqcount_end`.
  @inlinable
  @inline(__always)
  public borrowing func endWrite() {
    let sequence = value.load(ordering: .relaxed)
    require(sequence & 1 == 1, "SequenceCounter.endWrite: no write section is open")
    value.store(sequence &+ 1, ordering: .releasing)
  }

  /// Makes every read that is under way fail its validation.
  ///
  /// - Precondition: the caller excludes writers.
  /// - Memory ordering: writes before it are seen by reads that begin after it (releasing).
  /// - Source: `write_seqcount_invalidate`.
  @inlinable
  public borrowing func invalidate() {
    atomicMemoryFence(ordering: .releasing)
    value.store(value.load(ordering: .relaxed) &+ 2, ordering: .releasing)
  }
}
