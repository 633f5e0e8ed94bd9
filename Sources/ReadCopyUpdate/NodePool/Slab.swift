// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

/// What becomes blocks of one size, and is given back to the system, at a time.
struct Slab: Sendable {
  let address: UInt
  let bytes: Int

  static var minimumBytes: Int { 16 << 10 }
  static var maximumBytes: Int { 256 << 10 }
  /// The same where as much is in limbo. An update waits for its pages, for 0.2 ms.
  static var maximumLimboBytes: Int { 512 << 10 }
  /// From this size on a slab is given its pages at once: that takes half as long as one by one,
  /// and one update waits, not one in a few. A smaller one is of a small store, which may never
  /// need them.
  private static var minimumPopulatedBytes: Int { 64 << 10 }

  static var empty: Slab { Slab(address: 0, bytes: 0) }

  /// From the heap.
  static func allocate(bytes: Int) -> Slab {
    let address = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    if bytes >= minimumPopulatedBytes { unsafe sysshims_populate(address, bytes) }
    return Slab(address: UInt(bitPattern: address), bytes: bytes)
  }

  func free() {
    // Safety: the pool allocated it, and nobody uses a block of it any more.
    let start = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
    unsafe start.deallocate()
  }
}
