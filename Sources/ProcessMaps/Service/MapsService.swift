// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// Address spaces by pid: models that the application changes, and mirrors of live processes.
///
/// ```swift
/// let service = MapsService()
/// try service.attach(1234)                              // a mirror
/// try service.create(100_000).map(length: 1 << 20)      // a model
/// async let work: Void = service.run()                  // follows them, until it is cancelled
///
/// let answer = try service.lookup(address, in: 1234)    // nanoseconds, from any thread
/// let totals = try service.totals(of: 1234)             // O(1)
/// for await update in service.updates() { … }
/// ```
///
/// A pid stands for one process at a time. A process that ends, and one that begins another
/// program, leaves its map to those who have it: readers get the end of file or `ESRCH` as in
/// Linux, snapshots stay.
///
/// - Threads: any, for everything. What reads takes no lock and waits for no one; what adds and
///   removes processes excludes one another.
public final class MapsService: Sendable {
  /// How mirrors are made that are attached by pid.
  public let mirrors: MirrorConfiguration
  /// Whether ``run()`` attaches to processes that are forked by those that it follows, as far as
  /// their sources tell of forks: ``MirrorSource/mappings`` and ``MirrorSource/systemCalls`` do.
  public let followsForks: Bool
  // Read in read sections; changed under `changes`.
  let processes = RCU.HashTable<Int32, ServedEntry>()
  private let changes = Guarded<MirrorLoop?>(nil)
  /// Those who wait for any change of any process.
  private let waiters = ChangeWaiters()

  /// A service without processes. No thread is started, and nothing is opened.
  ///
  /// - Parameters:
  ///   - mirrors: how processes are followed.
  ///   - followsForks: whether to attach to their child processes as they are forked. Without it,
  ///     or while a mirror polls, ``discover(_:)`` finds them.
  public init(
    mirrors: MirrorConfiguration = MirrorConfiguration(), followsForks: Bool = false
  ) {
    self.mirrors = mirrors
    self.followsForks = followsForks
  }

  // MARK: Models

  /// Begins a model: a process with an empty address space.
  ///
  /// - Returns: its address space, to be changed by the application.
  /// - Throws: `EEXIST` if the pid is taken.
  @discardableResult
  public func create(
    _ pid: Int32, configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) throws(Errno) -> AddressSpace {
    let space = AddressSpace(configuration: configuration)
    try add(ServedProcess(pid: pid, space: space))
    return space
  }

  /// Begins a model whose map is a copy of another process's, as of a child process. A mirror's
  /// child is a model.
  ///
  /// - Throws: `ESRCH` if there is no process `parent`; `EEXIST` if the child's pid is taken.
  /// - Complexity: O(n).
  @discardableResult
  public func fork(_ parent: Int32, as child: Int32) throws(Errno) -> AddressSpace {
    let space = try process(parent).space.fork()
    try add(ServedProcess(pid: child, space: space))
    return space
  }

  /// Gives a model another program's map. Who reads the old one reads to its end: a reader gets the
  /// end of file.
  ///
  /// - Parameters: as ``/VirtualMemory/AddressSpace/replaceAll(with:layout:)``'s.
  /// - Returns: the new address space. The old one isn't served any more.
  /// - Throws: `ESRCH` if there is no such process; `EINVAL` if it is a mirror, which follows its
  ///   process by itself.
  @discardableResult
  public func exec(
    _ pid: Int32, with mappings: some Sequence<ImportedMapping> = [ImportedMapping](),
    layout: ImportedLayout = ImportedLayout()
  ) throws(Errno) -> AddressSpace {
    let old = try process(pid)
    guard old.mirror == nil else { throw .invalidArgument }
    let space = AddressSpace(
      importing: mappings, layout: layout, configuration: old.space.configuration)
    let new = ServedProcess(pid: pid, space: space)
    let isReplaced = changes.withLock { _ in
      guard current(pid) === old else { return false }
      space.notifyChanges(waiters)
      processes.updateValue(ServedEntry(new), forKey: pid)
      return true
    }
    guard isReplaced else { throw .noSuchProcess }
    old.finish(.replaced)
    waiters.noteChange()
    return space
  }

  /// Ends a model. Readers that are under way get `ESRCH`.
  ///
  /// - Throws: `ESRCH` if there is no such process; `EINVAL` if it is a mirror, which ends with its
  ///   process: see ``detach(_:)``.
  public func exit(_ pid: Int32) throws(Errno) {
    let process = try process(pid)
    guard process.mirror == nil else { throw .invalidArgument }
    guard remove(process, .exited) else { throw .noSuchProcess }
  }

  // MARK: Mirrors

  /// Attaches to a live process.
  ///
  /// - Returns: its mirror, which ``run()`` follows.
  /// - Throws: as ``ProcessMirror/init(pid:configuration:)``; `EEXIST` if the pid is taken, by a
  ///   process that hasn't ended.
  @discardableResult
  public func attach(_ pid: Int32) throws(Errno) -> ProcessMirror {
    try checkIsFree(pid)
    return try attach(ProcessMirror(pid: pid, configuration: mirrors), pid)
  }

  /// Attaches to a process by its open file of maps: see
  /// ``ProcessMirror/init(adopting:configuration:)``.
  ///
  /// - Parameters:
  ///   - descriptor: the open file, which is taken over.
  ///   - pid: the number that the process is to have in this service.
  /// - Throws: as that initialiser; `EEXIST` if the number is taken.
  @discardableResult
  public func attach(
    adopting descriptor: FileDescriptor, as pid: Int32
  ) throws(Errno) -> ProcessMirror {
    try checkIsFree(pid)
    return try attach(ProcessMirror(adopting: descriptor, configuration: mirrors), pid)
  }

  private func attach(_ mirror: ProcessMirror, _ pid: Int32) throws(Errno) -> ProcessMirror {
    try add(ServedProcess(pid: pid, space: mirror.space, mirror: mirror))
    return mirror
  }

  /// Lets a mirror go: its process isn't followed any more, and not served.
  ///
  /// - Throws: `ESRCH` if there is no such process; `EINVAL` if it is a model.
  public func detach(_ pid: Int32) throws(Errno) {
    let process = try process(pid)
    guard process.mirror != nil else { throw .invalidArgument }
    guard remove(process, .detached) else { throw .noSuchProcess }
  }

  /// Which processes to attach to.
  public enum DiscoveryScope: Sendable, Hashable {
    /// All that may be read.
    case all
    /// A process and what descends from it.
    case tree(of: Int32)
    /// The processes of a control group, by its folder.
    case controlGroup(FilePath)
  }

  /// What ``discover(_:)`` found.
  public struct Discovery: Sendable {
    /// The processes that have been attached to now.
    public internal(set) var attached: [Int32] = []
    /// Those that couldn't be, and why: `EACCES` mostly. Processes that ended meanwhile are left
    /// out.
    public internal(set) var refused: [Int32: Errno] = [:]
  }

  /// Attaches to processes that aren't served yet, as far as they may be read. Threads of the
  /// kernel and zombies are left out.
  ///
  /// - Throws: what reading the folder of processes, or the control group's list, throws.
  /// - Complexity: a few system calls for each process, and a reading of the text for each that is
  ///   new.
  @discardableResult
  public func discover(_ scope: DiscoveryScope = .all) throws(Errno) -> Discovery {
    var discovery = Discovery()
    for pid in try candidates(scope) where current(pid) == nil {
      do throws(Errno) {
        try attach(pid)
        discovery.attached.append(pid)
      } catch {
        let isGone = error == .noSuchFileOrDirectory || error == .noSuchProcess
        if !isGone && error != .fileExists { discovery.refused[pid] = error }
      }
    }
    return discovery
  }

  private func candidates(_ scope: DiscoveryScope) throws(Errno) -> [Int32] {
    let root = mirrors.root
    if case .controlGroup(let folder) = scope {
      let text = try ProcessFolder.contents(of: folder.appending("cgroup.procs"))
      return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) }
    }
    var statuses: [Int32: ProcessStatus] = [:]
    for pid in try ProcessFolder.numbers(in: root) {
      let status = ProcessStatus(root.appending(String(pid)))
      if let status, !status.isKernelThread, !status.isZombie { statuses[pid] = status }
    }
    guard case .tree(let top) = scope else { return statuses.keys.sorted() }
    /// Whether the process descends from `top`.
    func isInTree(_ pid: Int32) -> Bool {
      var pid = pid
      // A pid that is used again could make a circle.
      for _ in 0...statuses.count {
        if pid == top { return true }
        guard let parent = statuses[pid]?.parent else { return false }
        pid = parent
      }
      return false
    }
    return statuses.keys.filter(isInTree).sorted()
  }

  // MARK: Running

  /// Follows all mirrors, those that are attached later too, until the task is cancelled. Processes
  /// that end leave the service.
  ///
  /// One thread is started for as long as it runs.
  ///
  /// - Throws: `EBUSY` if the service is run already; `EAGAIN` if the system lets no thread start;
  ///   `EMFILE` if no more descriptors may be opened.
  public func run() async throws(Errno) {
    var didFork: (@Sendable (Int32) -> Void)?
    // The new process may have ended already, or may not be read.
    if followsForks { didFork = { [weak self] pid in _ = try? self?.attach(pid) } }
    let loop = try MirrorLoop(
      endsWhenEmpty: false, didEnd: { [weak self] mirror in self?.end(mirror) }, didFork: didFork)
    let isFirst = changes.withLock { running in
      guard running == nil else { return false }
      running = loop
      // A mirror that the application runs by itself is left to it.
      forEach { process in if let mirror = process.mirror { try? loop.add(mirror) } }
      return true
    }
    guard isFirst else { throw .resourceBusy }
    defer { changes.withLock { $0 = nil } }
    try await loop.run()
  }

  /// A mirror's process has ended.
  private func end(_ mirror: ProcessMirror) {
    var ended: ServedProcess?
    forEach { process in if process.mirror === mirror { ended = process } }
    guard let ended else { return }
    _ = remove(ended, mirror.space.updatesEnd ?? .exited)
  }

  // MARK: The table

  /// The process with this pid, as it is now.
  func process(_ pid: Int32) throws(Errno) -> ServedProcess {
    guard let process = current(pid) else { throw .noSuchProcess }
    return process
  }

  private func current(_ pid: Int32) -> ServedProcess? {
    RCU.withReadSection { section in processes.lookup(pid, in: section)?.value.process }
  }

  func forEach(_ body: (ServedProcess) -> Void) {
    RCU.withReadSection { section in processes.forEach(in: section) { body($0.value.process) } }
  }

  private func checkIsFree(_ pid: Int32) throws(Errno) {
    guard let old = current(pid) else { return }
    // Its process has ended, and nobody has noticed.
    guard let mirror = old.mirror, (try? mirror.refresh().state) == .exited else {
      throw .fileExists
    }
    _ = remove(old, .exited)
  }

  private func add(_ process: ServedProcess) throws(Errno) {
    let isAdded = changes.withLock { loop in
      process.space.notifyChanges(waiters)
      guard processes.insert(ServedEntry(process), forKey: process.pid).isInserted else {
        return false
      }
      if let mirror = process.mirror { try? loop?.add(mirror) }
      return true
    }
    guard isAdded else { throw .fileExists }
    waiters.noteChange()
  }

  /// - Returns: whether it was served until now.
  private func remove(_ process: ServedProcess, _ end: MapsUpdate.End) -> Bool {
    let isRemoved = changes.withLock { loop in
      guard current(process.pid) === process else { return false }
      if let mirror = process.mirror { loop?.remove(mirror) }
      processes.removeValue(forKey: process.pid)
      return true
    }
    guard isRemoved else { return false }
    process.mirror?.detach()
    process.finish(end)
    waiters.noteChange()
    return true
  }

  /// The pids that are served, in ascending order.
  ///
  /// - Complexity: O(p log p). Of processes that come or go meanwhile some may be missing.
  public var pids: [Int32] {
    var pids: [Int32] = []
    forEach { pids.append($0.pid) }
    return pids.sorted()
  }

  /// The changes of all processes as they come: see ``MapsServiceUpdates``.
  ///
  /// - Parameter interval: the least time from one element to the next: what changes meanwhile is
  ///   merged.
  public func updates(atMostEvery interval: Duration = .zero) -> MapsServiceUpdates {
    MapsServiceUpdates(service: self, waiters: waiters, interval: interval)
  }
}
