// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// Retirements in order.
///
/// Written by hand instead of with an `Array`: retirements are moved in and out without reference
/// counting, which saves a fifth of the cost of a retirement.
@safe
struct RetirementQueue: ~Copyable {
  /// The largest capacity that is kept after the retirements have run.
  private static let maximumKeptCapacity = 4096

  private var elements: UnsafeMutablePointer<_Retirement>?
  private var capacity = 0
  private(set) var count = 0
  /// The bytes that the retirements give back. Int128, since each may state 2^48.
  private(set) var bytes: Int128 = 0

  init() { unsafe elements = nil }

  /// Retirements that have not run are destroyed without running.
  deinit {
    unsafe elements?.deinitialize(count: count)
    unsafe elements?.deallocate()
  }

  var isEmpty: Bool { count == 0 }

  mutating func append(_ retirement: consuming _Retirement) {
    if count == capacity { grow() }
    bytes += Int128(retirement.bytes)
    unsafe (elements.unsafelyUnwrapped + count).initialize(to: retirement)
    count &+= 1
  }

  /// Removes the last retirement.
  mutating func removeLast() -> _Retirement? {
    guard count > 0 else { return nil }
    count &-= 1
    let last = unsafe (elements.unsafelyUnwrapped + count).move()
    bytes -= Int128(last.bytes)
    return last
  }

  /// Passes all retirements to `body`, in order. Each is destroyed, with what it captured, before
  /// the next one is passed.
  mutating func removeAll(_ body: (consuming _Retirement) -> Void) {
    for index in 0..<count {
      body(unsafe (elements.unsafelyUnwrapped + index).move())
    }
    count = 0
    bytes = 0
    guard capacity > Self.maximumKeptCapacity else { return }
    unsafe elements.unsafelyUnwrapped.deallocate()
    unsafe elements = nil
    capacity = 0
  }

  @inline(never)
  private mutating func grow() {
    let largerCapacity = max(16, capacity * 2)
    let larger = UnsafeMutablePointer<_Retirement>.allocate(capacity: largerCapacity)
    if let elements = unsafe elements {
      unsafe larger.moveInitialize(from: elements, count: count)
      unsafe elements.deallocate()
    }
    unsafe elements = larger
    capacity = largerCapacity
  }
}

/// The memory of destroyed objects, on its way to threads that retire.
///
/// A thread that retires an object has just allocated another one in its place, and will do so
/// again. Memory that such a thread frees is available to it again at once, from the allocator's
/// per-thread cache. Memory that the reclaimer's thread frees returns through the allocator's
/// locks. So each retirement frees one of these blocks.
///
/// Invariant: `bytes` is the sum of the sizes of the blocks, counting each as at least 32, since
/// all were last freed. It is less than ``maximumBytes`` plus one block.
@safe
struct RecycledBlocks: ~Copyable {
  /// Larger blocks are rare, and their cost isn't in the allocation.
  private static let maximumBlockBytes = 1024
  /// The size that the allocator uses for the smallest blocks.
  private static let minimumBlockBytes = 32
  /// The bytes that may wait for threads that perhaps never retire again.
  private static let maximumBytes = 1 << 20

  private var blocks = WordStack()
  private var bytes = 0

  init() {}

  deinit {
    for index in 0..<blocks.count {
      unsafe UnsafeMutableRawPointer(bitPattern: blocks[index])?.deallocate()
    }
  }

  var count: Int { blocks.count }

  /// Keeps a block for a retiring thread, or frees it.
  ///
  /// - Safety: nobody else uses or frees the block.
  @unsafe
  mutating func add(_ block: UnsafeMutableRawPointer, bytes: Int) {
    guard bytes <= Self.maximumBlockBytes && self.bytes < Self.maximumBytes else {
      return unsafe block.deallocate()
    }
    self.bytes += max(bytes, Self.minimumBlockBytes)
    blocks.push(UInt(bitPattern: block))
  }

  /// Removes a block, which the caller must free.
  mutating func take() -> UnsafeMutableRawPointer? {
    // Safety: the stack holds the addresses of blocks, and returns 0 when it is empty.
    unsafe UnsafeMutableRawPointer(bitPattern: blocks.pop())
  }

  /// Frees the blocks that no thread has taken.
  mutating func freeAll() {
    while let block = unsafe take() { unsafe block.deallocate() }
    bytes = 0
  }
}

/// The state that every retirement changes, under the reclaimer's `monitor`.
///
/// Behind a pointer, since run-time checks of exclusive access to a class's variables would add a
/// tenth to the cost of a retirement.
struct ReclaimerState: ~Copyable {
  var queue = RetirementQueue()
  var spent = RecycledBlocks()
  var enqueuedSerial: UInt64 = 0
  /// The values of `pendingBytes` and its peak in it are those of the last read; see
  /// ``statistics``.
  var counters = RCUStatistics()
  /// Int128: see ``RetirementQueue/bytes``.
  var pendingBytes: Int128 = 0
  var pendingBytesPeak: Int128 = 0
  /// The bytes of dropped containers, which the limits don't count.
  var droppedBytes: Int128 = 0
  var bounds = RCULimits()
  /// The runner's grace period has ended.
  var isRunning = false
  /// The thread that takes and runs batches now.
  var runner: pthread_t?
  /// The reclaimer's thread waits for work.
  var isIdle = false

  var isOver: Bool {
    pendingBytes > Int128(bounds.maximumPendingBytes)
      || counters.pendingCount > bounds.maximumPendingCount
  }

  var statistics: RCUStatistics {
    var statistics = counters
    statistics.pendingBytes = Int(clamping: pendingBytes + droppedBytes)
    statistics.pendingBytesPeak = Int(clamping: pendingBytesPeak)
    return statistics
  }

  mutating func append(_ retirement: consuming _Retirement) {
    enqueuedSerial += 1
    count(retirement.bytes)
    queue.append(retirement)
  }

  mutating func count(_ bytes: Int) {
    counters.pendingCount += 1
    pendingBytes += Int128(bytes)
    counters.pendingCountPeak = max(counters.pendingCountPeak, counters.pendingCount)
    notePeak()
  }

  mutating func notePeak() { pendingBytesPeak = max(pendingBytesPeak, pendingBytes + droppedBytes) }
}
