// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import Synchronization
public import _SystemShims

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
/// has nothing to report. On x86-64, values of 128 bytes and more are copied by wide accesses in
/// assembly, which that processor does in the same order; not under ThreadSanitizer.
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

  /// The number of words that can be copied as a whole; one that extends beyond the value can't.
  @inlinable static var wholeWordCount: Int { MemoryLayout<Value>.size / 8 }
  /// Whether many words are copied at a time. For a few, this gains nothing.
  @inlinable static var isWide: Bool { wholeWordCount >= 16 && sysshims_copies_wide() }

  /// Creates a lock around `value`.
  ///
  /// - Complexity: O(size), and one allocation.
  @inlinable
  public init(_ value: Value) {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.retriesOffset + Self.lineBytes, alignment: Self.lineBytes)
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
    unsafe withUnsafeBytes(of: value) { bytes in
      if Self.isWide {
        unsafe sysshims_copy_words(
          words + 1, bytes.baseAddress.unsafelyUnwrapped, Self.wholeWordCount)
      } else {
        for index in 0..<Self.wholeWordCount {
          let word = unsafe bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
          unsafe words[index + 1].store(word, ordering: .releasing)
        }
      }
      guard Self.wholeWordCount < Self.wordCount else { return }
      var last: UInt64 = 0
      for index in Self.wholeWordCount * 8..<bytes.count {
        unsafe last |= UInt64(bytes[index]) &<< UInt64(index % 8 * 8)
      }
      unsafe words[Self.wordCount].store(last.littleEndian, ordering: .releasing)
    }
  }

  /// Copies the words into a value, each with an acquiring load; `nil` if a writer was inside at
  /// any time during the copy.
  @inlinable
  @inline(__always)
  borrowing func copy() -> Value? {
    let before = unsafe counter.pointee.load(ordering: .acquiring)
    guard before & 1 == 0 else { return nil }
    // An array of one, because its memory needs no value to begin with: on the stack, whatever the
    // size, where a signal handler may use it.
    let copied = InlineArray<1, Value>(initializingWith: { span in
      unsafe span.withUnsafeMutableBufferPointer { buffer, count in
        unsafe loadWords(into: UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped))
        count = 1
      }
    })
    guard unsafe counter.pointee.load(ordering: .relaxed) == before else { return nil }
    // Safety: the bytes are those of one stored value, which is BitwiseCopyable.
    return copied[0]
  }

  /// Copies the words to `target`, each with an acquiring load, which can't be moved after a load
  /// of the counter that follows. *Pairs with* `storeWords`.
  @inlinable
  @inline(__always)
  @unsafe
  borrowing func loadWords(into target: UnsafeMutableRawPointer) {
    if Self.isWide {
      unsafe sysshims_copy_words(target, words + 1, Self.wholeWordCount)
    } else {
      for index in 0..<Self.wholeWordCount {
        let word = unsafe words[index + 1].load(ordering: .acquiring)
        unsafe target.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
      }
    }
    guard Self.wholeWordCount < Self.wordCount else { return }
    let last = unsafe words[Self.wordCount].load(ordering: .acquiring).littleEndian
    for index in Self.wholeWordCount * 8..<MemoryLayout<Value>.size {
      let byte = UInt8(truncatingIfNeeded: last &>> UInt64(index % 8 * 8))
      unsafe target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
  }
}
