// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage
internal import VirtualMemory
internal import _SystemShims

extension ProcessMirror {
  /// Looks at what the source of changes has told, and makes the copy equal to the process there: a
  /// few system calls, where ``refresh()`` reads the whole text. A mirror that polls reads the
  /// text.
  ///
  /// It goes on until nothing new is told, at most eight times. After an overflow, another program,
  /// or more changes than make it worth while, the text is read.
  ///
  /// What the source doesn't tell of isn't seen: see ``MirrorSource``. Answers are confirmed
  /// (``MirrorAnswer/asOf``) by ``MirrorSource/systemCalls`` only, and while no system call is under
  /// way that may have changed the map already.
  ///
  /// - Throws: as ``refresh()``.
  /// - Threads: any, one after another.
  /// - Complexity: O(log n) and a system call for each VMA in and next to what has changed.
  @discardableResult
  public func refreshChanges() throws(Errno) -> MirrorRefresh {
    try reading.withLock { (reading) throws(Errno) in try refreshChanges(&reading) }
  }

  /// The same, with the surroundings of an address where the copy is known to be wrong.
  func refresh(around address: UInt64) throws(Errno) -> MirrorRefresh {
    try reading.withLock { (reading) throws(Errno) in
      reading.dirty.insert(address, length: 1)
      return try refreshChanges(&reading)
    }
  }

  /// The processes that the process has been seen to fork since the last call.
  func takeForkedProcesses() -> [Int32] {
    reading.withLock { reading in
      defer { reading.dirty.forkedProcesses = [] }
      return reading.dirty.forkedProcesses
    }
  }

  private func refreshChanges(_ reading: inout MirrorReading) throws(Errno) -> MirrorRefresh {
    if records == nil && reading.dirty.isEmpty || !reading.hasRead {
      return try refresh(&reading)
    }
    var result = MirrorRefresh(isChanged: false, state: state, readingCount: 0)
    if !isFollowed { return result }
    let generation = space.generation
    for _ in 0..<Self.maximumAttempts {
      let start = sysshims_now()
      records?.take(into: &reading.dirty)
      if reading.dirty.isEmpty {
        if records?.isComplete == true && state == .live { confirm(start) }
        result.state = state
        result.isChanged = space.generation != generation
        return result
      }
      let ranges = reading.dirty.ranges
      let isWhole = reading.dirty.isWhole
      reading.dirty.removeAll()
      let isCopied = isWhole ? false : try copy(ranges, &reading)
      if !isCopied {
        var refreshed = try refresh(&reading)
        refreshed.isChanged = space.generation != generation
        return refreshed
      }
      reading.history.note(space, at: start)
    }
    contend(sysshims_now())
    result.state = .contended
    result.isChanged = space.generation != generation
    return result
  }

  /// Makes the copy equal to the process in some ranges.
  ///
  /// - Returns: false where the whole text is less work, or the only way.
  private func copy(
    _ ranges: [Range<UInt64>], _ reading: inout MirrorReading
  ) throws(Errno) -> Bool {
    let file = file
    // A query costs a few times what a line of the text does.
    var queriesLeft = 16 + space.count / 4
    for range in ranges {
      guard let found = try mappings(around: range, file.maps, &queriesLeft, &reading.importer)
      else { return false }
      // No limit is set.
      try? space.replace(found.range, with: found.mappings)
    }
    return true
  }

  /// What the process has in `range`, and in what touches it there or in the copy: a change may
  /// have merged or cut that.
  ///
  /// - Returns: `nil` where queries can't answer, or more would be needed than are left.
  private func mappings(
    around range: Range<UInt64>, _ maps: borrowing KernelMaps, _ queriesLeft: inout Int,
    _ importer: inout MirrorImporter
  ) throws(Errno) -> (range: Range<UInt64>, mappings: [ImportedMapping])? {
    let taskSize = space.configuration.taskSize
    guard range.lowerBound < taskSize else { return (0..<0, []) }
    var (start, end) = (range.lowerBound, min(range.upperBound, taskSize))
    if start > 0, let before = space.lookup(start - 1) { start = before.start }
    if let after = space.lookup(end) { end = max(end, after.end) }
    if let last = space.lookup(end - 1) { end = max(end, last.end) }
    var mappings: [ImportedMapping] = []
    var position = start
    while position < end {
      guard queriesLeft > 0 else { return nil }
      queriesLeft -= 1
      let vma: VMA?
      do throws(Errno) {
        vma = try maps.query(position, matching: .coveringOrNext)
      } catch {
        // Before Linux 6.11; the process has gone, or its program has; a name that is too long.
        guard
          error == .inappropriateIOCTLForDevice || error == .noSuchProcess
            || error == .fileNameTooLong
        else { throw error }
        return nil
      }
      guard let vma, vma.start < end else { break }
      start = min(start, vma.start)
      end = max(end, min(vma.end, taskSize))
      mappings.append(importer.mapping(of: vma))
      position = vma.end
    }
    return (start..<end, mappings)
  }
}
