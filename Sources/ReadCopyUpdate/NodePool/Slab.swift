// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims

/// What becomes blocks of one size, and is given back to the system, at a time.
struct Slab: Sendable {
  let address: UInt
  let bytes: Int
  /// Cut from ready memory; else from the heap.
  let isMapped: Bool

  static var bytesMin: Int { 16 << 10 }
  static var bytesMax: Int { 256 << 10 }

  static var empty: Slab { Slab(address: 0, bytes: 0, isMapped: true) }

  /// A slab of the heap.
  static func allocate(bytes: Int) -> Slab {
    let address = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    return Slab(address: UInt(bitPattern: address), bytes: bytes, isMapped: false)
  }

  func free() {
    guard bytes > 0 else { return }
    // Safety: the pool allocated it, and nobody uses a block of it any more.
    let start = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
    if isMapped { unsafe rcushims_unmap(start, bytes) } else { unsafe start.deallocate() }
  }
}

/// Memory that slabs are cut from, from its lowest address on.
///
/// The first write to each page of fresh memory waits for the system, for as long as several updates take;
/// and a store that grows writes to some with each update. Here that has been done already.
struct ReadyMemory: Sendable {
  /// All that is left.
  private(set) var rest = Slab.empty

  var bytes: Int { rest.bytes }

  init() {}

  /// Takes it from the system, which may refuse: then it is empty. Not by a writer: this takes as long as
  /// thousands of updates.
  ///
  /// - Precondition: `bytes` is a multiple of a page.
  init(bytes: Int) {
    guard let start = unsafe rcushims_map_ready(bytes) else { return }
    rest = Slab(address: UInt(bitPattern: start), bytes: bytes, isMapped: true)
  }

  /// Cuts off a slab of `bytes`, or what is left of it: in whole pages, and no rest is too small for a slab.
  ///
  /// - Precondition: it isn't empty.
  mutating func cut(bytes: Int) -> Slab {
    let unit = max(Int(rcushims_page_bytes()), Slab.bytesMin)
    let wanted = (bytes + unit - 1) / unit * unit
    let taken = min(wanted, rest.bytes)
    defer {
      rest = Slab(address: rest.address + UInt(taken), bytes: rest.bytes - taken, isMapped: true)
    }
    return Slab(address: rest.address, bytes: taken, isMapped: true)
  }

  /// Gives what is left back to the system.
  ///
  /// - Returns: its bytes.
  mutating func free() -> Int {
    let freed = rest
    freed.free()
    rest = .empty
    return freed.bytes
  }
}

/// What a store that grows will need, made ready by the reclaimer.
struct Supplies: Sendable {
  var memory: ReadyMemory
  var lists: [BlockList]

  /// Memory that takes one list to retire.
  private static var bytesPerList: Int { 64 << 10 }

  init(bytes: Int) {
    memory = ReadyMemory(bytes: bytes)
    lists = (0..<bytes / Self.bytesPerList).map { _ in BlockList() }
  }
}
