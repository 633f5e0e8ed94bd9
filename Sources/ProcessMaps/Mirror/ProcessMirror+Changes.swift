// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage
internal import VirtualMemory
internal import _SystemShims

extension ProcessMirror {
  /// Brings the copy up to date where the source of changes has reported a change. This takes a few
  /// system calls, whereas ``refresh()`` reads the whole text. If the mirror polls, this is the
  /// same as ``refresh()``.
  ///
  /// It repeats until the source reports nothing new, at most eight times. It reads the text
  /// instead if a ring overflowed, if the process started another program, or if there are too many
  /// changes to query one by one.
  ///
  /// Changes that the source doesn't report aren't seen; see ``MirrorSource``. Only
  /// ``MirrorSource/systemCalls`` confirms answers (``MirrorAnswer/asOf``), and only while no
  /// system call is in progress that may have changed the map already.
  ///
  /// - Throws: the errors of ``refresh()``.
  /// - Threads: any; calls run one after another.
  /// - Complexity: O(log n) and a system call for each VMA in and next to the changed ranges.
  @discardableResult
  public func refreshChanges() throws(Errno) -> MirrorRefresh {
    try withReading { (reading) throws(Errno) in try refreshChanges(&reading) }
  }

  /// Like ``refreshChanges()``, and also refreshes the surroundings of an address for which the
  /// copy is known to be wrong.
  func refresh(around address: UInt64) throws(Errno) -> MirrorRefresh {
    try withReading { (reading) throws(Errno) in
      reading.dirty.insert(address, length: 1)
      return try refreshChanges(&reading)
    }
  }

  /// The processes that the source has reported as forked by the process since the last call.
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
      takeRecords(&reading)
      if reading.dirty.isEmpty {
        if records?.isComplete == true && state == .live { confirm(start) }
        result.state = state
        result.isChanged = space.generation != generation
        return result
      }
      let ranges = reading.dirty.ranges
      let isWhole = reading.dirty.isWhole
      reading.dirty.removeAll()
      let isCopied: Bool
      do throws(Errno) {
        isCopied = isWhole ? false : try copy(ranges, &reading)
      } catch {
        reading.dirty.insertAll()
        throw error
      }
      if !isCopied {
        var refreshed = try refresh(&reading)
        refreshed.isChanged = space.generation != generation
        return refreshed
      }
      reading.history.note(space, at: start)
    }
    // The rest of the copy hasn't been confirmed.
    if state != .contended { reading.events.append(.contended) }
    setState(.contended)
    result.state = .contended
    result.isChanged = space.generation != generation
    return result
  }

  /// Brings some ranges of the copy up to date by queries.
  ///
  /// - Returns: false if reading the whole text takes less work, or is the only way.
  private func copy(
    _ ranges: [Range<UInt64>], _ reading: inout MirrorReading
  ) throws(Errno) -> Bool {
    let file = file
    // A query costs a few times as much as a line of the text.
    var queriesLeft = 16 + space.count / 4
    for range in ranges {
      guard let found = try mappings(around: range, file.maps, &queriesLeft, &reading.importer)
      else { return false }
      // This can't fail, since the copy has no limit on VMAs.
      try? space.replace(found.range, with: found.mappings)
      // Of the copy that there was.
      reading.inexactText = []
    }
    return true
  }

  /// The mappings that the process has in `range` and next to it, and the range that they fill.
  /// Adjacent mappings are included, those of the process and those of the copy, since the change
  /// may have merged or cut them.
  ///
  /// - Returns: `nil` if queries can't answer, or if more would be needed than are left.
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
        // Linux before 6.11; the process, or the program of this file, has ended; or a name is too
        // long.
        guard
          error == .inappropriateIOCTLForDevice || error == .noSuchProcess
            || error == .fileNameTooLong
        else { throw error }
        return nil
      }
      guard let vma, vma.start < end else { break }
      // Between two queries the process has merged what the first one found with what follows.
      if let last = mappings.last, vma.start < last.end { return nil }
      start = min(start, vma.start)
      end = max(end, min(vma.end, taskSize))
      mappings.append(importer.mapping(of: vma))
      position = vma.end
    }
    return (start..<end, mappings)
  }
}
