// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Fixed-size blocks for the nodes of one store, recycled after a grace period.
///
/// `malloc` doubles the cost of a path-copying update, and freeing on another thread than the one
/// that allocated costs ten times that; a pool that its writer owns costs a few loads and stores.
///
/// The writer allocates, publishes, and hands back: ``free(_:sizeClass:)`` for a block that no
/// reader has seen, ``retire(_:sizeClass:)`` for one that readers may still see. Retired blocks
/// gather in a batch; ``flush()`` and every ``batchBytes`` hand the batch to the domain's
/// reclaimer, which gives it back after a grace period without touching a block: the batch's list
/// of addresses is all that travels.
///
/// Threads: the owner's writer only, one at a time. The reclaimer meets it in `PoolShared`.
///
/// Invariants:
/// - A block is in exactly one place: live, on a free list, in `batch`, or in a batch under way.
/// - `limboBytes` = bytes in `batch` and in batches under way.
package struct NodePool<Flavor: RCUFlavor>: ~Copyable {
  /// Bytes of a block, by size class; multiples of a cache line, 64 bytes.
  package let blockBytes: [Int]
  /// Bytes retired and not yet recycled.
  package private(set) var limboBytes = 0
  /// Bytes of all blocks, live, free and in limbo.
  package private(set) var reservedBytes = 0

  private var freeLists: [FreeList]
  private var batch: RetiredBatch
  let shared = PoolShared()

  /// Retired bytes that make a batch. Large enough that a batch costs little beside its blocks,
  /// small enough that recycled blocks are still in a second-level cache.
  package static var batchBytes: Int { 128 << 10 }
  /// Past this the writer waits for the reclaimer, unless it is inside a read section.
  package static var limboBytesMax: Int { 32 << 20 }
  /// Bytes taken from the system at a time.
  private static var slabBytes: Int { 256 << 10 }

  package init(blockBytes: [Int]) {
    precondition(
      blockBytes.count <= RetiredBatch.sizeClassMask + 1 && blockBytes.allSatisfy { $0 % 64 == 0 },
      "NodePool: at most 8 size classes, each a multiple of 64 bytes")
    self.blockBytes = blockBytes
    freeLists = blockBytes.map { _ in FreeList() }
    batch = RetiredBatch()
  }

  /// Readers may still see blocks, live ones too: the slabs go after a grace period, and after the
  /// batches under way.
  deinit {
    guard reservedBytes > 0 else { return }
    let shared = self.shared
    RCUDomain<Flavor>.afterGracePeriod(bytes: reservedBytes) { withExtendedLifetime(shared) {} }
  }

  /// A block of `blockBytes[sizeClass]` bytes, 64-byte aligned, contents undefined.
  ///
  /// - Complexity: O(1); amortised, with a system allocation per slab.
  @unsafe
  package mutating func allocate(sizeClass: Int) -> UnsafeMutableRawPointer {
    if let block = unsafe freeLists[sizeClass].pop() { return unsafe block }
    return unsafe allocateSlow(sizeClass: sizeClass)
  }

  /// Takes back a block that no reader has seen.
  @unsafe
  package mutating func free(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    unsafe freeLists[sizeClass].push(block)
  }

  /// Takes back a block that readers may still see, but no new one will: call it after the version
  /// without the block was published.
  @unsafe
  package mutating func retire(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    unsafe batch.append(block, sizeClass: sizeClass)
    let bytes = blockBytes[sizeClass]
    limboBytes += bytes
    batch.bytes += bytes
    if batch.bytes >= Self.batchBytes { flush() }
  }

  /// Hands the batch to the reclaimer, if there is anything in it.
  package mutating func flush() {
    guard batch.bytes > 0 else { return }
    let full = batch
    batch = shared.takeSpare() ?? RetiredBatch()
    let shared = self.shared
    // The batch's bytes are not stated to the domain: this pool bounds them itself.
    RCUDomain<Flavor>.afterGracePeriod { shared.giveBack(full) }
    recycle()
    while limboBytes > Self.limboBytesMax && !Flavor._isInReadSection {
      shared.waitForReturn()
      recycle()
    }
  }

  @inline(never)
  private mutating func allocateSlow(sizeClass: Int) -> UnsafeMutableRawPointer {
    recycle()
    if let block = unsafe freeLists[sizeClass].pop() { return unsafe block }
    let bytes = blockBytes[sizeClass]
    let slab = UnsafeMutableRawPointer.allocate(
      byteCount: Self.slabBytes, alignment: 64)
    unsafe shared.own(slab)
    reservedBytes += Self.slabBytes
    var offset = Self.slabBytes - Self.slabBytes % bytes
    while offset > 0 {
      offset -= bytes
      unsafe freeLists[sizeClass].push(slab + offset)
    }
    return unsafe freeLists[sizeClass].pop().unsafelyUnwrapped
  }

  /// Puts the blocks whose grace period has passed on the free lists.
  private mutating func recycle() {
    for returned in shared.takeReturned() {
      unsafe returned.forEach { block, sizeClass in
        unsafe _poison(block, byteCount: blockBytes[sizeClass])
        unsafe freeLists[sizeClass].push(block)
      }
      limboBytes -= returned.bytes
      returned.removeAll()
      shared.keepSpare(returned)
    }
  }
}
