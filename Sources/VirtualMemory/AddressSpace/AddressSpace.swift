// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage
internal import ReadCopyUpdate
internal import SequenceLocks
internal import Synchronization
internal import _SystemShims

/// The virtual memory areas of one process, as Linux's mm keeps them: changed by one thread at a
/// time, read by any number without a lock.
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
/// Readers see *versions*: immutable trees, of which one is current. A dump or query loads one
/// version and equals the address space as it was at one instant, whatever is changed meanwhile;
/// results carry the version's *generation*. ``ReadingStrategy`` offers the kernel's two other ways
/// for comparison.
///
/// - Threads: all operations from any thread. Changes exclude one another. Don't call a changing
///   operation, nor one that reads by ``ReadingStrategy/locked`` or
///   ``ReadingStrategy/speculative``, inside a read section of `RCU`: it may sleep on the lock, and
///   every grace period with it. A changing operation waits, with no lock held, while readers hold
///   up more than 32 MiB of retired nodes.
@safe
public final class AddressSpace: @unchecked Sendable {
  // Sendable: `current` is atomic, `writer` is used under the write lock only, the rest is
  // immutable and Sendable.

  /// Bytes of a page: 4,096, as on x86-64.
  @inlinable public static var pageSize: UInt64 { 4096 }

  /// The constants that the address space was made with.
  public let configuration: AddressSpaceConfiguration

  // A pool block that holds a Version; never nil. Written by publish, under the write lock
  // (releasing); read by every reader, in a read section (acquiring).
  // In a cache line of its own: the writer would lose what else is in it whenever somebody reads.
  private let spaceBefore = CacheLinePadding()
  let current: Atomic<UnsafeMutableRawPointer>
  private let spaceAfter = CacheLinePadding()
  let mapLock: SpeculativeRWLock
  let writer: UnsafeMutablePointer<MemoryMap>
  /// Where the pool's retired nodes come back.
  let returnQueue: PoolShared
  /// The versions that snapshots keep.
  let pins: SnapshotPins
  let labels = Labels()
  /// Who waits for the next version.
  let changeWaiters = ChangeWaiters()
  // Written by speculative readers that were disturbed. Relaxed: statistics.
  let speculationRetryCount = Atomic<UInt64>(0)
  let speculationFallbackCount = Atomic<UInt64>(0)

  /// Makes an empty address space.
  ///
  /// - Parameter configuration: the constants of the machine.
  /// - Precondition: the configuration's addresses are multiples of the page, and in order.
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
    // Nobody reads or writes any more. The objects' counts are of the current version's VMAs; the
    // nodes go with the pool.
    unsafe writer.pointee.tree.forEach(in: 0, .max) { record in
      MapObject(word: record.object)?.release()
    }
    labels.release()
    unsafe writer.deinitialize(count: 1)
    unsafe writer.deallocate()
  }

  /// The ends of lines that belong to no file: made once, so that formatting looks nothing up.
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

/// Keeps what is before it and what is after it from being in one cache line, or in two that
/// processors fetch together.
private struct CacheLinePadding {
  private let words = InlineArray<16, UInt64>(repeating: 0)
}

// MARK: - Versions

extension AddressSpace {
  /// Runs `body` in a read section with the version that is current when it starts.
  @inline(__always)
  func withCurrentVersion<R, E: Error>(
    _ body: (Version) throws(E) -> R
  ) throws(E) -> R {
    try RCU.withReadSection { _ throws(E) -> R in try body(currentVersion) }
  }

  /// The current version. In a read section or under the lock.
  @inline(__always)
  var currentVersion: Version {
    // Safety: the block holds a Version for as long as readers can see it.
    unsafe currentPointer.pointee
  }

  /// The same, not followed.
  ///
  /// Acquiring: pairs with the release in `publish`. Guarantees that the version and its nodes are
  /// seen as the writer left them.
  @inline(__always)
  private var currentPointer: UnsafePointer<Version> {
    let block = unsafe current.load(ordering: .acquiring)
    return unsafe UnsafePointer(block.assumingMemoryBound(to: Version.self))
  }

  /// Runs `body` with the version that is current when it starts, in a section that nothing that is
  /// made later waits for. `body` looks at this version only.
  @inline(__always)
  func withSnapshotVersion<R>(_ body: (Version) -> R) -> R {
    unsafe RCU.withSnapshotReadSection({ unsafe currentPointer }) { unsafe body($0.pointee) }
  }

  /// Runs `body` in a write section and publishes what it left of the draft, also when it throws:
  /// like the kernel's, operations that fail part of the way keep what they have done.
  func write<R, E: Error>(
    _ body: (inout MemoryMap) throws(E) -> R
  ) throws(E) -> R {
    var isOverLimit = false
    var released = WordStack()
    // What may wait for readers waits out of the lock: a deferred call may want the lock too.
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

  /// Waits until readers hold up less, or can't be waited for.
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

  /// Begins to fetch what `publish` will write to, and readers have read since it was written last.
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
    // The counter is odd now, and this one more when the section ends.
    writer.draft.generation = mapLock.sequence &+ 1
    writer.draft.transaction = writer.tree.transaction
    let version = unsafe writer.makeVersion()
    // Releasing: pairs with the acquire in `currentPointer`. Retire after this, never before: a
    // reader that starts between the two could find what is already waiting to be reused.
    // Sequentially consistent: pairs with `SnapshotPins.pin`, which announces itself before it
    // loads the version. Either it finds this one, or `isEmpty` is false below. And with
    // `ChangeWaiters`, in the same way.
    let old = unsafe current.exchange(version, ordering: .sequentiallyConsistent)
    if !pins.isEmpty { writer.holdReplaced(for: pins) }
    // The write section before has made it.
    assert(
      unsafe old.assumingMemoryBound(to: Version.self).pointee.transaction == writer.draft
        .transaction &- 1)
    unsafe writer.tree.retireReplaced(and: old)
  }

  /// The number of the version that is current: grows with every change, by an even number.
  public var generation: UInt64 { withCurrentVersion { $0.generation } }

  /// The number of VMAs.
  public var count: Int { withCurrentVersion { $0.mapCount } }

  /// Bytes mapped: the sum of the VMAs' lengths.
  public var mappedBytes: UInt64 { withCurrentVersion { $0.pageCount * .page } }

  /// Bytes of memory that the address space itself holds for its VMAs: the nodes of the current
  /// version, those that wait for a grace period, and free ones that are kept for the next change.
  ///
  /// It grows by slabs of a quarter of what there is, 16 to 256 KiB, or up to 512 KiB while as much
  /// waits for a grace period, and shrinks only by ``releaseFreeMemory()``. Files and names are not
  /// counted: they are shared.
  ///
  /// - Complexity: O(1), under the read lock.
  public var memoryBytes: Int {
    mapLock.withReadLock { unsafe writer.pointee.tree.pool.reservedBytes }
  }

  /// Gives memory that is kept for the next changes back to the system: for after a large map or a
  /// snapshot of it has gone.
  ///
  /// Slabs go whose nodes are all free. Nodes that readers or snapshots may still see aren't: drop
  /// the snapshots, and let what waits for a grace period pass first (`RCU.barrier()`, and once
  /// more for the nodes of the last changes, which this hands over).
  ///
  /// - Returns: the bytes given back.
  /// - Complexity: O(f log f) in the number of free nodes, under the write lock. Lock-free readers
  ///   are not held up.
  @discardableResult
  public func releaseFreeMemory() -> Int {
    // No write section: what readers see stays, and speculation goes on.
    mapLock.withExclusiveLock { unsafe writer.pointee.tree.pool.trim() }
  }
}
