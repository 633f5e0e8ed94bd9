// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
internal import Synchronization
public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// A copy of a live process's map that is kept up to date, and says how old it is.
///
/// ```swift
/// let mirror = try ProcessMirror(pid: 1234)
/// async let work: Void = mirror.run()             // until it is cancelled, or the process exits
///
/// let answer = mirror.lookup(address)             // nanoseconds, from any thread
/// print(answer.vma, answer.freshness)             // … unverified for 0.3 seconds
/// let sure = try mirror.verifiedLookup(address)   // one system call; refreshes what differs
/// ```
///
/// A mirror reads the process's text when it is told to (``refresh()``, ``run()``), and applies
/// what differs from the text before as one change of ``space``: one new generation. Everything
/// that reads an ``/VirtualMemory/AddressSpace`` reads a mirror: dumps, queries, readers,
/// snapshots, differences.
///
/// What an answer is worth. The kernel makes a text in chunks while the process runs, so a mirror
/// reads it until two readings in a row are equal. Each mapping was there, as it is shown, at some
/// instant since ``MirrorAnswer/asOf``. What the process has changed since then isn't seen before
/// the next reading: ``MirrorAnswer/freshness`` says for how long that may be. If the process
/// changes faster than it can be read, answers say ``MirrorFreshness/contended``.
///
/// - Threads: any, for everything. ``lookup(_:)`` may be called in signal handlers, on threads that
///   have looked something up before or have called ``prepareThread()``.
public final class ProcessMirror: Sendable {
  /// The copy. Change it by refreshing the mirror only.
  public let space: AddressSpace
  /// The process that was attached to; `nil` for an adopted file.
  public let pid: Int32?
  /// When the last reading began that confirmed the copy, in nanoseconds of the monotonic clock.
  /// Stored after the version that it is about is published, and loaded before a version is: an
  /// answer may be younger than it says, and is never older.
  private let asOfNanoseconds = Atomic<UInt64>(0)
  private let stateValue = Atomic<UInt8>(MirrorState.live.rawValue)
  let reading: Guarded<MirrorReading>
  /// The file that the mirror was attached by. Apart from `reading`, so that a query doesn't wait
  /// for one.
  private let firstFile: MirrorFile
  /// The file of the program that the process has begun since; `nil` if there is none.
  private let laterFile = Guarded<MirrorFile?>(nil)
  /// Whether `laterFile` has one: most processes never do, and look-ups then take no lock. Stored
  /// after the file, releasing; pairs with the acquire in `file`.
  private let hasLaterFile = Atomic(false)
  /// How the process is followed.
  public let configuration: MirrorConfiguration
  /// What tells of changes while the mirror is run.
  public var source: MirrorSource { records?.source ?? .polling }
  /// The sources that would be better, and why they can't be used: no right, no tracefs, too many
  /// threads…
  public let unavailableSources: [UnavailableSource]
  /// Where changes are told of; `nil` for polling.
  let records: (any ChangeRecords)?
  /// The loop that runs the mirror, if one does.
  let loop = Guarded<MirrorLoop?>(nil)
  /// Set by ``noteChange()``, cleared by the loop before it reads.
  let isNoted = Atomic(false)

  /// Attaches to a process and reads its map.
  ///
  /// - Parameters:
  ///   - pid: the process.
  ///   - configuration: how it is followed.
  /// - Throws: `ENOENT` or `ESRCH` if there is no such process, or it has no address space (a
  ///   zombie, a thread of the kernel); `EACCES` if it may not be read; `EBADMSG` if its text isn't
  ///   one of maps.
  /// - Complexity: as ``refresh()``'s.
  public convenience init(
    pid: Int32, configuration: MirrorConfiguration = MirrorConfiguration()
  ) throws(Errno) {
    let maps = try KernelMaps(pid: pid, root: configuration.root)
    guard let folder = maps.folder, let status = ProcessStatus(folder) else {
      throw .noSuchProcess
    }
    let file = MirrorFile(maps, startTime: status.startTime)
    try self.init(file, configuration, pid: pid, folder: folder)
  }

  /// Attaches to the process whose `/proc/PID/maps` an open file is, as another process may send
  /// its own: no right over that process is needed, and no pid, which another process may have
  /// later. It is polled.
  ///
  /// - Parameters:
  ///   - descriptor: the open file, which the mirror takes over.
  ///   - configuration: how it is followed.
  /// - Throws: `EBADF` if the file isn't open; `EINVAL` if it isn't one of maps; `ESRCH` if the
  ///   process has gone.
  public convenience init(
    adopting descriptor: FileDescriptor,
    configuration: MirrorConfiguration = MirrorConfiguration()
  ) throws(Errno) {
    try self.init(
      MirrorFile(KernelMaps(adopting: descriptor), startTime: nil), configuration, pid: nil,
      folder: nil)
  }

  /// A mirror of the calling process.
  ///
  /// - Throws: as ``init(pid:configuration:)``.
  public static func ofSelf(
    configuration: MirrorConfiguration = MirrorConfiguration()
  ) throws(Errno) -> ProcessMirror {
    try ProcessMirror(pid: getpid(), configuration: configuration)
  }

  private init(
    _ file: MirrorFile, _ configuration: MirrorConfiguration, pid: Int32?, folder: FilePath?
  ) throws(Errno) {
    var space = AddressSpaceConfiguration()
    // The most that x86-64 has, with five levels of page tables; and the kernel counts, not the
    // copy.
    space.taskSize = 0xff_ffff_ffff_f000
    space.maximumMapCount = .max
    self.space = AddressSpace(configuration: space)
    self.pid = pid
    self.configuration = configuration
    firstFile = file
    // Before the first reading: what it doesn't show is told.
    (records, unavailableSources) = Self.openSource(configuration, pid: pid, folder: folder)
    reading = Guarded(MirrorReading(history: MirrorHistory(configuration.history)))
    if try refresh().state == .exited { throw .noSuchProcess }
  }

  /// The first of the sources that works; `nil` for polling.
  private static func openSource(
    _ configuration: MirrorConfiguration, pid: Int32?, folder: FilePath?
  ) -> ((any ChangeRecords)?, [UnavailableSource]) {
    var unavailable: [UnavailableSource] = []
    for source in configuration.sources {
      guard source != .polling else { break }
      func note(_ reason: String) {
        unavailable.append(UnavailableSource(source: source, reason: reason))
      }
      guard let pid, let folder else {
        note("of an adopted file the process isn't known")
        continue
      }
      guard configuration.root == "/proc" else {
        note("under \(configuration.root) processes may have other numbers")
        continue
      }
      var tracepoints: SystemCallTracepoints?
      if source == .systemCalls {
        tracepoints = configuration.perf.tracepoints ?? SystemCallTracepoints(tracefs: nil)
        if tracepoints == nil || tracepoints == SystemCallTracepoints() {
          note(
            "the numbers of the tracepoints aren't known: tracefs isn't mounted or can't be read")
          continue
        }
      }
      do throws(PerfSource.SourceError) {
        return (
          try PerfSource(
            pid: pid, folder: folder, tracepoints: tracepoints, configuration.perf), unavailable
        )
      } catch {
        note(error.reason)
      }
    }
    return (nil, unavailable)
  }

  // MARK: Looking up

  /// Makes the calling thread ready to look addresses up in a signal handler.
  public static func prepareThread() { RCU.withReadSection { _ in } }

  /// The VMA at `address`, as the copy has it.
  ///
  /// - Threads: any; in signal handlers, see ``ProcessMirror``. No lock, no allocation, no system
  ///   call.
  /// - Complexity: O(log n), nanoseconds.
  public func lookup(_ address: UInt64) -> MirrorAnswer {
    // Acquiring: pairs with the release in `confirm`. The version that is loaded next is the
    // confirmed one, or later.
    let asOf = asOfNanoseconds.load(ordering: .acquiring)
    let state = MirrorState(rawValue: stateValue.load(ordering: .acquiring))
    return MirrorAnswer(
      vma: space.lookup(address), asOfNanoseconds: asOf, state: state ?? .live, isVerified: false)
  }

  /// The VMA at `address`, compared with the kernel's answer of now: if they differ, the mirror is
  /// refreshed first.
  ///
  /// - Throws: `ENOTTY` before Linux 6.11; what ``refresh()`` throws. If the process has exited, no
  ///   error: the answer says so.
  /// - Threads: any, but not signal handlers.
  /// - Complexity: one system call where the copy is right.
  public func verifiedLookup(_ address: UInt64) throws(Errno) -> MirrorAnswer {
    for _ in 0..<Self.maximumAttempts {
      let start = sysshims_now()
      let known = space.lookup(address)
      var query = ProcMapQuery()
      query.queryAddress = address
      let error = file.maps.ask(&query)
      switch error {
      case nil, Errno.noSuchFileOrDirectory?:
        if Self.isSame(known, error == nil ? query : nil) {
          return MirrorAnswer(
            vma: known, asOfNanoseconds: start, state: .live, isVerified: true)
        }
      case Errno.noSuchProcess?:
        break
      case let error?:
        throw error
      }
      let outcome = try refresh(around: address)
      if outcome.state == .exited || outcome.state == .detached { return lookup(address) }
    }
    var answer = lookup(address)
    answer.state = .contended
    return answer
  }

  private static func isSame(_ known: QueryResult?, _ found: ProcMapQuery?) -> Bool {
    guard let known, let found else { return known == nil && found == nil }
    return known.start == found.vmaStart && known.end == found.vmaEnd
      && known.flags.rawValue == found.vmaFlags && known.inode == found.inode
      && (known.inode == 0 || known.offset == found.vmaOffset)
  }

  /// The VMA that was at `address` at an earlier time, from the versions that are kept: for samples
  /// that are looked at late, and libraries that have been unloaded.
  ///
  /// - Parameters:
  ///   - address: any address.
  ///   - time: of the monotonic clock, such as an earlier ``MirrorAnswer/asOf``.
  /// - Returns: an answer whose ``MirrorAnswer/asOf`` is the last time at or before `time` at which
  ///   the version was confirmed; `nil` if nothing so old is kept.
  /// - Threads: any, but not signal handlers: it takes a lock.
  /// - Complexity: O(kept versions + log n).
  public func lookup(_ address: UInt64, at time: Duration) -> MirrorAnswer? {
    let nanoseconds = UInt64(max(0, time / .nanoseconds(1)))
    return reading.withLock { reading in
      guard let kept = reading.history.version(at: nanoseconds) else { return nil }
      return MirrorAnswer(
        vma: kept.snapshot.lookup(address), asOfNanoseconds: min(kept.lastSeen, nanoseconds),
        state: .live, isVerified: kept.lastSeen >= nanoseconds)
    }
  }

  /// Whether the copy is followed up: see ``MirrorState``.
  public var state: MirrorState {
    MirrorState(rawValue: stateValue.load(ordering: .acquiring)) ?? .live
  }

  /// How fresh an answer of ``lookup(_:)`` is now.
  public var freshness: MirrorFreshness { lookup(0).freshness }

  /// The time of the last confirmed reading, of the monotonic clock.
  public var asOf: Duration { .nanoseconds(Int64(asOfNanoseconds.load(ordering: .acquiring))) }

  /// The changes as they are seen: first the state, then differences; at last why there are no
  /// more.
  ///
  /// - Parameters: as ``/VirtualMemory/AddressSpace/updates(since:atMostEvery:)``'s.
  public func updates(
    since snapshot: MapsSnapshot? = nil, atMostEvery interval: Duration = .zero
  ) -> MapsUpdates {
    space.updates(since: snapshot, atMostEvery: interval)
  }

  /// Ends the mirror: it isn't refreshed any more, and its updates end.
  public func detach() {
    reading.withLock { _ in if state != .exited { setState(.detached) } }
    space.endUpdates(.detached)
    loop.withLock { $0 }?.wake()
  }

  /// The open file of the program that the process runs, as far as is known.
  var file: MirrorFile {
    guard hasLaterFile.load(ordering: .acquiring) else { return firstFile }
    return laterFile.withLock { $0 } ?? firstFile
  }

  /// The process has begun another program.
  func didReopen(_ file: MirrorFile) {
    laterFile.withLock { $0 = file }
    hasLaterFile.store(true, ordering: .releasing)
  }

  // MARK: What a reading found

  /// Says that the copy has been confirmed by a reading that began at `start`.
  ///
  /// Releasing: pairs with the acquire in `lookup`; after the version is published.
  func confirm(_ start: UInt64) {
    stateValue.store(MirrorState.live.rawValue, ordering: .releasing)
    asOfNanoseconds.store(start, ordering: .releasing)
  }

  /// Says that readings from `start` on differed each time.
  func contend(_ start: UInt64) {
    stateValue.store(MirrorState.contended.rawValue, ordering: .releasing)
    asOfNanoseconds.store(start, ordering: .releasing)
  }

  func setState(_ state: MirrorState) {
    stateValue.store(state.rawValue, ordering: .releasing)
  }

  /// Readings in a row that may differ before answers say that they are contended.
  static var maximumAttempts: Int { 8 }
}
