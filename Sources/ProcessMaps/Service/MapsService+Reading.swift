// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage
public import VirtualMemory

extension MapsService {
  /// The VMA at `address` in a process, and how fresh the answer is. A model's answer is always
  /// current.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any; for signal handlers, see ``ProcessMirror/lookup(_:)``. It takes no lock,
  ///   allocates nothing and makes no system call.
  /// - Complexity: O(log n), nanoseconds.
  public func lookup(_ address: UInt64, in pid: Int32) throws(Errno) -> MirrorAnswer {
    let answer = RCU.withReadSection { section -> MirrorAnswer? in
      guard let entry = processes.lookup(pid, in: section) else { return nil }
      return entry.value.lookup(address)
    }
    guard let answer else { throw .noSuchProcess }
    return answer
  }

  /// The VMA at `address` in a process, compared with the kernel's current answer; see
  /// ``ProcessMirror/verifiedLookup(_:)``. A model's answer is always current.
  ///
  /// - Throws: `ESRCH` if there is no such process; the errors of that method.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: one system call if the mirror's copy is right; O(log n) for a model.
  public func verifiedLookup(_ address: UInt64, in pid: Int32) throws(Errno) -> MirrorAnswer {
    guard let mirror = try process(pid).mirror else { return try lookup(address, in: pid) }
    return try mirror.verifiedLookup(address)
  }

  /// The VMAs at many addresses in a process, all from one version.
  ///
  /// - Returns: for each address, the VMA that covers it, or `nil`.
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(addresses × log n).
  public func lookup(_ addresses: [UInt64], in pid: Int32) throws(Errno) -> [QueryResult?] {
    try process(pid).space.lookup(addresses)
  }

  /// The answer to a `PROCMAP_QUERY` for a process; see
  /// ``/VirtualMemory/AddressSpace/query(_:matching:by:)``.
  ///
  /// - Throws: `ESRCH` if there is no such process; the errors of that method.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: as for that method.
  public func query(
    _ address: UInt64, in pid: Int32, matching flags: QueryFlags = []
  ) throws(Errno) -> QueryResult {
    try process(pid).space.query(address, matching: flags)
  }

  /// The address space of a process. The application may change it if the process is a model, and
  /// may only read it if it is a mirror.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(1).
  public func space(of pid: Int32) throws(Errno) -> AddressSpace { try process(pid).space }

  /// The mirror of a process; `nil` if the process is a model.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(1).
  public func mirror(of pid: Int32) throws(Errno) -> ProcessMirror? { try process(pid).mirror }

  /// A snapshot of a process's map.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(1).
  public func snapshot(of pid: Int32) throws(Errno) -> MapsSnapshot {
    try process(pid).space.snapshot()
  }

  /// The text of `/proc/PID/maps` of a process, from one version.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(n).
  public func mapsText(of pid: Int32) throws(Errno) -> MapsBuffer {
    try process(pid).space.mapsText()
  }

  /// Writes the text of `/proc/PID/maps` of a process to `buffer`, replacing its contents. The text
  /// is of one version.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(n). Allocates only if the buffer must grow.
  public func dump(_ pid: Int32, into buffer: inout MapsBuffer) throws(Errno) {
    try process(pid).space.dump(into: &buffer)
  }

  /// The sums over all VMAs of a process.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1).
  public func totals(of pid: Int32) throws(Errno) -> MapsTotals {
    let totals = RCU.withReadSection { section -> MapsTotals? in
      guard let entry = processes.lookup(pid, in: section) else { return nil }
      return entry.value.totals
    }
    guard let totals else { throw .noSuchProcess }
    return totals
  }

  /// The changes of one process as they occur; see ``/VirtualMemory/MapsUpdates``. They end when
  /// the process leaves the service, or when it starts another program that can't be followed.
  ///
  /// - Parameters and costs: as for ``/VirtualMemory/AddressSpace/updates(since:atMostEvery:)``.
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any; each iterator belongs to one task.
  public func updates(
    of pid: Int32, since snapshot: MapsSnapshot? = nil, atMostEvery interval: Duration = .zero
  ) throws(Errno) -> MapsUpdates {
    try process(pid).space.updates(since: snapshot, atMostEvery: interval)
  }

  /// Opens `/proc/PID/maps` of a process.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(1).
  public func makeReader(of pid: Int32) throws(Errno) -> MapsServiceReader {
    MapsServiceReader(try process(pid))
  }
}

/// An open `/proc/PID/maps` of a process in a service.
///
/// As in Linux, it stands for the address space that the process had when the file was opened.
/// After the process has ended, it still returns the text that has already been formatted, and then
/// throws `ESRCH`. If the process has started another program, or its mirror was detached, the file
/// ends.
///
/// - Threads: one at a time.
public struct MapsServiceReader: ~Copyable, Sendable {
  private let process: ServedProcess
  private var reader: MapsReader

  init(_ process: ServedProcess) {
    self.process = process
    reader = MapsReader(process.space)
  }

  /// Reads on in the text, like `read`; see ``/VirtualMemory/MapsReader``.
  ///
  /// - Returns: at most `count` bytes; none at the end.
  /// - Throws: `ESRCH` if the process has ended.
  /// - Complexity: as for ``/VirtualMemory/MapsReader``.
  public mutating func read(count: Int) throws(Errno) -> [UInt8] {
    guard !reader.hasUnreadText, let end = process.end else { return reader.read(count: count) }
    if end == .exited { throw .noSuchProcess }
    return []
  }

  /// Reads on in the text, like `read`, into the start of a buffer.
  ///
  /// - Returns: the number of bytes; 0 at the end.
  /// - Throws: `ESRCH` if the process has ended.
  /// - Complexity: as for ``/VirtualMemory/MapsReader``.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    guard !reader.hasUnreadText, let end = process.end else {
      return unsafe reader.read(into: buffer)
    }
    if end == .exited { throw .noSuchProcess }
    return 0
  }

  /// Whether the map changed between the first chunk and the last one.
  public var hasChanged: Bool { reader.hasChanged }
}
