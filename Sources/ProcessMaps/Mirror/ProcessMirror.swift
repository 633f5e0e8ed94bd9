// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
internal import Synchronization
public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// A copy of a live process's map, which is kept up to date and says how old it is.
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
/// When the application calls ``refresh()``, and repeatedly while ``run()`` runs, the mirror reads
/// the process's text and applies what differs from its copy as one change of ``space``, with one
/// new generation. A mirror can be read like any other ``/VirtualMemory/AddressSpace``: by dumps,
/// queries, readers, snapshots and differences.
///
/// How much an answer is worth: the kernel produces a text in chunks while the process runs, so the
/// mirror reads it again until a reading is equal to its copy. Each mapping existed, as it is
/// shown, at some instant since ``MirrorAnswer/asOf``. Later changes aren't seen before the next
/// refresh; ``MirrorAnswer/freshness`` says for how long that may have been so. If the process
/// changes its map faster than it can be read, answers are ``MirrorFreshness/contended``.
///
/// - Threads: any, for everything. ``lookup(_:)`` may also be called in a signal handler, on
///   threads that have looked something up before or have called ``prepareThread()``.
public final class ProcessMirror: Sendable {
  /// The copy. Only the mirror may change it: refresh the mirror to bring it up to date.
  public let space: AddressSpace
  /// The process to which the mirror is attached; `nil` if it adopted a file.
  public let pid: Int32?
  /// When the last reading that confirmed the copy began, in nanoseconds of the monotonic clock.
  /// Written under `reading` (releasing), after the version to which it applies has been published.
  /// Read by any thread (acquiring), before it loads a version. So an answer may be newer than this
  /// says, but never older.
  private let asOfNanoseconds = Atomic<UInt64>(0)
  /// The raw value of a ``MirrorState``. Written under `reading` (releasing); read by any thread
  /// (acquiring).
  private let stateValue = Atomic<UInt8>(MirrorState.live.rawValue)
  /// Excludes refreshes from one another, and keeps their state.
  let reading: Guarded<MirrorReading>
  /// The file by which the mirror was attached. It isn't part of `reading`, so that a query doesn't
  /// wait for a refresh.
  private let firstFile: MirrorFile
  /// The file of the program that the process has started since; `nil` if there is none.
  private let laterFile = Guarded<MirrorFile?>(nil)
  /// Whether `laterFile` contains a file. Most processes never start another program, and their
  /// queries then take no lock. Written after the file (releasing). Pairs with the acquire in
  /// `file`: guarantees that the file is found. Without it: a query could go to the file of the
  /// previous program.
  private let hasLaterFile = Atomic(false)
  /// How the mirror follows the process.
  public let configuration: MirrorConfiguration
  /// The source of changes that the mirror uses while it is run. The kernel ends the records of a
  /// process that starts a program with more rights, or one that it may not read: then it polls.
  public var source: MirrorSource {
    records.map { $0.isAlive ? $0.source : .polling } ?? .polling
  }
  /// The better sources that can't be used, and the reasons: no permission, no tracefs, too many
  /// threads, and so on.
  public let unavailableSources: [UnavailableSource]
  /// The records of changes; `nil` if the mirror polls.
  let records: (any ChangeRecords)?
  /// How much work the mirror has done so far.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var statistics: MirrorStatistics { counters.statistics }
  let counters = MirrorCounters()
  let observer: MirrorObserver
  /// The loop that follows the mirror, if any.
  let loop = Guarded<MirrorLoop?>(nil)
  /// Whether the application has reported a change. Set by ``noteChange()`` (releasing); cleared by
  /// the loop before it reads (acquiring), so that a change that is reported during a reading leads
  /// to another one.
  let isNoted = Atomic(false)

  /// Attaches to a process and reads its map.
  ///
  /// - Parameters:
  ///   - pid: the process.
  ///   - configuration: how to follow it.
  ///   - onEvent: called with what happens to the mirror, on the thread that finds out. It may use
  ///     the mirror, but should return soon: the mirror isn't refreshed meanwhile.
  /// - Throws: `ENOENT` or `ESRCH` if there is no such process, or if it has no address space (a
  ///   zombie, a kernel thread); `EACCES` if the caller may not read it; `EBADMSG` if its text
  ///   isn't a maps text.
  /// - Threads: any.
  /// - Complexity: as for ``refresh()``. Opening the source of changes takes a few system calls for
  ///   each thread of the process and each processor.
  public convenience init(
    pid: Int32, configuration: MirrorConfiguration = MirrorConfiguration(),
    onEvent: @escaping @Sendable (MirrorEvent) -> Void = { _ in }
  ) throws(Errno) {
    try self.init(pid: pid, configuration, MirrorObserver(onEvent: onEvent))
  }

  convenience init(
    pid: Int32, _ configuration: MirrorConfiguration, _ observer: MirrorObserver
  ) throws(Errno) {
    let maps = try KernelMaps(pid: pid, root: configuration.root)
    guard let folder = maps.folder, let status = ProcessStatus(folder) else {
      throw .noSuchProcess
    }
    let file = MirrorFile(maps, startTime: status.startTime)
    try self.init(file, configuration, observer, pid: pid, folder: folder)
  }

  /// Attaches to a process by its open `/proc/PID/maps`, for example one that the process itself
  /// has sent. The caller needs no rights over the process, and no pid, which could be reused. The
  /// mirror polls.
  ///
  /// - Parameters:
  ///   - descriptor: the open file, which the mirror takes over: it is closed after an error, too.
  ///   - configuration: how to follow the process.
  ///   - onEvent: as for ``init(pid:configuration:onEvent:)``.
  /// - Throws: `EBADF` if the descriptor isn't open; `EINVAL` if it isn't a maps file; `ESRCH` if
  ///   the process has ended.
  /// - Threads: any.
  /// - Complexity: as for ``refresh()``.
  public convenience init(
    adopting descriptor: FileDescriptor,
    configuration: MirrorConfiguration = MirrorConfiguration(),
    onEvent: @escaping @Sendable (MirrorEvent) -> Void = { _ in }
  ) throws(Errno) {
    try self.init(adopting: descriptor, configuration, MirrorObserver(onEvent: onEvent))
  }

  convenience init(
    adopting descriptor: FileDescriptor, _ configuration: MirrorConfiguration,
    _ observer: MirrorObserver
  ) throws(Errno) {
    let maps: KernelMaps
    do throws(Errno) {
      maps = try KernelMaps(adopting: descriptor)
    } catch {
      if error != .badFileDescriptor { try? descriptor.close() }
      throw error
    }
    try self.init(
      MirrorFile(maps, startTime: nil), configuration, observer, pid: nil, folder: nil)
  }

  /// Creates a mirror of the calling process.
  ///
  /// - Throws: the errors of ``init(pid:configuration:onEvent:)``.
  /// - Threads: any.
  /// - Complexity: as for ``init(pid:configuration:onEvent:)``.
  public static func ofSelf(
    configuration: MirrorConfiguration = MirrorConfiguration(),
    onEvent: @escaping @Sendable (MirrorEvent) -> Void = { _ in }
  ) throws(Errno) -> ProcessMirror {
    let folder = configuration.root.appending("self")
    guard let pid = ProcessFolder.firstThread(of: folder) else { throw .noSuchProcess }
    return try ProcessMirror(pid: pid, configuration: configuration, onEvent: onEvent)
  }

  private init(
    _ file: MirrorFile, _ configuration: MirrorConfiguration, _ observer: MirrorObserver,
    pid: Int32?, folder: FilePath?
  ) throws(Errno) {
    var space = AddressSpaceConfiguration()
    // The largest address space of x86-64, with five levels of page tables. There is no limit on
    // the number of VMAs, since the kernel enforces its own.
    space.taskSize = 0xff_ffff_ffff_f000
    space.maximumMapCount = .max
    self.space = AddressSpace(configuration: space)
    self.pid = pid
    self.configuration = configuration
    self.observer = observer
    firstFile = file
    // Opened before the first reading, so that a change that the reading doesn't show is reported.
    (records, unavailableSources) = Self.openSource(configuration, pid: pid, folder: folder)
    reading = Guarded(MirrorReading(history: MirrorHistory(configuration.history)))
    let first = try reading.withLock { (reading) throws(Errno) in
      defer { reading.events = [] }
      return try refresh(&reading)
    }
    count(first)
    guard first.state != .exited else { throw .noSuchProcess }
    observer.onEvent(
      MirrorEvent(pid: pid, kind: .attached(source, unavailable: unavailableSources)))
  }

  // MARK: Looking up

  /// Prepares the calling thread for lookups in signal handlers.
  ///
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(1). The first call on a thread registers it, which may take a lock.
  public static func prepareThread() { RCU.withReadSection { _ in } }

  /// The VMA at `address` according to the copy.
  ///
  /// - Threads: any; for signal handlers, see ``ProcessMirror``. It takes no lock, allocates
  ///   nothing and makes no system call.
  /// - Complexity: O(log n), nanoseconds.
  public func lookup(_ address: UInt64) -> MirrorAnswer {
    // Acquiring: pairs with the release in `confirm`. Guarantees that the version loaded next is
    // the confirmed one or a later one. Without it: an older version could be taken for a confirmed
    // one.
    let asOf = asOfNanoseconds.load(ordering: .acquiring)
    let state = MirrorState(rawValue: stateValue.load(ordering: .acquiring))
    return MirrorAnswer(
      vma: space.lookup(address), asOfNanoseconds: asOf, state: state ?? .live, isVerified: false)
  }

  /// The VMA at `address`, compared with the kernel's current answer. If the two differ, the mirror
  /// is refreshed first.
  ///
  /// - Throws: `ENOTTY` on Linux before 6.11; the errors of ``refresh()``. It isn't an error if the
  ///   process has exited: the answer's freshness says so.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: one system call if the copy is right.
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
      && known.device == DeviceNumber(major: found.deviceMajor, minor: found.deviceMinor)
      && (known.inode == 0 || known.offset == found.vmaOffset)
  }

  /// The VMA that was at `address` at an earlier time, from the versions that the mirror keeps. Use
  /// this for samples that are symbolised late, and for libraries that have been unloaded since.
  ///
  /// - Parameters:
  ///   - address: any address.
  ///   - time: a time of the monotonic clock, such as an earlier ``MirrorAnswer/asOf``.
  /// - Returns: the answer, whose ``MirrorAnswer/asOf`` is the last time at or before `time` at
  ///   which the version was confirmed; `nil` if the mirror keeps no version that is old enough.
  /// - Threads: any, but not in a signal handler: it takes a lock, and waits for a refresh that is
  ///   in progress.
  /// - Complexity: O(kept versions + log n).
  public func lookup(_ address: UInt64, at time: Duration) -> MirrorAnswer? {
    let nanoseconds = time.nanosecondsOrLimit
    return reading.withLock { reading in
      guard let kept = reading.history.version(at: nanoseconds) else { return nil }
      return MirrorAnswer(
        vma: kept.snapshot.lookup(address), asOfNanoseconds: min(kept.lastSeen, nanoseconds),
        state: .live, isVerified: false, askedNanoseconds: nanoseconds)
    }
  }

  /// The state of the mirror.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var state: MirrorState {
    MirrorState(rawValue: stateValue.load(ordering: .acquiring)) ?? .live
  }

  /// How fresh an answer of ``lookup(_:)`` would be now.
  ///
  /// - Threads: as for ``lookup(_:)``.
  /// - Complexity: O(log n); reads the clock.
  public var freshness: MirrorFreshness { lookup(0).freshness }

  /// When the last reading that confirmed the copy began, on the monotonic clock.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var asOf: Duration { .nanoseconds(Int64(asOfNanoseconds.load(ordering: .acquiring))) }

  /// The changes of the copy as they occur: first the state, then differences, and finally the
  /// reason why there will be no more.
  ///
  /// - Parameters and costs: as for ``/VirtualMemory/AddressSpace/updates(since:atMostEvery:)``.
  /// - Threads: any; each iterator belongs to one task.
  public func updates(
    since snapshot: MapsSnapshot? = nil, atMostEvery interval: Duration = .zero
  ) -> MapsUpdates {
    space.updates(since: snapshot, atMostEvery: interval)
  }

  /// Ends the mirror: it isn't refreshed any more, and its updates end.
  ///
  /// - Threads: any, but not in a signal handler. It waits for a refresh that is in progress.
  /// - Complexity: O(tasks that wait for updates).
  public func detach() {
    let isFirst = reading.withLock { _ in
      guard isFollowed else { return false }
      setState(.detached)
      return true
    }
    space.endUpdates(.detached)
    if isFirst { tell(.ended(.detached)) }
    loop.withLock { $0 }?.wake()
  }

  /// The maps file of the program that the process runs, as far as the mirror knows.
  var file: MirrorFile {
    // Acquiring: pairs with the release in `didReopen`; see `hasLaterFile`.
    guard hasLaterFile.load(ordering: .acquiring) else { return firstFile }
    return laterFile.withLock { $0 } ?? firstFile
  }

  /// Notes that the process has started another program, whose maps `file` has.
  func didReopen(_ file: MirrorFile) {
    laterFile.withLock { $0 = file }
    hasLaterFile.store(true, ordering: .releasing)
  }

  // MARK: What a reading found

  /// Notes that a reading that began at `start` has confirmed the copy.
  ///
  /// Releasing, after the version has been published: pairs with the acquire in `lookup`; see
  /// there.
  func confirm(_ start: UInt64) {
    stateValue.store(MirrorState.live.rawValue, ordering: .releasing)
    asOfNanoseconds.store(start, ordering: .releasing)
  }

  /// Notes that the process changed during every reading; the last one began at `start`.
  func contend(_ start: UInt64) {
    stateValue.store(MirrorState.contended.rawValue, ordering: .releasing)
    asOfNanoseconds.store(start, ordering: .releasing)
  }

  func setState(_ state: MirrorState) {
    stateValue.store(state.rawValue, ordering: .releasing)
  }

  /// The most readings in one refresh. If the process changes during each of them, answers are
  /// contended.
  static var maximumAttempts: Int { 8 }
}
