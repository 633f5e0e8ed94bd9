// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The text of a dump, in memory that is reused for the next one.
///
/// ```swift
/// var buffer = MapsBuffer()
/// while true {
///   space.dump(into: &buffer)      // allocates only when the text has grown
///   send(buffer.bytes)
/// }
/// ```
@safe
public struct MapsBuffer: ~Copyable, @unchecked Sendable {
  // Sendable: nothing else refers to its memory.
  private(set) var memory: UnsafeMutableRawPointer
  private(set) var capacity: Int
  /// The length of the text in bytes.
  public internal(set) var count = 0
  /// The generation of the version that the text shows; if the dump isn't a snapshot, that of its
  /// last line.
  public internal(set) var generation: UInt64 = 0

  /// The initial capacity in bytes: about a hundred lines.
  private static var capacityInitial: Int { 16 << 10 }

  /// Creates an empty buffer with room for about a hundred lines.
  ///
  /// - Complexity: O(1), and one allocation.
  public init() {
    capacity = Self.capacityInitial
    unsafe memory = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit { unsafe memory.deallocate() }

  /// Doubles the capacity, and keeps the text.
  mutating func grow() {
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 64)
    unsafe larger.copyMemory(from: memory, byteCount: count)
    unsafe memory.deallocate()
    unsafe memory = larger
    capacity *= 2
  }

  /// The text as bytes.
  public var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get {
      let start = unsafe memory.assumingMemoryBound(to: UInt8.self)
      let span = unsafe Span<UInt8>(_unsafeStart: start, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// A copy of the text.
  ///
  /// - Complexity: O(length).
  public var array: [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: memory, count: count))
  }

  /// The text as a string, in which anything that isn't UTF-8 is replaced.
  ///
  /// - Complexity: O(length).
  public var string: String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: memory, count: count), as: UTF8.self)
  }
}
