// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ProcessMaps
public import VirtualMemory

/// Makes the calls of a ``StraceTrace`` again, each on the `AddressSpace` of its process, and
/// compares what they return with what the kernel returned.
///
/// ```swift
/// let replay = try StraceReplay(recording)
/// while let step = try replay.next() { print(step.call.text, step.outcome) }
/// print(replay.comparisons.allSatisfy(\.isEqual))
/// ```
///
/// A trace doesn't tell everything that a map depends on. Taken from elsewhere are:
/// - the map after each `execve`, which the kernel makes: a ``StraceMap``; the start of the heap is
///   what the program's first `brk` returns;
/// - devices, inodes and file systems of files: ``StraceFiles``;
/// - page faults: ``Faults``; if they are not known, the stack of a ``StraceComparison`` starts
///   where the kernel says.
///
/// Where the kernel's result differs, the replay goes on with the kernel's.
///
/// - Threads: one at a time.
public final class StraceReplay {
  /// What is known of page faults, which no trace shows, or assumed.
  public enum Faults: Sendable, Hashable {
    /// Each is a write to private memory, or makes the stack grow.
    case recorded([StraceFault])
    /// All private writable memory is written to before its process makes its next call.
    case everywhere
    /// Nothing is ever written to.
    case none
  }

  let trace: StraceTrace
  /// Those that have not happened yet, the next one last; `nil` if they are not known.
  var faults: [StraceFault]?
  let writesEverywhere: Bool
  /// Those of threads that are in `execve`: the old program's, or the new one's.
  var heldFaults: [Int32: [StraceFault]] = [:]
  let files: StraceFiles
  let hasProtectionKeys: Bool
  var maps: [StraceMap]
  var threads: [Int32: StraceThread] = [:]
  /// How many events have been looked at.
  var position = 0
  /// Where calls began that didn't end on the same line, by index.
  var beginnings: [Int: Int] = [:]
  /// What became of calls that were made before the line of their result.
  var early: [Int: StraceStep.Outcome] = [:]
  /// Calls that started a thread that has been seen.
  var startedThreads: Set<Int> = []
  /// `exit_group`s that were reported when they began.
  var reportedEnds: Set<Int> = []

  public internal(set) var statistics = StraceStatistics()
  /// The maps of processes at their ends, as far as the kernel's are known.
  public internal(set) var comparisons: [StraceComparison] = []

  /// - Parameters:
  ///   - trace: the calls.
  ///   - maps: the kernel's maps that are known. A process without a map for its start is passed
  ///     over until it has one.
  ///   - files: what is known of files; by default what the maps and the file system say.
  ///   - faults: what is assumed of page faults.
  ///   - hasProtectionKeys: whether the machine had them.
  public init(
    _ trace: StraceTrace, maps: [StraceMap], files: StraceFiles? = nil,
    faults: Faults = .everywhere, hasProtectionKeys: Bool = false
  ) throws(StraceError) {
    self.trace = trace
    self.hasProtectionKeys = hasProtectionKeys
    self.maps = maps
    self.files = files ?? StraceFiles(namedIn: maps)
    switch faults {
    case .recorded(let faults):
      self.faults = faults.sorted { $0.time > $1.time }
      writesEverywhere = false
    case .everywhere: writesEverywhere = true
    case .none: writesEverywhere = false
    }
    try attach()
  }

  /// - Parameters:
  ///   - recording: the calls, the maps, and the page faults if they are known.
  ///   - faults: what is assumed of page faults otherwise.
  public convenience init(
    _ recording: StraceRecording, assuming faults: Faults = .everywhere
  ) throws(StraceError) {
    try self.init(
      StraceTrace(parsing: recording.trace), maps: recording.maps,
      faults: recording.faults.map { .recorded($0) } ?? faults,
      hasProtectionKeys: recording.hasProtectionKeys)
  }

  /// A trace that starts in the middle of a program has a map for that moment.
  private func attach() throws(StraceError) {
    guard let first = trace.calls.first else { return }
    let isExecuted = trace.calls.contains { $0.threadID == first.threadID && $0.isNewProgram }
    if !isExecuted, let memory = try loadMap(of: first, at: -1, program: "") {
      threads[first.threadID] = StraceThread(processID: first.threadID, memory: memory)
    }
  }

  /// Makes the next call.
  ///
  /// - Returns: what came of it; `nil` at the end of the trace.
  /// - Throws: ``StraceError`` for a map that is none.
  public func next() throws(StraceError) -> StraceStep? {
    while position < trace.events.count {
      let event = trace.events[position]
      position += 1
      switch event {
      case .began(let index):
        if let step = begin(index) { return step }
      case .ended(let index):
        if let step = try end(index) { return step }
      case .threadEnded(let threadID):
        threads[threadID] = nil
      }
    }
    return nil
  }

  /// Makes all calls.
  public func run() throws(StraceError) {
    while try next() != nil {}
  }
}

/// A call that was made again.
public struct StraceStep: Sendable {
  /// How the replay's result compares to the kernel's.
  public enum Outcome: Sendable, Hashable {
    /// They are the same.
    case agrees
    /// They differ, but calls of other threads were made at the same time: in which order, the
    /// trace doesn't tell.
    case ambiguous(StraceResult)
    /// They differ.
    case disagrees(StraceResult)
    /// The call can't be replayed.
    case unsupported
    /// The process's map is not known.
    case unknownMap
    /// There is nothing to compare: a process or a program starts or ends.
    case notCompared
  }

  public var call: StraceCall
  public var outcome: Outcome
  /// The address space of the thread after the call, if its map is known.
  public var space: AddressSpace?
}

/// Counts of calls by what came of them.
public struct StraceStatistics: Sendable, Equatable {
  /// Calls that were made again.
  public internal(set) var replayedCount = 0
  /// Of those, the ones that returned what the kernel returned.
  public internal(set) var agreeingCount = 0
  /// Of those, the ones whose result differs, while calls of other threads were being made.
  public internal(set) var ambiguousCount = 0
  /// Of those, the ones whose result differs.
  public internal(set) var disagreeingCount = 0
  /// Calls that can't be replayed.
  public internal(set) var unsupportedCount = 0
  /// Calls of processes whose map is not known.
  public internal(set) var unknownMapCount = 0

  mutating func count(_ outcome: StraceStep.Outcome) {
    switch outcome {
    case .agrees: agreeingCount += 1
    case .ambiguous: ambiguousCount += 1
    case .disagrees: disagreeingCount += 1
    case .unsupported: unsupportedCount += 1
    case .unknownMap: unknownMapCount += 1
    case .notCompared: break
    }
    replayedCount = agreeingCount + ambiguousCount + disagreeingCount
  }
}
