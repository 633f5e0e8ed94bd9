// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// Retirements in their order.
///
/// By hand, not an `Array`: retirements are moved in and out, and no reference is counted. That is
/// a fifth of what it costs to retire.
@safe
struct RetirementQueue: ~Copyable {
  /// The most retirements whose memory is kept when they have run.
  private static let maximumKeptCapacity = 4096

  private var elements: UnsafeMutablePointer<_Retirement>?
  private var capacity = 0
  private(set) var count = 0
  /// The sum of what the retirements give back. Wide: each may say 2^48.
  private(set) var bytes: Int128 = 0

  init() { unsafe elements = nil }

  /// What has not run goes without that.
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

  /// Takes the one that came last.
  mutating func removeLast() -> _Retirement? {
    guard count > 0 else { return nil }
    count &-= 1
    let last = unsafe (elements.unsafelyUnwrapped + count).move()
    bytes -= Int128(last.bytes)
    return last
  }

  /// Passes all to `body`, in order. Each is gone, with what it captured, before the next one
  /// comes.
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

/// Memory of what has been destroyed, on its way to threads that retire.
///
/// Who retires an object has allocated another for its place, and will do so again. Memory that
/// such a thread frees it gets again at once, from what the allocator keeps for each thread; memory
/// that the reclaimer's thread frees comes back through the allocator's locks. So each retirement
/// frees one block of these.
///
/// Invariant: `bytes` is the sum of what was added since all was freed, at least 32 each, and less
/// than ``maximumBytes`` and a block.
@safe
struct RecycledBlocks: ~Copyable {
  /// Larger blocks are rare, and their allocation is not what costs.
  private static let maximumBlockBytes = 1024
  /// What the allocator takes for the smallest.
  private static let minimumBlockBytes = 32
  /// What may wait for threads that perhaps never retire again.
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

  /// Takes over a block, or frees it.
  ///
  /// - Safety: nobody else uses the block, nor frees it.
  @unsafe
  mutating func add(_ block: UnsafeMutableRawPointer, bytes: Int) {
    guard bytes <= Self.maximumBlockBytes && self.bytes < Self.maximumBytes else {
      return unsafe block.deallocate()
    }
    self.bytes += max(bytes, Self.minimumBlockBytes)
    blocks.push(UInt(bitPattern: block))
  }

  /// One block, for the caller to free.
  mutating func take() -> UnsafeMutableRawPointer? {
    // Safety: the stack holds addresses of blocks, and says 0 when it is empty.
    unsafe UnsafeMutableRawPointer(bitPattern: blocks.pop())
  }

  /// Frees what nobody has taken.
  mutating func freeAll() {
    while let block = unsafe take() { unsafe block.deallocate() }
    bytes = 0
  }
}

/// What every retirement changes, under the reclaimer's `monitor`.
///
/// Behind a pointer: the run-time checks of exclusive access to a class's variables would cost a
/// tenth of a retirement.
struct ReclaimerState: ~Copyable {
  var queue = RetirementQueue()
  var spent = RecycledBlocks()
  var enqueuedSerial: UInt64 = 0
  /// With `pendingBytes` and its peak as they were last read; see ``statistics``.
  var counters = RCUStatistics()
  /// Wide: see ``RetirementQueue/bytes``.
  var pendingBytes: Int128 = 0
  var pendingBytesPeak: Int128 = 0
  var bounds = RCULimits()
  /// The runner is past its grace period.
  var isRunning = false
  /// Who takes and runs batches now.
  var runner: pthread_t?
  /// The reclaimer's thread waits for work.
  var isIdle = false

  var isOver: Bool {
    pendingBytes > Int128(bounds.maximumPendingBytes)
      || counters.pendingCount > bounds.maximumPendingCount
  }

  var statistics: RCUStatistics {
    var statistics = counters
    statistics.pendingBytes = Int(clamping: pendingBytes)
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
    pendingBytesPeak = max(pendingBytesPeak, pendingBytes)
  }
}
