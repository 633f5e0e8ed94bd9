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

/// A version that a mirror had, and when.
struct KeptVersion {
  let snapshot: MapsSnapshot
  /// When the first and the last reading began that confirmed it.
  let firstSeen: UInt64
  var lastSeen: UInt64
}

/// The versions that a mirror had.
struct MirrorHistory {
  let limits: MirrorHistoryLimits
  private var versions: [KeptVersion] = []

  init(_ limits: MirrorHistoryLimits) { self.limits = limits }

  /// Notes that the current version of `space` was confirmed by a reading that began at `time`.
  mutating func note(_ space: AddressSpace, at time: UInt64) {
    guard limits.maximumVersionCount > 0 else { return }
    if let last = versions.last, last.snapshot.generation == space.generation {
      versions[versions.count - 1].lastSeen = time
    } else {
      versions.append(
        KeptVersion(snapshot: space.snapshot(), firstSeen: time, lastSeen: time))
    }
    let age = UInt64(max(0, limits.maximumAge / .nanoseconds(1)))
    while versions.count > 1,
      versions.count > limits.maximumVersionCount + 1
        || versions[1].firstSeen < time - min(time, age)
        || space.snapshotStatistics.heldBytes > limits.maximumBytes
    {
      versions.removeFirst()
    }
  }

  /// The last version that was confirmed at `time` or before.
  func version(at time: UInt64) -> KeptVersion? { versions.last { $0.firstSeen <= time } }
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

  /// The file of the program that the process has begun since this one was opened; `nil` if the process has ended, or
  /// can't be found.
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
  /// The text that the copy was made of; empty if the copy isn't exactly of one.
  var text: [UInt8] = []
  /// For the next text.
  var spare: [UInt8] = []
  var hasRead = false
  var isDetached = false
}

extension ProcessMirror {
  /// Reads the process's map, and makes the copy equal to it, as one change.
  ///
  /// The text is read until two readings in a row are equal, at most eight times. A process that is as it was costs one
  /// reading and a comparison of bytes; else only what differs is parsed and replaced. A program that the process has
  /// begun is followed, unless the mirror adopted its file.
  ///
  /// - Throws: what reading the file throws; `EBADMSG` if the text isn't one of maps. A process that has exited is no
  ///   error: see the result's state.
  /// - Threads: any, one after another; blocks while the kernel makes the text.
  /// - Complexity: O(bytes of the text), and O(log n) for each VMA that differs.
  @discardableResult
  public func refresh() throws(Errno) -> MirrorRefresh {
    try reading.withLock { (reading) throws(Errno) in try refresh(&reading) }
  }

  private func refresh(_ reading: inout MirrorReading) throws(Errno) -> MirrorRefresh {
    var result = MirrorRefresh(isChanged: false, state: state, readingCount: 0)
    if reading.isDetached || state == .exited { return result }
    let generation = space.generation
    var start: UInt64 = 0
    while result.readingCount < Self.maximumAttempts {
      start = sysshims_now()
      result.readingCount += 1
      let file = file.withLock { $0 }
      do throws(Errno) {
        try file.maps.read(into: &reading.spare)
      } catch {
        guard error == .noSuchProcess else { throw error }
        reading.spare = []
      }
      if reading.spare.isEmpty {
        guard let next = file.reopened() else {
          end(file)
          result.state = .exited
          return result
        }
        self.file.withLock { $0 = next }
      } else if reading.hasRead && Self.isEqual(reading.text, reading.spare) {
        reading.history.note(space, at: start)
        confirm(start)
        result.state = .live
        result.isChanged = space.generation != generation
        return result
      } else {
        do throws(ProcMapsError) {
          try apply(&reading)
        } catch {
          throw .badMessage
        }
      }
    }
    contend(start)
    result.state = .contended
    result.isChanged = space.generation != generation
    return result
  }

  /// Makes the copy equal to `reading.spare`, by one change.
  private func apply(_ reading: inout MirrorReading) throws(ProcMapsError) {
    let taskSize = space.configuration.taskSize
    let changed = try ChangedText(from: reading.text, to: reading.spare, taskSize: taskSize)
    var (mappings, overlap) = try reading.importer.mappings(
      of: reading.spare, changed.lines, taskSize: taskSize)
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
      layout.gateProtection = try Self.gate(of: reading.spare, above: taskSize)
      space.replaceAll(with: mappings, layout: layout)
      reading.importer.didReadAll()
      reading.hasRead = true
    } else {
      // No limit is set.
      try? space.replace(range, with: mappings)
    }
    swap(&reading.text, &reading.spare)
    // The copy isn't quite what the text says: the next one is compared with nothing.
    if overlap { reading.text.removeAll(keepingCapacity: true) }
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
    polling.wake()
  }

  private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe left.withUnsafeBytes { left in
      unsafe right.withUnsafeBytes { right in
        unsafe left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
      }
    }
  }
}
