// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import Synchronization
internal import _SystemShims

/// A small value that is read without a lock and without writing to shared memory.
///
/// Readers copy the value, and then check whether a writer has interfered. If so, they try again, a
/// limited number of times, and finally take the writer's lock. So every reader makes progress,
/// however busy the writers are.
///
/// ```swift
/// struct Totals { var count = 0, bytes = 0 }
/// let totals = SequenceLock(Totals())
/// totals.withWriteLock { $0.count += 1; $0.bytes += 4096 }
/// let seen = totals.load()  // both or none
/// ```
///
/// The value is stored in 64-bit words, which are accessed as atomics. So readers and the writer
/// never race on plain memory: the memory model defines the code's behaviour, and ThreadSanitizer
/// has nothing to report.
///
/// Why it is right. A reader loads the counter (acquiring), the words (acquiring), and the counter
/// again (relaxed). The writer stores the odd counter (relaxed), the words (releasing), and the
/// even counter (releasing). If the reader loads a word that a write section stored, that acquiring
/// load synchronizes with the section's releasing store, before which the counter became odd. So
/// the second load of the counter sees the odd value or a later one, and the read isn't valid. If
/// the reader loads no word from a section later than its first load of the counter, all words are
/// from earlier sections, which that acquiring load made visible.
///
/// - Threads: all operations may be called on any thread, but not in a signal handler, which may
///   have interrupted a thread that holds the lock. ``loadIfStable()`` may be called in a signal
///   handler, too.
/// - Fork: if a process is forked during a write, the child has a value that is half written, and a
///   lock that nobody will release. ``loadIfStable()`` then returns `nil`, and what takes the lock
///   traps. Let the child make a new lock, or call `exec`. After a fork during which nobody writes,
///   the child may use the lock as its parent does.
/// - Source: `seqlock_t` of Linux.
@safe
public struct SequenceLock<Value: BitwiseCopyable>: ~Copyable {
  // Word 0 is the counter; the value's words follow. They are in one cache-line-aligned allocation,
  // so that a small value is read with a single miss, and shares its line with nothing else that is
  // written.
  @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline let writer = Mutex<Void>(())
  /// Tells in which process, after how many forks, the lock was made.
  @usableFromInline let forkCount = sysshims_fork_count()
  // Written by readers that had to retry; on a line of its own, so that other readers don't pay.
  @usableFromInline let retries: UnsafeMutablePointer<Atomic<UInt64>>

  /// How often a reader copies the value before it takes the lock. Reviewers of the kernel's patch
  /// series asked for three to five attempts.
  @inlinable static var maximumAttempts: Int { 4 }

  @inlinable static var wordCount: Int { (MemoryLayout<Value>.size + 7) / 8 }
  @inlinable static var byteCount: Int { (wordCount + 1) * 8 }
  @inlinable static var lineBytes: Int { 64 }
  /// The offset of the retry counters: after the words, rounded up to a line.
  @inlinable static var retriesOffset: Int { (byteCount + lineBytes - 1) / lineBytes * lineBytes }

  /// Whether the value is too large for temporary memory on the stack: it would be copied to the
  /// heap, which a signal handler may not use.
  @inlinable static var isLarge: Bool { wordCount * 8 > 1024 }
  /// The offset of a large value's first contents: after the retry counters, rounded up.
  @inlinable static var firstOffset: Int {
    let alignment = max(lineBytes, MemoryLayout<Value>.alignment)
    return (retriesOffset + lineBytes + alignment - 1) / alignment * alignment
  }

  /// Creates a lock around `value`.
  ///
  /// - Complexity: O(size), and one allocation.
  @inlinable
  public init(_ value: Value) {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.isLarge
        ? Self.firstOffset + MemoryLayout<Value>.size : Self.retriesOffset + Self.lineBytes,
      alignment: max(Self.lineBytes, MemoryLayout<Value>.alignment))
    if Self.isLarge {
      unsafe (memory + Self.firstOffset).initializeMemory(
        as: Value.self, repeating: value, count: 1)
    }
    unsafe words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: Self.wordCount + 1)
    unsafe retries = (memory + Self.retriesOffset).bindMemory(
      to: Atomic<UInt64>.self, capacity: 2)
    for index in 0...Self.wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
    for index in 0..<2 { unsafe (retries + index).initialize(to: Atomic(0)) }
    unsafe storeWords(of: value)
  }

  deinit { unsafe UnsafeMutableRawPointer(words).deallocate() }
}

extension SequenceLock: @unchecked Sendable where Value: Sendable {
  // Safety: all access to `words` and `retries` is atomic, and BitwiseCopyable values own nothing.
}

// MARK: - Words

extension SequenceLock {
  @inlinable
  @inline(__always)
  var counter: UnsafeMutablePointer<Atomic<UInt64>> { unsafe words }

  /// Copies `value` into the words, each with a releasing store. *Pairs with* `copy`: a reader that
  /// loads a word sees the odd counter that was stored before the word.
  ///
  /// - Safety: called under the writer's lock with the counter odd, or before the lock is shared.
  @inlinable
  @inline(__always)
  @unsafe
  borrowing func storeWords(of value: Value) {
    unsafe withUnsafeTemporaryAllocation(
      byteCount: max(Self.wordCount, 1) * 8, alignment: max(MemoryLayout<Value>.alignment, 8)
    ) { scratch in
      let source = unsafe scratch.baseAddress.unsafelyUnwrapped
      if Self.wordCount > 0 {
        // The last word may extend beyond the value; the rest of it is zero.
        unsafe source.storeBytes(of: 0, toByteOffset: (Self.wordCount - 1) * 8, as: UInt64.self)
      }
      unsafe source.initializeMemory(as: Value.self, repeating: value, count: 1)
      for index in 0..<Self.wordCount {
        let word = unsafe source.load(fromByteOffset: index * 8, as: UInt64.self)
        unsafe words[index + 1].store(word, ordering: .releasing)
      }
    }
  }

  /// Copies the words into a value, each with an acquiring load; `nil` if a writer was inside at
  /// any time during the copy.
  @inlinable
  @inline(__always)
  borrowing func copy() -> Value? {
    let before = unsafe counter.pointee.load(ordering: .acquiring)
    guard before & 1 == 0 else { return nil }
    if Self.isLarge { return copyLarge(before) }
    return unsafe withUnsafeTemporaryAllocation(
      byteCount: max(Self.wordCount, 1) * 8, alignment: max(MemoryLayout<Value>.alignment, 8)
    ) { scratch in
      let target = unsafe scratch.baseAddress.unsafelyUnwrapped
      for index in 0..<Self.wordCount {
        // Pairs with `storeWords`. Can't be moved after the load of the counter below.
        let word = unsafe words[index + 1].load(ordering: .acquiring)
        unsafe target.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
      }
      guard unsafe counter.pointee.load(ordering: .relaxed) == before else { return nil }
      // Safety: the bytes are those of one stored value, which is BitwiseCopyable.
      return unsafe target.assumingMemoryBound(to: Value.self).pointee
    }
  }

  /// Copies the words into a large value. Starts from a copy of the first value, which never
  /// changes, since there is no other way to have an uninitialised value on the stack, and stores
  /// the words over it.
  @inlinable
  @inline(never)
  borrowing func copyLarge(_ before: UInt64) -> Value? {
    var value = unsafe (UnsafeRawPointer(words) + Self.firstOffset).assumingMemoryBound(
      to: Value.self
    ).pointee
    unsafe withUnsafeMutableBytes(of: &value) { bytes in
      let wholeCount = bytes.count / 8
      for index in 0..<wholeCount {
        // Pairs with `storeWords`. Can't be moved after the load of the counter below.
        let word = unsafe words[index + 1].load(ordering: .acquiring)
        unsafe bytes.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
      }
      guard wholeCount < Self.wordCount else { return }
      let last = unsafe words[Self.wordCount].load(ordering: .acquiring).littleEndian
      for index in wholeCount * 8..<bytes.count {
        unsafe bytes[index] = UInt8(truncatingIfNeeded: last >> UInt64(index % 8 * 8))
      }
    }
    guard unsafe counter.pointee.load(ordering: .relaxed) == before else { return nil }
    return value
  }
}
