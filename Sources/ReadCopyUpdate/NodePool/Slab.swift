// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

/// Memory that is carved into blocks of one size, and that is returned to the system as a whole.
struct Slab: Sendable {
  let address: UInt
  let bytes: Int

  /// The first slab of a size has so many blocks.
  static var minimumBlockCount: Int { 2 }
  /// Until there is so much of a size, there is twice as much with each slab.
  static var smallBytes: Int { 16 << 10 }
  static var maximumBytes: Int { 256 << 10 }
  /// The same if as much is in limbo. An update waits 0.2 ms for its pages.
  static var maximumLimboBytes: Int { 512 << 10 }
  /// From this size on, a slab is populated at once. That takes half as long as page by page, and a
  /// single update waits instead of every few. A smaller slab belongs to a small store, which may
  /// never need all pages.
  private static var minimumPopulatedBytes: Int { 64 << 10 }

  static var empty: Slab { Slab(address: 0, bytes: 0) }

  /// Allocates a slab on the heap.
  static func allocate(bytes: Int) -> Slab {
    let address = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    if bytes >= minimumPopulatedBytes { unsafe sysshims_populate(address, bytes) }
    return Slab(address: UInt(bitPattern: address), bytes: bytes)
  }

  func free() {
    // Safety: the pool allocated it, and none of its blocks is in use.
    let start = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
    unsafe start.deallocate()
  }
}
