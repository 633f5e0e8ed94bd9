// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import VirtualMemory

/// The version of a map, as clients know it: a pid may be used again, and the next process's
/// generations start anew, so that a generation alone doesn't identify a version.
struct MapVersion: Hashable, Sendable, CustomStringConvertible {
  /// The number of the process: each that comes has another one.
  let instance: Int
  let generation: UInt64

  var description: String { "\(instance)-\(generation)" }

  init(instance: Int, generation: UInt64) {
    self.instance = instance
    self.generation = generation
  }

  /// Reads a version, or a generation alone, which means one of `currentInstance`.
  init?(_ text: some StringProtocol, currentInstance: Int) {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let generation = UInt64(parts.last!) else { return nil }
    if parts.count == 2 {
      guard let instance = Int(parts[0]) else { return nil }
      self.init(instance: instance, generation: generation)
    } else {
      self.init(instance: currentInstance, generation: generation)
    }
  }
}

/// The snapshots that were handed out lately, so that clients can ask what has changed since.
///
/// Each snapshot keeps the nodes that have been replaced since it was taken, so their number and
/// their age are bounded.
final class HandedOutVersions: Sendable {
  private struct Kept {
    let snapshot: MapsSnapshot
    var lastUse: ContinuousClock.Instant
  }

  private struct Process {
    let space: AddressSpace
    let instance: Int
    /// By generation.
    var kept: [UInt64: Kept] = [:]
  }

  private struct State {
    var processes: [Int32: Process] = [:]
    var lastInstance = 0
  }

  private let state = Mutex(State())
  private let maximumCount: Int
  private let maximumAge: Duration

  /// - Parameters:
  ///   - maximumCount: how many to keep of each process.
  ///   - maximumAge: how long to keep one after its last use.
  init(maximumCount: Int = 32, maximumAge: Duration = .seconds(300)) {
    self.maximumCount = maximumCount
    self.maximumAge = maximumAge
  }

  /// Keeps a snapshot of a process, which is now known to a client.
  @discardableResult
  func handOut(_ snapshot: MapsSnapshot, of pid: Int32) -> MapVersion {
    state.withLock { state in
      let now = ContinuousClock.now
      var process = Self.process(pid, snapshot.space, &state)
      process.kept[snapshot.generation] = Kept(snapshot: snapshot, lastUse: now)
      process.kept = process.kept.filter { now - $0.value.lastUse < maximumAge }
      if process.kept.count > maximumCount {
        let oldest = process.kept.min { $0.value.lastUse < $1.value.lastUse }!.key
        process.kept[oldest] = nil
      }
      state.processes[pid] = process
      return MapVersion(instance: process.instance, generation: snapshot.generation)
    }
  }

  /// The snapshot of a version that was handed out; `nil` if it isn't kept any more, or is none of
  /// the process that has the pid now.
  ///
  /// - Parameters:
  ///   - text: the version, or its generation.
  ///   - space: the process's current address space.
  func snapshot(_ text: some StringProtocol, of pid: Int32, in space: AddressSpace) -> MapsSnapshot?
  {
    state.withLock { state in
      let process = Self.process(pid, space, &state)
      guard let version = MapVersion(text, currentInstance: process.instance),
        version.instance == process.instance
      else { return nil }
      state.processes[pid]?.kept[version.generation]?.lastUse = .now
      return process.kept[version.generation]?.snapshot
    }
  }

  /// The version that `space` would have with this generation.
  func version(_ generation: UInt64, of pid: Int32, in space: AddressSpace) -> MapVersion {
    state.withLock { state in
      let instance = Self.process(pid, space, &state).instance
      return MapVersion(instance: instance, generation: generation)
    }
  }

  /// Forgets processes that have left the service.
  func keepOnly(_ pids: Set<Int32>) {
    state.withLock { $0.processes = $0.processes.filter { pids.contains($0.key) } }
  }

  private static func process(
    _ pid: Int32, _ space: AddressSpace, _ state: inout State
  ) -> Process {
    if let process = state.processes[pid], process.space === space { return process }
    state.lastInstance += 1
    let process = Process(space: space, instance: state.lastInstance)
    state.processes[pid] = process
    return process
  }
}
