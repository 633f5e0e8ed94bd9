// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SequenceLocks
internal import Synchronization

/// Formats VMAs, starting at a position, into the caller's memory, until something ends it.
///
/// This is the whole state of a reader within one critical section. It lives on the stack and isn't
/// shared.
@safe
struct ChunkFormatter {
  /// The memory for the text: `capacity` bytes, of which `count` are used.
  let out: UnsafeMutableRawPointer
  let capacity: Int
  /// A line that would end beyond this isn't taken.
  let limit: Int
  /// Once there is this much text, no further line is started.
  let wanted: Int

  var count = 0
  /// The end of the last VMA that was formatted. VMAs that end at or below it are done.
  var position: UInt64
  /// The generation of the version from which the last VMA was formatted.
  var generation: UInt64 = 0
  var state = State.open

  enum State {
    /// More can be formatted.
    case open
    /// There is as much text as wanted.
    case satisfied
    /// The next line doesn't fit.
    case full
    /// There is no further VMA.
    case end
  }

  init(
    out: UnsafeMutableRawPointer, capacity: Int, limit: Int, wanted: Int, position: UInt64
  ) {
    unsafe self.out = out
    self.capacity = capacity
    self.limit = limit
    self.wanted = wanted
    self.position = position
  }

  /// Formats one VMA, unless it doesn't fit.
  @inline(__always)
  mutating func append(_ record: Record, _ object: MapObject) {
    guard count &+ LineFormatter.maximumByteCount(object) <= capacity else {
      state = .full
      return
    }
    let lineCount = unsafe LineFormatter.line(record, object, at: out + count)
    guard count &+ lineCount <= limit else {
      state = .full
      return
    }
    count &+= lineCount
    position = record.end
    if count >= wanted { state = .satisfied }
  }

  /// Formats VMAs of `version` until `state` changes.
  @inline(__always)
  mutating func append(_ version: Version, _ labels: AddressSpace.Labels) {
    generation = version.generation
    while state == .open {
      guard let (leaf, first) = version.tree.find(endingAfter: position) else {
        appendGate(version, labels)
        return
      }
      let last = leaf.count &- 1
      let plain = PlainLines(leaf.start(0), leaf.end(last), version)
      var index = first
      while index <= last && state == .open {
        if let plain {
          index = append(plain, leaf, index, last)
          if index > last { break }
        }
        let record = leaf.record(index)
        append(record, labels.object(of: record, in: version))
        index &+= 1
      }
    }
  }

  /// Formats VMAs of `leaf` from `first` up to `last`, as long as they have a plain access and
  /// there is room for more afterwards.
  ///
  /// - Returns: the position of the first VMA that it hasn't formatted.
  @inline(__always)
  private mutating func append(
    _ lines: PlainLines, _ leaf: Leaf, _ first: Int, _ last: Int
  ) -> Int {
    let maximumCount = min(capacity, limit, wanted &- 1) &- PlainLines.byteCount
    var (count, index) = (count, first)
    while index <= last && count <= maximumCount {
      let access = leaf.plainAccess(index)
      guard access != 0 else { break }
      unsafe lines.write(leaf.start(index), leaf.end(index), access, at: out + count)
      count &+= PlainLines.byteCount
      index &+= 1
    }
    if index > first {
      self.count = count
      position = leaf.end(index &- 1)
    }
    return index
  }

  /// Formats `[vsyscall]`, which comes last, and ends.
  mutating func appendGate(_ version: Version, _ labels: AddressSpace.Labels) {
    if version.gateFlags != [] && position < Version.gateEnd {
      let record = Record(
        start: Version.gateStart, end: Version.gateEnd, flags: version.gateFlags, pageOffset: 0,
        object: 0)
      append(record, labels.gate)
    }
    if state == .open { state = .end }
  }
}

extension AddressSpace.Labels {
  /// The object whose text ends the line of `record`.
  ///
  /// - Source: `get_vma_name`.
  @inline(__always)
  func object(of record: Record, in version: Version) -> MapObject {
    let object = MapObject(word: record.object)
    if let object, !object.isAnonymousName { return object }
    if version.meetsHeap(record.start, record.end) { return heap }
    if version.meetsStack(record.start, record.end) { return stack }
    return object ?? nameless
  }
}
