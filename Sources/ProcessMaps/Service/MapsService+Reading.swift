// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage
public import VirtualMemory

extension MapsService {
  /// The VMA at `address` in a process, and what the answer is worth; a model's is current.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Threads: any; signal handlers as ``ProcessMirror/lookup(_:)``. No lock, no allocation, and
  ///   no system call.
  /// - Complexity: O(log n), nanoseconds.
  public func lookup(_ address: UInt64, in pid: Int32) throws(Errno) -> MirrorAnswer {
    let answer = RCU.withReadSection { section -> MirrorAnswer? in
      guard let entry = processes.lookup(pid, in: section) else { return nil }
      return entry.value.lookup(address)
    }
    guard let answer else { throw .noSuchProcess }
    return answer
  }

  /// The VMA at `address` in a process, compared with the kernel's answer of now: see
  /// ``ProcessMirror/verifiedLookup(_:)``. A model's is current.
  ///
  /// - Throws: `ESRCH` if there is no such process; what that method throws.
  public func verifiedLookup(_ address: UInt64, in pid: Int32) throws(Errno) -> MirrorAnswer {
    guard let mirror = try process(pid).mirror else { return try lookup(address, in: pid) }
    return try mirror.verifiedLookup(address)
  }

  /// The answers for many addresses in a process, all from one version.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Complexity: O(addresses × log n).
  public func lookup(_ addresses: [UInt64], in pid: Int32) throws(Errno) -> [QueryResult?] {
    try process(pid).space.lookup(addresses)
  }

  /// What `PROCMAP_QUERY` answers: see ``/VirtualMemory/AddressSpace/query(_:matching:by:)``.
  ///
  /// - Throws: `ESRCH` if there is no such process; what that method throws.
  public func query(
    _ address: UInt64, in pid: Int32, matching flags: QueryFlags = []
  ) throws(Errno) -> QueryResult {
    try process(pid).space.query(address, matching: flags)
  }

  /// The address space of a process: of a model to change, of a mirror to read.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  public func space(of pid: Int32) throws(Errno) -> AddressSpace { try process(pid).space }

  /// The mirror of a process; `nil` for a model.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  public func mirror(of pid: Int32) throws(Errno) -> ProcessMirror? { try process(pid).mirror }

  /// The map of a process at this instant.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Complexity: O(1).
  public func snapshot(of pid: Int32) throws(Errno) -> MapsSnapshot {
    try process(pid).space.snapshot()
  }

  /// The text of `/proc/PID/maps`, of one version.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Complexity: O(n).
  public func mapsText(of pid: Int32) throws(Errno) -> MapsBuffer {
    try process(pid).space.mapsText()
  }

  /// The same, into memory that is used again.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  public func dump(_ pid: Int32, into buffer: inout MapsBuffer) throws(Errno) {
    try process(pid).space.dump(into: &buffer)
  }

  /// The sums over all VMAs of a process.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  /// - Complexity: O(1).
  public func totals(of pid: Int32) throws(Errno) -> MapsTotals {
    let totals = RCU.withReadSection { section -> MapsTotals? in
      guard let entry = processes.lookup(pid, in: section) else { return nil }
      return entry.value.totals
    }
    guard let totals else { throw .noSuchProcess }
    return totals
  }

  /// The changes of one process as they come: see ``/VirtualMemory/MapsUpdates``. They end when it
  /// isn't served any more, or begins another program that isn't followed.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  public func updates(
    of pid: Int32, since snapshot: MapsSnapshot? = nil, atMostEvery interval: Duration = .zero
  ) throws(Errno) -> MapsUpdates {
    try process(pid).space.updates(since: snapshot, atMostEvery: interval)
  }

  /// Opens `/proc/PID/maps` of a process.
  ///
  /// - Throws: `ESRCH` if there is no such process.
  public func makeReader(of pid: Int32) throws(Errno) -> MapsServiceReader {
    MapsServiceReader(try process(pid))
  }
}

/// An open `/proc/PID/maps` of a process that a service has.
///
/// It stands for the address space that the process had when it was opened, as in Linux. When the
/// process ends, what was made is handed out, and then it is `ESRCH`; another program, or a mirror
/// that is detached, is the end of the file.
///
/// - Threads: one at a time.
public struct MapsServiceReader: ~Copyable, Sendable {
  private let process: ServedProcess
  private var reader: MapsReader

  init(_ process: ServedProcess) {
    self.process = process
    reader = MapsReader(process.space)
  }

  /// Hands out text, as `read` does: see ``/VirtualMemory/MapsReader``.
  ///
  /// - Returns: at most `count` bytes; none at the end.
  /// - Throws: `ESRCH` if the process has ended.
  public mutating func read(count: Int) throws(Errno) -> [UInt8] {
    guard !reader.hasUnreadText, let end = process.end else { return reader.read(count: count) }
    if end == .exited { throw .noSuchProcess }
    return []
  }

  /// The same, at the start of a buffer.
  ///
  /// - Returns: the number of bytes; 0 at the end.
  /// - Throws: `ESRCH` if the process has ended.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    guard !reader.hasUnreadText, let end = process.end else {
      return unsafe reader.read(into: buffer)
    }
    if end == .exited { throw .noSuchProcess }
    return 0
  }

  /// Whether the map changed between the first chunk and the last.
  public var hasChanged: Bool { reader.hasChanged }
}
