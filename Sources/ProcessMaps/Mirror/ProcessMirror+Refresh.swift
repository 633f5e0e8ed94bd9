// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
public import SystemPackage
internal import VirtualMemory
internal import _SystemShims

/// The result of refreshing a mirror.
public struct MirrorRefresh: Sendable, Hashable {
  /// Whether the refresh changed the copy.
  public var isChanged: Bool
  /// The state of the mirror after the refresh.
  public var state: MirrorState
  /// How many times the whole text was read.
  public var readingCount: Int
}

/// The open maps file of a process.
final class MirrorFile: Sendable {
  let maps: KernelMaps
  /// When the process was started, in clock ticks since the system was booted; `nil` if that isn't
  /// known.
  let startTime: UInt64?

  init(_ maps: consuming KernelMaps, startTime: UInt64?) {
    self.maps = maps
    self.startTime = startTime
  }

  /// Opens the maps of the program that the process has started since this file was opened. Returns
  /// `nil` if the process has ended or can't be found.
  ///
  /// - Throws: errors that may not last: `EMFILE` and the like.
  func reopened() throws(Errno) -> MirrorFile? {
    guard let folder = maps.folder, let status = try ProcessStatus.read(folder), !status.isZombie,
      !status.isKernelThread, status.startTime == startTime
    else { return nil }
    let maps: KernelMaps
    do throws(Errno) {
      maps = try KernelMaps(folder: folder)
    } catch {
      if ProcessFolder.isLasting(error) { return nil }
      throw error
    }
    // The process may have ended before the file was opened, and its pid may have been reused.
    guard try ProcessStatus.read(folder)?.startTime == startTime else { return nil }
    return MirrorFile(maps, startTime: startTime)
  }
}

/// The state that a mirror keeps from one reading to the next.
struct MirrorReading {
  var history: MirrorHistory
  var importer = MirrorImporter()
  /// The changes that the source has reported and that haven't been processed yet.
  var dirty = DirtyRanges()
  /// The last text, if the copy doesn't print exactly as that text, although its lines don't
  /// overlap. Otherwise empty.
  var inexactText: [UInt8] = []
  /// Whether the copy has been read at least once.
  var hasRead = false
  /// The access of `[vsyscall]` in the copy.
  var gate: Protection?
  /// Whether the end of the source's records has been noticed.
  var hasSourceEnded = false
  /// What has happened, of which the observer will be told.
  var events: [MirrorEvent.Kind] = []
}

extension ProcessMirror {
  /// Reads the process's map and makes the copy equal to it, in one change.
  ///
  /// The text is read until it is equal to what the copy prints, at most eight times. If the map
  /// hasn't changed, this costs one reading and a comparison of bytes. Otherwise, only what differs
  /// is parsed and replaced. If the process has started another program, the mirror follows that,
  /// unless it adopted its file.
  ///
  /// - Throws: the errors of reading the file, and of opening that of another program; `EBADMSG` if
  ///   the text isn't a maps text. It isn't an error if the process has exited: see the result's
  ///   state.
  /// - Threads: any; calls run one after another, and block while the kernel produces the text.
  /// - Complexity: O(bytes of the text), plus O(log n) for each VMA that differs.
  @discardableResult
  public func refresh() throws(Errno) -> MirrorRefresh {
    try withReading { (reading) throws(Errno) in try refresh(&reading) }
  }

  func refresh(_ reading: inout MirrorReading) throws(Errno) -> MirrorRefresh {
    do throws(Errno) {
      return try readText(&reading)
    } catch {
      // What has been told isn't in the copy.
      reading.dirty.insertAll()
      throw error
    }
  }

  private func readText(_ reading: inout MirrorReading) throws(Errno) -> MirrorRefresh {
    var result = MirrorRefresh(isChanged: false, state: state, readingCount: 0)
    if !isFollowed { return result }
    let generation = space.generation
    let texts = MirrorTexts.take()
    defer { MirrorTexts.giveBack(texts) }
    // The readings below cover all changes reported so far.
    takeRecords(&reading)
    noteSourceEnd(&reading)
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
        guard let next = try file.reopened() else {
          end(file, &reading)
          result.state = .exited
          return result
        }
        didReopen(next)
        if reading.hasRead { reading.events.append(.programStarted) }
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
    if state != .contended { reading.events.append(.contended) }
    contend(start)
    result.state = .contended
    result.isChanged = space.generation != generation
    return result
  }

  private func noteSourceEnd(_ reading: inout MirrorReading) {
    guard let records, !reading.hasSourceEnded, !records.isAlive else { return }
    reading.hasSourceEnded = true
    reading.events.append(.sourceEnded(records.source))
  }

  /// Makes the copy equal to `texts.new`, in one change.
  private func apply(
    _ texts: MirrorTexts, _ reading: inout MirrorReading
  ) throws(ProcMapsError) {
    let taskSize = space.configuration.taskSize
    let changed = try ChangedText(
      from: texts.printed.bytes, to: texts.new, taskSize: taskSize)
    // A 32-bit program has no `[vsyscall]`.
    let gate = try Self.gate(of: texts.new, above: taskSize)
    let isAnew = !reading.hasRead || gate != reading.gate
    var (mappings, overlap) = try reading.importer.mappings(
      of: texts.new, isAnew ? 0..<texts.new.count : changed.lines, taskSize: taskSize)
    var range = isAnew ? 0..<taskSize : changed.addresses
    if let first = mappings.first, first.start < range.lowerBound {
      overlap = true
      range = first.start..<range.upperBound
    }
    while let last = mappings.last, last.end > range.upperBound {
      // The lines that follow in the text are newer.
      overlap = true
      mappings.removeLast()
      if last.start < range.upperBound {
        var rest = last
        rest.end = range.upperBound
        mappings.append(rest)
      }
    }
    if isAnew {
      var layout = ImportedLayout()
      layout.gateProtection = gate
      space.replaceAll(with: mappings, layout: layout)
      reading.importer.didReadAll()
      reading.hasRead = true
      reading.gate = gate
    } else {
      // This can't fail, since the copy has no limit on VMAs.
      try? space.replace(range, with: mappings)
    }
    space.dump(into: &texts.printed)
    // A text whose lines overlap isn't a state that could be confirmed.
    reading.inexactText = overlap || texts.areEqual ? [] : texts.new
  }

  /// The access of `[vsyscall]`, which is the last line, above all others; `nil` if there is no
  /// such line.
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

  /// Ends the mirror, since its process has ended or its file is no longer of use.
  private func end(_ file: MirrorFile, _ reading: inout MirrorReading) {
    setState(.exited)
    let isReplaced = (try? file.maps.state()) == .replaced
    let end = isReplaced ? MapsUpdate.End.replaced : .exited
    space.endUpdates(end)
    reading.events.append(.ended(end))
    loop.withLock { $0 }?.wake()
  }
}

/// The texts of one refresh. Later refreshes reuse their memory: otherwise, a mirror of its own
/// process would see the allocations of its refreshes.
final class MirrorTexts: @unchecked Sendable {
  // Sendable: only one refresh at a time uses it, from `take` to `giveBack`.
  /// The text from the kernel.
  var new: [UInt8] = []
  /// The text that the copy prints.
  var printed = MapsBuffer()

  private static let free = Guarded<[MirrorTexts]>([])
  private static let maximumFreeCount = 4

  static func take() -> MirrorTexts {
    free.withLock { $0.popLast() } ?? MirrorTexts()
  }

  static func giveBack(_ texts: MirrorTexts) {
    free.withLock { if $0.count < maximumFreeCount { $0.append(texts) } }
  }

  /// Whether both texts are equal.
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
