// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

extension AddressSpace {
  /// Announces how memory will be used: `madvise`.
  ///
  /// Advice that sets flags splits VMAs and merges them as ``protect(_:_:)`` does. Holes are
  /// skipped, and reported as an error after the rest has been done.
  ///
  /// - Parameters:
  ///   - range: begins at a multiple of the page; its length is rounded up to pages. An empty range
  ///     changes nothing.
  ///   - advice: how the memory will be used.
  /// - Throws: as ``SystemCalls/madvise(_:length:_:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in the range × log n).
  public func advise(_ range: Range<UInt64>, _ advice: Advice) throws(Errno) {
    try systemCalls.madvise(range.lowerBound, length: range.length, advice)
  }

  /// Names anonymous memory. The text shows `[anon:NAME]`, or `[anon_shmem:NAME]` for shared
  /// memory.
  ///
  /// - Parameters:
  ///   - name: at most 79 printable ASCII characters, without backticks, `$`, `[`, `\` and `]`; may
  ///     be empty. `nil` removes the name.
  ///   - range: begins at a multiple of the page; its length is rounded up to pages. An empty range
  ///     changes nothing.
  /// - Throws: as ``SystemCalls/setName(_:length:_:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(VMAs in the range × log n).
  public func setName(_ name: String?, of range: Range<UInt64>) throws(Errno) {
    try systemCalls.setName(
      range.lowerBound, length: range.length, name.map { Array($0.utf8) })
  }
}

extension AddressSpace.SystemCalls {
  /// `madvise`: announces how memory will be used.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: in bytes, rounded up to pages; 0 changes nothing.
  ///   - advice: how the memory will be used.
  /// - Throws:
  ///   - `EINVAL`: unknown advice; an address that is not a multiple of the page; a range that
  ///     wraps. Also at the first VMA to which the advice doesn't apply, where the operation stops:
  ///     ``Advice/wipeOnFork`` for shared memory or a file; ``Advice/keepOnFork`` and
  ///     ``Advice/doDump`` for droppable memory; ``Advice/doDump`` for a special mapping;
  ///     ``Advice/free`` for a file; ``Advice/dontNeed``, ``Advice/free``, ``Advice/cold`` and
  ///     ``Advice/pageOut`` for locked memory; ``Advice/populateRead`` and ``Advice/populateWrite``
  ///     for a VMA without that access.
  ///   - `EAGAIN`: a split would make one VMA too many.
  ///   - `ENOMEM`: part of the range is not mapped.
  ///   - `EFAULT`: a page that ``Advice/populateRead`` or ``Advice/populateWrite`` can't provide.
  /// - Complexity: O(VMAs in the range × log n).
  public func madvise(_ address: UInt64, length: UInt64, _ advice: Advice) throws(Errno) {
    try space.write { (writer) throws(Errno) in
      guard advice.isKnown else { throw .invalidArgument }
      let end = try MemoryMap.adviceEnd(address, length)
      if advice == .populateRead || advice == .populateWrite {
        try writer.populate(address, end, forWriting: advice == .populateWrite)
      } else {
        try writer.forEachPart(of: address, end) { (map, record, place, start, end) throws(Errno) in
          try map.advise(advice, record, start, end, at: place)
        }
      }
    }
  }

  /// `prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, …)`: names anonymous memory.
  ///
  /// - Parameters:
  ///   - address: the first page.
  ///   - length: in bytes, rounded up to pages; 0 changes nothing.
  ///   - name: at most 79 printable ASCII characters, without backticks, `$`, `[`, `\` and `]`; may
  ///     be empty. `nil` removes the name.
  /// - Throws:
  ///   - `EINVAL`: the name is too long or has other bytes; the address is not a multiple of the
  ///     page; the range wraps.
  ///   - `EBADF`: at the first VMA of a file, where the operation stops.
  ///   - `EAGAIN`: a split would make one VMA too many.
  ///   - `ENOMEM`: part of the range is not mapped; the rest is named.
  /// - Complexity: O(VMAs in the range × log n).
  /// - Source: `madvise_set_anon_name`, `prctl_set_vma`.
  public func setName(_ address: UInt64, length: UInt64, _ name: [UInt8]?) throws(Errno) {
    if let name { guard Self.isValidName(name) else { throw .invalidArgument } }
    try space.write { (writer) throws(Errno) in
      let end = try MemoryMap.adviceEnd(address, length)
      try writer.forEachPart(of: address, end) { (map, record, place, start, end) throws(Errno) in
        try map.setName(name, record, start, end, at: place)
      }
    }
  }

  /// - Source: `is_valid_name_char`, `ANON_VMA_NAME_MAX_LEN`.
  private static func isValidName(_ name: [UInt8]) -> Bool {
    name.count < 80
      && name.allSatisfy { byte in
        (0x20...0x7e).contains(byte) && !"\\`$[]".utf8.contains(byte)
      }
  }
}

extension MemoryMap {
  /// The end of the range that advice is given for.
  ///
  /// - Throws: `EINVAL`.
  fileprivate static func adviceEnd(_ address: UInt64, _ length: UInt64) throws(Errno) -> UInt64 {
    let rounded = length.roundedUpToPage
    let (end, wraps) = address.addingReportingOverflow(rounded)
    guard address.isPageAligned, length == 0 || rounded > 0, !wraps else {
      throw .invalidArgument
    }
    return end
  }

  /// Calls `body` for each VMA in `start..<end`, with the part of the range that the VMA covers.
  ///
  /// - Throws: at once what `body` throws; at the end `ENOMEM`, if there was a hole.
  /// - Source: `madvise_walk_vmas`.
  fileprivate mutating func forEachPart(
    of start: UInt64, _ end: UInt64,
    _ body: (inout Self, Record, Place, UInt64, UInt64) throws(Errno) -> Void
  ) throws(Errno) {
    var position = start
    var hasHole = false
    while position < end {
      guard let place = tree.locate(position), let record = place.record, record.start < end else {
        throw .noMemory
      }
      if record.start > position { hasHole = true }
      // If it is in a hole before the VMA, the VMA's start has the same place.
      let first = max(record.start, position)
      position = min(record.end, end)
      try body(&self, record, place, first, position)
    }
    if hasHole { throw .noMemory }
  }

  /// - Source: `madvise_vma_behavior`.
  fileprivate mutating func advise(
    _ advice: Advice, _ record: Record, _ start: UInt64, _ end: UInt64, at place: Place
  ) throws(Errno) {
    guard advice.isAllowed(for: record) else { throw .invalidArgument }
    let flags = advice.flags(for: record)
    guard flags != record.flags else { return }
    do {
      try modify(record, start, end, at: place) { $0.flags = flags }
    } catch {
      throw .resourceTemporarilyUnavailable
    }
  }

  fileprivate mutating func setName(
    _ name: [UInt8]?, _ record: Record, _ start: UInt64, _ end: UInt64, at place: Place
  ) throws(Errno) {
    let current = MapObject(word: record.object)
    guard record.isAnonymous || current?.isSharedMemory == true else { throw .badFileDescriptor }
    let shared = record.isAnonymous ? nil : current?.unnamed
    let named = name.map { MapObject(naming: $0, shared: shared) }
    defer { named?.release() }
    let object = named ?? shared
    if object?.word == current?.word { return }
    if let object, let current, object.isEqual(to: current) { return }
    do {
      try modify(record, start, end, at: place) { $0.object = object?.word ?? 0 }
    } catch {
      throw .resourceTemporarilyUnavailable
    }
  }

  /// Faults in pages that the process may access.
  ///
  /// - Source: `madvise_populate`.
  fileprivate mutating func populate(
    _ start: UInt64, _ end: UInt64, forWriting isWriting: Bool
  ) throws(Errno) {
    var position = start
    while position < end {
      guard let record = tree.firstRecord(endingAfter: position), record.start <= position else {
        throw .noMemory
      }
      guard record.flags.contains(isWriting ? .write : .read), !record.isSpecial else {
        throw .invalidArgument
      }
      let last = min(record.end, end)
      if isWriting && !record.flags.contains(.shared) { prepareAnonVMA(of: record) }
      guard record.hasPage(at: last - 1) else { throw .badAddress }
      position = last
    }
  }
}

extension Advice {
  /// - Source: `madvise_behavior_valid`.
  fileprivate var isKnown: Bool {
    switch self {
    case .normal, .random, .sequential, .willNeed, .dontNeed, .free, .dontFork, .doFork, .mergeable,
      .unmergeable, .hugePage, .noHugePage, .dontDump, .doDump, .wipeOnFork, .keepOnFork, .cold,
      .pageOut, .populateRead, .populateWrite, .dontNeedLocked:
      true
    default: false
    }
  }

  fileprivate func isAllowed(for record: Record) -> Bool {
    switch self {
    case .wipeOnFork: record.isAnonymous
    case .keepOnFork: !record.flags.contains(.droppable)
    case .doDump: !record.flags.contains(.droppable) && !record.isSpecial
    case .dontNeed, .cold, .pageOut: !record.flags.contains(.locked)
    case .free: !record.flags.contains(.locked) && record.isAnonymous
    default: true
    }
  }

  fileprivate func flags(for record: Record) -> VMAFlags {
    let flags = record.flags
    return switch self {
    case .normal: flags.subtracting([.randomRead, .sequentialRead])
    case .random: flags.subtracting(.sequentialRead).union(.randomRead)
    case .sequential: flags.subtracting(.randomRead).union(.sequentialRead)
    case .dontFork: flags.union(.dontCopy)
    case .doFork: flags.subtracting(.dontCopy)
    case .mergeable:
      flags.isDisjoint(with: [.shared, .mayShare, .droppable]) && !record.isSpecial
        ? flags.union(.mergeable) : flags
    case .unmergeable: flags.subtracting(.mergeable)
    case .hugePage: flags.subtracting(.noHugePage).union(.hugePage)
    case .noHugePage: flags.subtracting(.hugePage).union(.noHugePage)
    case .dontDump: flags.union(.dontDump)
    case .doDump: flags.subtracting(.dontDump)
    case .wipeOnFork: flags.union(.wipeOnFork)
    case .keepOnFork: flags.subtracting(.wipeOnFork)
    default: flags
    }
  }
}
