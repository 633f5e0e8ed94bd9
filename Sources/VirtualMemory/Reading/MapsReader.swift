// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// An open `/proc/PID/maps` in miniature: returns the text in chunks, as `read` does.
///
/// Each chunk is made in one critical section. It consists of whole lines, and has at most 4,095
/// bytes. Between chunks, the address space may change; the reader then continues after the end of
/// the last VMA that it reported. A reader of a ``MapsSnapshot`` sees no changes.
///
/// - Threads: one at a time, as for a file offset. An address space may have any number of readers.
///   Not in a signal handler, as for ``AddressSpace/dump(into:by:)``.
/// - Source: `fs/seq_file.c`, `fs/proc/task_mmu.c`.
@safe
public struct MapsReader: ~Copyable, @unchecked Sendable {
  // Sendable: nothing else refers to its memory, and the rest is Sendable.

  /// The address space that is read.
  public let space: AddressSpace
  /// How to deal with concurrent changes.
  public let strategy: ReadingStrategy
  /// The version that is read; `nil` to read whichever is current when a chunk is made.
  public let snapshot: MapsSnapshot?

  private var memory: UnsafeMutableRawPointer
  /// The kernel's buffer size: a page, doubled whenever a single line doesn't fit.
  private var bufferBytes = 4096
  /// The text that has been made, but not returned yet: `memory[unreadStart..<unreadEnd]`.
  private var unreadStart = 0
  private var unreadEnd = 0
  /// The end of the last VMA in the buffer.
  private var position: UInt64 = 0

  /// The offset of the next byte that will be returned.
  public private(set) var offset = 0
  /// The generation of the first chunk since the start; `nil` if there was none yet.
  public private(set) var firstGeneration: UInt64?
  /// The generation of the last chunk; `nil` if there was none yet.
  public private(set) var lastGeneration: UInt64?

  /// Whether the address space changed between the first chunk and the last. The kernel can't tell
  /// this.
  public var hasChanged: Bool { firstGeneration != lastGeneration }

  /// Creates a reader of whichever version is current when it makes a chunk.
  ///
  /// - Parameters:
  ///   - space: the address space.
  ///   - strategy: how to deal with concurrent changes.
  /// - Complexity: O(1), and one allocation.
  public init(_ space: AddressSpace, strategy: ReadingStrategy = .snapshot) {
    self.space = space
    self.strategy = strategy
    snapshot = nil
    unsafe memory = Self.allocate(bufferBytes: 4096)
  }

  /// Creates a reader whose chunks all show the same version, however long reading takes.
  ///
  /// - Complexity: O(1), and one allocation.
  public init(_ snapshot: MapsSnapshot) {
    space = snapshot.space
    strategy = .snapshot
    self.snapshot = snapshot
    unsafe memory = Self.allocate(bufferBytes: 4096)
  }

  deinit { unsafe memory.deallocate() }

  /// Formatting may use memory beyond the text: twice the largest size of a line, in case a line is
  /// made and then doesn't fit.
  private static func allocate(bufferBytes: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: bufferBytes + slackBytes, alignment: 64)
  }

  private static var slackBytes: Int { 4096 }

  /// Fills the empty buffer with whole lines, until there are `wanted` bytes, the next line doesn't
  /// fit, or the text ends.
  private mutating func fill(wanted: Int) {
    while true {
      var formatter = unsafe ChunkFormatter(
        out: memory, capacity: bufferBytes + Self.slackBytes, limit: bufferBytes - 1,
        wanted: wanted, position: position)
      if let snapshot {
        snapshot.format(&formatter)
      } else {
        space.format(&formatter, strategy)
      }
      unreadStart = 0
      unreadEnd = formatter.count
      position = formatter.position
      lastGeneration = formatter.generation
      firstGeneration = firstGeneration ?? formatter.generation
      guard formatter.state == .full && formatter.count == 0 else { return }
      // A single line is longer than the buffer, so the buffer is larger from now on.
      bufferBytes *= 2
      unsafe memory.deallocate()
      unsafe memory = Self.allocate(bufferBytes: bufferBytes)
    }
  }

  /// Whether there is text that was made and not handed out.
  package var hasUnreadText: Bool { unreadStart < unreadEnd }

  /// Hands out text, as `read` does: what is left of the last chunk first, then of at most one
  /// more.
  ///
  /// A result of 0 means the end; fewer bytes than requested don't. A line may be split between
  /// reads.
  ///
  /// - Returns: the number of bytes written at the start of `buffer`.
  /// - Complexity: O(bytes of the chunk).
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    if offset == 0 && buffer.count > 0 && unreadStart == 0 { rewind() }
    var done = unsafe takeUnread(into: buffer)
    guard buffer.count > 0, unreadStart == unreadEnd else { return done }
    // Called even if nothing more is wanted: the kernel then makes a line ahead, which the next
    // read returns before a whole chunk.
    fill(wanted: buffer.count - done)
    done += unsafe takeUnread(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
    return done
  }

  /// ``read(into:)-(UnsafeMutableRawBufferPointer)`` for the free part of `output`.
  public mutating func read(into output: inout OutputRawSpan) -> Int {
    unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
      let free = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[initializedCount...])
      let count = unsafe read(into: free)
      initializedCount += count
      return count
    }
  }

  /// Returns at most `count` bytes of text; an empty array at the end.
  ///
  /// - Precondition: `count` is not negative.
  public mutating func read(count: Int) -> [UInt8] {
    require(count >= 0, "MapsReader.read: count must not be negative")
    if count == 0 { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      initializedCount = unsafe read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// Calls `body` with the next chunk, without copying it: with what is left of the last one, or
  /// with a new one. Returns `nil` at the end. The chunk counts as read even if `body` throws.
  ///
  /// - Complexity: O(bytes of the chunk).
  public mutating func withNextChunk<R: ~Copyable, E: Error>(
    _ body: (Span<UInt8>) throws(E) -> R
  ) throws(E) -> R? {
    if offset == 0 && unreadStart == 0 { rewind() }
    if unreadStart == unreadEnd { fill(wanted: .max) }
    guard unreadStart < unreadEnd else { return nil }
    let count = unreadEnd - unreadStart
    let start = unsafe (memory + unreadStart).assumingMemoryBound(to: UInt8.self)
    unreadStart = unreadEnd
    offset += count
    let chunk = unsafe Span<UInt8>(_unsafeStart: start, count: count)
    return try body(chunk)
  }

  /// Goes back to the start, where reading begins with the address space as it is then.
  ///
  /// - Complexity: O(1).
  public mutating func rewind() {
    position = 0
    offset = 0
    unreadStart = 0
    unreadEnd = 0
    firstGeneration = nil
    lastGeneration = nil
  }

  /// Goes to byte `target` of the text, by making the text again from its start.
  ///
  /// If `target` is past the end, the reader stays at the end, and reads return nothing. (The
  /// kernel, too, makes the text again for `lseek` and `pread`, but reports the requested offset.)
  ///
  /// - Precondition: `target` is not negative.
  /// - Complexity: O(bytes up to `target`).
  public mutating func seek(to target: Int) {
    require(target >= 0, "MapsReader.seek: the offset must not be negative")
    if target == offset { return }
    rewind()
    while offset < target {
      // Makes the text up to the line that holds the target, and no further. The next read returns
      // the rest of that line first.
      fill(wanted: target - offset)
      if unreadEnd == 0 { return }
      unreadStart = min(target - offset, unreadEnd)
      offset += unreadStart
    }
  }

  private mutating func takeUnread(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, unreadEnd - unreadStart)
    if count > 0 {
      unsafe buffer.baseAddress.unsafelyUnwrapped.copyMemory(
        from: memory + unreadStart, byteCount: count)
    }
    unreadStart += count
    offset += count
    return count
  }
}
