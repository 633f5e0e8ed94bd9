// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage
public import VirtualMemory
internal import _SystemShims

/// Address spaces by pid: models, which the application changes, and mirrors of live processes.
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
/// A pid stands for one process at a time. When a process ends or starts another program, its old
/// map remains available to those who already use it: as in Linux, readers get the end of file or
/// `ESRCH`, and snapshots stay valid.
///
/// - Threads: any, for everything. Reading takes no lock and never waits. Changes of the set of
///   processes exclude one another.
public final class MapsService: Sendable {
  /// How the mirrors follow their processes.
  public let mirrors: MirrorConfiguration
  /// Whether ``run()`` also attaches to the processes that its processes fork. This works as far as
  /// their sources report forks, which ``MirrorSource/mappings`` and ``MirrorSource/systemCalls``
  /// do.
  public let followsForks: Bool
  /// How much work all mirrors of the service have done so far, including those that have left it.
  ///
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public var mirrorStatistics: MirrorStatistics { observer.counters?.statistics ?? .init() }
  /// Whom the mirrors tell what happens to them.
  private let observer: MirrorObserver
  // Read in read sections; written under `changes`.
  let processes = RCU.HashTable<Int32, ServedEntry>()
  /// Excludes changes of `processes` from one another, and has the loop of ``run()``, if that runs.
  private let changes = Guarded<MirrorLoop?>(nil)
  /// The tasks that wait for a change of any process.
  private let waiters = ChangeWaiters()

  /// Creates a service without processes. This starts no thread and opens nothing.
  ///
  /// - Parameters:
  ///   - mirrors: how the mirrors follow their processes.
  ///   - followsForks: whether ``run()`` attaches to child processes as soon as they are forked.
  ///     Otherwise, and for mirrors that poll, ``discover(_:)`` finds them.
  ///   - onEvent: called with what happens to the mirrors, on the thread that finds out; as for
  ///     ``ProcessMirror/init(pid:configuration:onEvent:)``.
  /// - Complexity: O(1).
  public init(
    mirrors: MirrorConfiguration = MirrorConfiguration(), followsForks: Bool = false,
    onEvent: @escaping @Sendable (MirrorEvent) -> Void = { _ in }
  ) {
    self.mirrors = mirrors
    observer = MirrorObserver(onEvent: onEvent, counters: MirrorCounters())
    self.followsForks = followsForks
  }

  // MARK: Models

  /// Adds a model: a process with an empty address space, which the application changes.
  ///
  /// - Parameters:
  ///   - pid: the model's pid in this service.
  ///   - configuration: the constants of its machine.
  /// - Returns: the address space.
  /// - Throws: `EEXIST` if the pid is in use.
  /// - Complexity: O(1).
  @discardableResult
  public func create(
    _ pid: Int32, configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) throws(Errno) -> AddressSpace {
    let space = AddressSpace(configuration: configuration)
    try add(ServedProcess(pid: pid, space: space))
    return space
  }

  /// Adds a model whose map is an address space that exists already, such as one that was made from
  /// a text. The application may change it, as any model.
  ///
  /// - Parameters:
  ///   - space: the address space. It must be in no other service, nor be a mirror's.
  ///   - pid: the model's pid in this service.
  /// - Throws: `EEXIST` if the pid is in use.
  /// - Complexity: O(1).
  public func add(_ space: AddressSpace, as pid: Int32) throws(Errno) {
    try add(ServedProcess(pid: pid, space: space))
  }

  /// Adds a model whose map is a copy of another process's, like a child process. The child of a
  /// mirror is a model too.
  ///
  /// - Returns: the child's address space.
  /// - Throws: `ESRCH` if there is no process `parent`; `EEXIST` if the child's pid is in use.
  /// - Complexity: O(n).
  @discardableResult
  public func fork(_ parent: Int32, as child: Int32) throws(Errno) -> AddressSpace {
    let space = try process(parent).space.fork()
    try add(ServedProcess(pid: child, space: space))
    return space
  }

  /// Replaces a model's map by that of another program. Readers of the old map reach its end: they
  /// get the end of file.
  ///
  /// - Parameters: as for ``/VirtualMemory/AddressSpace/replaceAll(with:layout:)``.
  /// - Returns: the new address space. The old one has left the service.
  /// - Throws: `ESRCH` if there is no such process; `EINVAL` if it is a mirror, which follows its
  ///   process by itself.
  /// - Complexity: O(mappings).
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

  /// Ends a model. Readers that have opened its maps get `ESRCH`.
  ///
  /// - Throws: `ESRCH` if there is no such process; `EINVAL` if it is a mirror, which ends with its
  ///   process; see ``detach(_:)``.
  /// - Complexity: O(1), plus waking the tasks that wait for updates.
  public func exit(_ pid: Int32) throws(Errno) {
    let process = try process(pid)
    guard process.mirror == nil else { throw .invalidArgument }
    guard remove(process, .exited) else { throw .noSuchProcess }
  }

  // MARK: Mirrors

  /// Attaches to a live process.
  ///
  /// - Returns: the mirror, which ``run()`` follows.
  /// - Throws: the errors of ``ProcessMirror/init(pid:configuration:onEvent:)``; `EEXIST` if the
  ///   pid is in use by a process that hasn't ended.
  /// - Complexity: as for ``ProcessMirror/init(pid:configuration:onEvent:)``.
  @discardableResult
  public func attach(_ pid: Int32) throws(Errno) -> ProcessMirror {
    try checkIsFree(pid)
    return try attach(ProcessMirror(pid: pid, mirrors, observer), pid)
  }

  /// Attaches to a process by its open maps file; see
  /// ``ProcessMirror/init(adopting:configuration:onEvent:)``.
  ///
  /// - Parameters:
  ///   - descriptor: the open file, which the mirror takes over: it is closed after an error, too.
  ///   - pid: the pid of the process in this service.
  /// - Returns: the mirror, which ``run()`` follows.
  /// - Throws: the errors of that initialiser; `EEXIST` if the pid is in use by a process that
  ///   hasn't ended.
  /// - Complexity: as for that initialiser.
  @discardableResult
  public func attach(
    adopting descriptor: FileDescriptor, as pid: Int32
  ) throws(Errno) -> ProcessMirror {
    do throws(Errno) {
      try checkIsFree(pid)
    } catch {
      try? descriptor.close()
      throw error
    }
    return try attach(ProcessMirror(adopting: descriptor, mirrors, observer), pid)
  }

  private func attach(_ mirror: ProcessMirror, _ pid: Int32) throws(Errno) -> ProcessMirror {
    try add(ServedProcess(pid: pid, space: mirror.space, mirror: mirror))
    return mirror
  }

  /// Removes a mirror from the service, and detaches it.
  ///
  /// - Throws: `ESRCH` if there is no such process; `EINVAL` if it is a model.
  /// - Complexity: as for ``ProcessMirror/detach()``.
  public func detach(_ pid: Int32) throws(Errno) {
    let process = try process(pid)
    guard process.mirror != nil else { throw .invalidArgument }
    guard remove(process, .detached) else { throw .noSuchProcess }
  }

  /// The processes to which ``MapsService/discover(_:)`` attaches.
  public enum DiscoveryScope: Sendable, Hashable {
    /// All processes that may be read.
    case all
    /// A process and its descendants.
    case tree(of: Int32)
    /// The processes of a control group, which is given by its folder.
    case controlGroup(FilePath)
  }

  /// The result of ``MapsService/discover(_:)``.
  public struct Discovery: Sendable {
    /// The processes to which the service has now attached.
    public internal(set) var attached: [Int32] = []
    /// The processes to which it couldn't attach, with the errors: mostly `EACCES`. Processes that
    /// ended meanwhile are left out.
    public internal(set) var refused: [Int32: Errno] = [:]
  }

  /// Attaches to the processes that aren't in the service yet, as far as they may be read. Kernel
  /// threads and zombies are left out.
  ///
  /// - Throws: the errors of reading the folder of processes, or the control group's list.
  /// - Complexity: a few system calls for each process, plus one reading of the text for each new
  ///   one.
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
    /// Whether the process is `top`, or descends from it.
    func isInTree(_ pid: Int32) -> Bool {
      var pid = pid
      // A pid that is reused meanwhile could make a cycle.
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

  /// Follows all mirrors until the task is cancelled, including those that are attached later.
  /// Processes that end leave the service.
  ///
  /// This starts one thread, which ends when the method returns.
  ///
  /// - Throws: `EBUSY` if the service runs already; `EAGAIN` if the system can't start a thread;
  ///   `EMFILE` if no more descriptors may be opened.
  public func run() async throws(Errno) {
    var didFork: (@Sendable (Int32) -> Void)?
    // Attaching may fail: the new process may have ended, or may not be readable.
    if followsForks { didFork = { [weak self] pid in _ = try? self?.attach(pid) } }
    let loop = try MirrorLoop(
      endsWhenEmpty: false, didEnd: { [weak self] mirror in self?.end(mirror) }, didFork: didFork)
    let isFirst = changes.withLock { running in
      guard running == nil else { return false }
      running = loop
      // A mirror that the application runs itself stays in its loop.
      forEach { process in if let mirror = process.mirror { try? loop.add(mirror) } }
      return true
    }
    guard isFirst else { throw .resourceBusy }
    defer { changes.withLock { $0 = nil } }
    try await loop.run()
  }

  /// Removes a mirror whose process has ended.
  private func end(_ mirror: ProcessMirror) {
    var ended: ServedProcess?
    forEach { process in if process.mirror === mirror { ended = process } }
    guard let ended else { return }
    _ = remove(ended, mirror.space.updatesEnd ?? .exited)
  }

  // MARK: The table

  /// The current process with this pid.
  func process(_ pid: Int32) throws(Errno) -> ServedProcess {
    guard let process = current(pid) else { throw .noSuchProcess }
    return process
  }

  private func current(_ pid: Int32) -> ServedProcess? {
    RCU.withReadSection { section in processes.lookup(pid, in: section)?.value.process }
  }

  /// Calls `body` for each process, in a read section.
  func forEach(_ body: (ServedProcess) -> Void) {
    RCU.withReadSection { section in processes.forEach(in: section) { body($0.value.process) } }
  }

  private func checkIsFree(_ pid: Int32) throws(Errno) {
    guard let old = current(pid) else { return }
    // A mirror whose process has ended may still be in the table, if nothing has refreshed it.
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

  /// - Returns: whether the process was in the service until now.
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

  /// The pids of all processes, in ascending order. Processes that are added or removed meanwhile
  /// may be missing.
  ///
  /// - Complexity: O(p log p) for p processes.
  public var pids: [Int32] {
    var pids: [Int32] = []
    forEach { pids.append($0.pid) }
    return pids.sorted()
  }

  /// The changes of all processes as they occur; see ``MapsServiceUpdates``.
  ///
  /// - Parameter interval: the least time between two elements. Changes in between are merged.
  /// - Threads: any; each iterator belongs to one task.
  /// - Complexity: O(1); see ``MapsServiceUpdates``.
  public func updates(atMostEvery interval: Duration = .zero) -> MapsServiceUpdates {
    MapsServiceUpdates(service: self, waiters: waiters, interval: interval)
  }
}
