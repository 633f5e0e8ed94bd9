// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
public import SystemPackage
internal import VirtualMemory
internal import _SystemShims

/// What a refresh of a mirror found.
public struct MirrorRefresh: Sendable, Hashable {
  /// Whether the copy was changed.
  public var isChanged: Bool
  /// How the mirror is afterwards.
  public var state: MirrorState
  /// How often the text was read.
  public var readingCount: Int
}

/// The open file of a process's maps.
final class MirrorFile: Sendable {
  let maps: KernelMaps
  /// When the process was started; `nil` if that isn't known.
  let startTime: UInt64?

  init(_ maps: consuming KernelMaps, startTime: UInt64?) {
    self.maps = maps
    self.startTime = startTime
  }

  /// The file of the program that the process has begun since this one was opened; `nil` if the
  /// process has ended, or can't be found.
  func reopened() -> MirrorFile? {
    guard let folder = maps.folder, let status = ProcessStatus(folder), !status.isZombie,
      !status.isKernelThread, status.startTime == startTime,
      let maps = try? KernelMaps(folder: folder)
    else { return nil }
    // It may have ended, and its pid may be another's, before the file was opened.
    guard ProcessStatus(folder)?.startTime == startTime else { return nil }
    return MirrorFile(maps, startTime: startTime)
  }
}

/// What a mirror remembers of its readings.
struct MirrorReading {
  var history: MirrorHistory
  var importer = MirrorImporter()
  /// What the source of changes has told, and hasn't been looked at yet.
  var dirty = DirtyRanges()
  /// The last text, where the copy doesn't print as that: lines overlapped, or print otherwise.
  /// Else empty.
  var inexactText: [UInt8] = []
  var hasRead = false
}

extension ProcessMirror {
  /// Reads the process's map, and makes the copy equal to it, as one change.
  ///
  /// The text is read until it is what the copy prints, at most eight times. A process that is as
  /// it was costs one reading and a comparison of bytes; else only what differs is parsed and
  /// replaced. A program that the process has begun is followed, unless the mirror adopted its
  /// file.
  ///
  /// - Throws: what reading the file throws; `EBADMSG` if the text isn't one of maps. A process
  ///   that has exited is no error: see the result's state.
  /// - Threads: any, one after another; blocks while the kernel makes the text.
  /// - Complexity: O(bytes of the text), and O(log n) for each VMA that differs.
  @discardableResult
  public func refresh() throws(Errno) -> MirrorRefresh {
    try reading.withLock { (reading) throws(Errno) in try refresh(&reading) }
  }

  func refresh(_ reading: inout MirrorReading) throws(Errno) -> MirrorRefresh {
    var result = MirrorRefresh(isChanged: false, state: state, readingCount: 0)
    if !isFollowed { return result }
    let generation = space.generation
    let texts = MirrorTexts.take()
    defer { MirrorTexts.giveBack(texts) }
    // The readings show what has been told up to now.
    records?.take(into: &reading.dirty)
    reading.dirty.removeAll()
    var start: UInt64 = 0
    while result.readingCount < Self.maximumAttempts {
      start = sysshims_now()
      result.readingCount += 1
      let file = file
      do throws(Errno) {
        try file.maps.read(into: &texts.new)
      } catch {
        guard error == .noSuchProcess else { throw error }
        texts.new = []
      }
      if texts.new.isEmpty {
        guard let next = file.reopened() else {
          end(file)
          result.state = .exited
          return result
        }
        didReopen(next)
        continue
      }
      space.dump(into: &texts.printed)
      if reading.hasRead && (texts.areEqual || texts.new == reading.inexactText) {
        reading.history.note(space, at: start)
        confirm(start)
        result.state = .live
        result.isChanged = space.generation != generation
        return result
      }
      do throws(ProcMapsError) {
        try apply(texts, &reading)
      } catch {
        throw .badMessage
      }
    }
    contend(start)
    result.state = .contended
    result.isChanged = space.generation != generation
    return result
  }

  /// Makes the copy equal to `texts.new`, by one change.
  private func apply(
    _ texts: MirrorTexts, _ reading: inout MirrorReading
  ) throws(ProcMapsError) {
    let taskSize = space.configuration.taskSize
    let changed = try ChangedText(
      from: texts.printed.bytes, to: texts.new, taskSize: taskSize)
    var (mappings, overlap) = try reading.importer.mappings(
      of: texts.new, changed.lines, taskSize: taskSize)
    var range = changed.addresses
    if let first = mappings.first, first.start < range.lowerBound {
      overlap = true
      range = first.start..<range.upperBound
    }
    while let last = mappings.last, last.end > range.upperBound {
      // What follows in the text is younger.
      overlap = true
      mappings.removeLast()
      if last.start < range.upperBound {
        var rest = last
        rest.end = range.upperBound
        mappings.append(rest)
      }
    }
    if !reading.hasRead {
      var layout = ImportedLayout()
      layout.gateProtection = try Self.gate(of: texts.new, above: taskSize)
      space.replaceAll(with: mappings, layout: layout)
      reading.importer.didReadAll()
      reading.hasRead = true
    } else {
      // No limit is set.
      try? space.replace(range, with: mappings)
    }
    space.dump(into: &texts.printed)
    // A text whose lines overlap is no state that can be confirmed.
    reading.inexactText = overlap || texts.areEqual ? [] : texts.new
  }

  /// The access of `[vsyscall]`, the last line, which is above all others; `nil` if there is none.
  private static func gate(
    of text: [UInt8], above taskSize: UInt64
  ) throws(ProcMapsError) -> Protection? {
    let newline = UInt8(ascii: "\n")
    let start = text.dropLast().lastIndex(of: newline).map { $0 + 1 } ?? 0
    var cursor = ProcMapsCursor(text: text)
    cursor.index = start
    let line = try cursor.parseLine(after: nil)
    return line.start >= taskSize ? line.protection : nil
  }

  /// The process has gone, or its file has.
  private func end(_ file: MirrorFile) {
    setState(.exited)
    let isReplaced = (try? file.maps.state()) == .replaced
    space.endUpdates(isReplaced ? .replaced : .exited)
    loop.withLock { $0 }?.wake()
  }
}

/// The texts of one refresh, in memory that the next one uses again: a mirror of this process would
/// else see what its own refreshes allocate.
final class MirrorTexts: @unchecked Sendable {
  // Sendable: used by one refresh at a time (`take`, `giveBack`).
  /// What the kernel says.
  var new: [UInt8] = []
  /// What the copy prints.
  var printed = MapsBuffer()

  private static let free = Guarded<[MirrorTexts]>([])
  private static let maximumFreeCount = 4

  static func take() -> MirrorTexts {
    free.withLock { $0.popLast() } ?? MirrorTexts()
  }

  static func giveBack(_ texts: MirrorTexts) {
    free.withLock { if $0.count < maximumFreeCount { $0.append(texts) } }
  }

  /// Whether the copy prints as the kernel says.
  var areEqual: Bool { Self.areEqual(new, printed) }

  private static func areEqual(_ new: [UInt8], _ printed: borrowing MapsBuffer) -> Bool {
    guard new.count == printed.count else { return false }
    let printed = printed.bytes
    return unsafe new.withUnsafeBytes { new in
      unsafe printed.withUnsafeBytes { printed in
        unsafe memcmp(new.baseAddress!, printed.baseAddress!, new.count) == 0
      }
    }
  }
}
