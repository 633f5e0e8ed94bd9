// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage
internal import ReadCopyUpdate
internal import SequenceLocks
internal import Synchronization
internal import _SystemShims

/// The virtual memory areas of one process, as Linux's `mm_struct` keeps them: changed by one
/// thread at a time, and read by any number of threads without a lock.
///
/// ```swift
/// let space = AddressSpace()
/// let page = AddressSpace.pageSize
/// let range = try space.map(length: 3 * page)
/// let start = range.lowerBound
/// try space.protect(start + page..<start + 2 * page, .read)  // splits it into three
/// print(space.mapsText().string)
/// let found = try space.query(start + 5000)                   // the middle one
/// ```
///
/// Readers see *versions*: immutable trees, one of which is current. A dump or a query uses a
/// single version, so its result is the address space at one moment, whatever changes meanwhile.
/// Results carry the version's *generation*. For comparison, ``ReadingStrategy`` offers the
/// kernel's two other ways.
///
/// - Threads: all operations may be called on any thread. Changes exclude one another. Inside a
///   read section of `RCU`, don't call an operation that changes the address space, or that reads
///   with ``ReadingStrategy/locked`` or ``ReadingStrategy/speculative``: it may sleep on the lock,
///   which holds up every grace period. While readers hold up more than 32 MiB of retired nodes, a
///   changing operation waits, without holding a lock.
@safe
public final class AddressSpace: @unchecked Sendable {
  // Sendable: `current` is atomic, `writer` is used only under the write lock, and the rest is
  // immutable and Sendable.

  /// The size of a page in bytes: 4,096, as on x86-64.
  @inlinable public static var pageSize: UInt64 { 4096 }

  /// The constants that the address space was made with.
  public let configuration: AddressSpaceConfiguration

  // A pool block that holds a Version; never nil. Written by `publish`, under the write lock
  // (releasing); read by every reader, in a read section (acquiring). In a cache line of its own,
  // since readers take away from the writer whatever else is in that line.
  private let spaceBefore = CacheLinePadding()
  let current: Atomic<UnsafeMutableRawPointer>
  private let spaceAfter = CacheLinePadding()
  let mapLock: SpeculativeRWLock
  let writer: UnsafeMutablePointer<MemoryMap>
  /// Where retired nodes return to the pool.
  let returnQueue: PoolShared
  /// The versions that snapshots keep.
  let pins: SnapshotPins
  let labels = Labels()
  /// The threads and tasks that wait for the next version.
  let changeWaiters = ChangeWaiters()
  // Written by speculative readers that were disturbed. Relaxed, since these are statistics.
  let speculationRetryCount = Atomic<UInt64>(0)
  let speculationFallbackCount = Atomic<UInt64>(0)

  /// Creates an empty address space.
  ///
  /// - Parameter configuration: the constants of the machine.
  /// - Precondition: the configuration's addresses are multiples of the page and in order.
  /// - Complexity: O(1).
  public init(configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()) {
    configuration.validate()
    self.configuration = configuration
    mapLock = SpeculativeRWLock(
      preferring: configuration.lockPreference == .readers ? .readers : .writers)
    unsafe writer = .allocate(capacity: 1)
    unsafe writer.initialize(to: MemoryMap(configuration: configuration))
    unsafe returnQueue = writer.pointee.tree.pool.shared
    pins = SnapshotPins(returningTo: returnQueue)
    unsafe current = Atomic(writer.pointee.makeVersion())
  }

  deinit {
    // No thread reads or writes any more. The references to objects belong to the current version's
    // VMAs; the nodes are freed with the pool.
    unsafe writer.pointee.tree.forEach(in: 0, .max) { record in
      MapObject(word: record.object)?.release()
    }
    labels.release()
    unsafe writer.deinitialize(count: 1)
    unsafe writer.deallocate()
  }

  /// The ends of lines that belong to no file. They are made once, so that formatting looks nothing
  /// up.
  @safe
  struct Labels {
    let nameless = MapObject(kind: .nameless, name: [])
    let heap = MapObject(kind: .special, name: Array("[heap]".utf8))
    let stack = MapObject(kind: .special, name: Array("[stack]".utf8))
    let gate = MapObject(kind: .special, name: Array("[vsyscall]".utf8))

    func release() {
      for object in [nameless, heap, stack, gate] { object.release() }
    }
  }
}

/// Keeps the fields before it and after it out of the same cache line, and out of two lines that
/// processors fetch together.
private struct CacheLinePadding {
  private let words = InlineArray<16, UInt64>(repeating: 0)
}

// MARK: - Versions

extension AddressSpace {
  /// Runs `body` in a read section, with the version that is current at the start.
  @inline(__always)
  func withCurrentVersion<R, E: Error>(
    _ body: (Version) throws(E) -> R
  ) throws(E) -> R {
    try RCU.withReadSection { _ throws(E) -> R in try body(currentVersion) }
  }

  /// The current version. Must be called in a read section or under the lock.
  @inline(__always)
  var currentVersion: Version {
    // Safety: the block holds a Version for as long as readers can see it.
    unsafe currentPointer.pointee
  }

  /// The current version's address.
  ///
  /// Acquiring: pairs with the release in `publish`. Guarantees that the version and its nodes are
  /// seen as the writer left them.
  @inline(__always)
  private var currentPointer: UnsafePointer<Version> {
    let block = unsafe current.load(ordering: .acquiring)
    return unsafe UnsafePointer(block.assumingMemoryBound(to: Version.self))
  }

  /// Runs `body` in a snapshot section, with the version that is current at the start. What is made
  /// later doesn't wait for the section. `body` must use only this version.
  @inline(__always)
  func withSnapshotVersion<R>(_ body: (Version) -> R) -> R {
    unsafe RCU.withSnapshotReadSection({ unsafe currentPointer }) { unsafe body($0.pointee) }
  }

  /// Runs `body` in a write section, and publishes the draft, even if `body` throws: as in the
  /// kernel, an operation that fails partway keeps what it has done.
  func write<R, E: Error>(
    _ body: (inout MemoryMap) throws(E) -> R
  ) throws(E) -> R {
    var isOverLimit = false
    var released = WordStack()
    // Whatever may wait for readers is released after the lock, since a deferred call may want the
    // lock.
    defer {
      for index in 0..<released.count {
        MapObject(word: released[index])?.release(mayWait: true)
      }
      changeWaiters.wakeAll()
      if isOverLimit { waitForReaders() }
    }
    return try mapLock.withWriteLock { () throws(E) -> R in
      defer {
        unsafe publish(&writer.pointee)
        isOverLimit = unsafe writer.pointee.tree.pool.isOverLimit
        if unsafe writer.pointee.released.count > 0 {
          unsafe swap(&released, &writer.pointee.released)
        }
      }
      prefetchCurrent()
      return try unsafe body(&writer.pointee)
    }
  }

  /// Waits until readers hold up less memory, or can't be waited for.
  @inline(never)
  private func waitForReaders() {
    var isOverLimit = true
    while isOverLimit && returnQueue.waitForReturn(BulletproofFlavor.self) {
      isOverLimit = mapLock.withExclusiveLock {
        unsafe writer.pointee.tree.pool.scanAgain()
        return unsafe writer.pointee.tree.pool.isOverLimit
      }
    }
  }

  /// Starts to prefetch what `publish` will write, which readers have read since it was last
  /// written.
  @inline(__always)
  private func prefetchCurrent() {
    unsafe withUnsafePointer(to: current) {
      sysshims_prefetch_for_writing(UInt(bitPattern: $0), 1)
    }
  }

  /// Makes the draft the current version, and retires what it replaced.
  func publish(_ writer: inout MemoryMap) {
    guard writer.isChanged else { return }
    writer.isChanged = false
    // The counter is odd now, and will be one more when the section ends.
    writer.draft.generation = mapLock.sequence &+ 1
    writer.draft.transaction = writer.tree.transaction
    let version = unsafe writer.makeVersion()
    // Releasing: pairs with the acquire in `currentPointer`. Retire only after this: a reader that
    // starts in between could otherwise find blocks that already wait to be reused. Sequentially
    // consistent: pairs with `SnapshotPins.pin`, which announces itself before it loads the
    // version. Either it loads this version, or `isEmpty` is false below. Pairs with
    // `ChangeWaiters` in the same way.
    let old = unsafe current.exchange(version, ordering: .sequentiallyConsistent)
    if !pins.isEmpty { writer.holdReplaced(for: pins) }
    // The previous write section made it.
    assert(
      unsafe old.assumingMemoryBound(to: Version.self).pointee.transaction == writer.draft
        .transaction &- 1)
    unsafe writer.tree.retireReplaced(and: old)
  }

  /// The number of the current version: even, and larger with every change.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the publication of the version.
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var generation: UInt64 { withCurrentVersion { $0.generation } }

  /// The number of VMAs.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var count: Int { withCurrentVersion { $0.mapCount } }

  /// The number of mapped bytes: the sum of the VMAs' lengths.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var mappedBytes: UInt64 { withCurrentVersion { $0.pageCount * .page } }

  /// The bytes of memory that the address space itself uses for its VMAs: the nodes of the current
  /// version, nodes that wait for a grace period, and free nodes kept for later changes.
  ///
  /// It grows by slabs. Each slab doubles the memory for one kind of node until that is 16 KiB, and
  /// then adds a quarter, at most 256 KiB, or up to 512 KiB while as much waits for a grace period.
  /// It shrinks only by ``releaseFreeMemory()``. Files and names aren't counted, since they are
  /// shared.
  ///
  /// - Threads: any, but not in a read section.
  /// - Complexity: O(1), under the read lock.
  public var memoryBytes: Int {
    mapLock.withReadLock { unsafe writer.pointee.tree.pool.reservedBytes }
  }

  /// Returns memory that is kept for later changes to the system: for use after a large map, or a
  /// snapshot of one, is gone.
  ///
  /// It returns the slabs whose nodes are all free. Nodes that readers or snapshots may still see
  /// aren't free. So drop the snapshots, and let grace periods pass first: call `RCU.barrier()`,
  /// and again after this call for the nodes of the last changes, which it hands over to the
  /// reclaimer.
  ///
  /// - Returns: the number of bytes returned.
  /// - Threads: any, but not in a read section.
  /// - Complexity: O(f log f) in the number of free nodes, under the write lock, which doesn't hold
  ///   up lock-free readers.
  @discardableResult
  public func releaseFreeMemory() -> Int {
    // Not in a write section: what readers see doesn't change, and speculation isn't disturbed.
    mapLock.withExclusiveLock { unsafe writer.pointee.tree.pool.trim() }
  }
}
