// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import VirtualMemory

/// An element of ``MapsServiceUpdates``: what has changed in a service since the previous element.
public struct MapsServiceUpdate: Sendable {
  /// The new processes with their maps. In the first element, all processes.
  public internal(set) var started: [Int32: MapsSnapshot] = [:]
  /// The changes of the maps of all other processes.
  public internal(set) var changed: [Int32: MapsDifference] = [:]
  /// The processes that have left the service, and why. A pid that now stands for another process,
  /// or for another program, is in ``started`` too.
  public internal(set) var ended: [Int32: MapsUpdate.End] = [:]

  var isEmpty: Bool { started.isEmpty && changed.isEmpty && ended.isEmpty }
}

/// The changes of all processes of a service as they occur: first everything, then differences.
///
/// As with ``/VirtualMemory/MapsUpdates``, nothing is lost and nothing queues up: a slow receiver
/// gets a single element with everything that has changed since its last one. The sequence ends
/// when its task is cancelled.
///
/// - Complexity: an element takes O(processes). Its differences are computed while they are read,
///   at the cost of a ``/VirtualMemory/MapsDifference``.
public struct MapsServiceUpdates: AsyncSequence, Sendable {
  public typealias Element = MapsServiceUpdate
  public typealias Failure = Never

  let service: MapsService
  let waiters: ChangeWaiters
  let interval: Duration

  public func makeAsyncIterator() -> Iterator { Iterator(self) }

  /// The iterator of a ``MapsServiceUpdates``, which waits for changes. Each iterator may be used
  /// by one task only.
  public struct Iterator: AsyncIteratorProtocol {
    private struct Known {
      let process: ServedProcess
      var snapshot: MapsSnapshot
    }

    private let updates: MapsServiceUpdates
    private var known: [Int32: Known]?
    private var changeCount: UInt64 = 0
    private var nextTime: ContinuousClock.Instant?

    fileprivate init(_ updates: MapsServiceUpdates) { self.updates = updates }

    public mutating func next() async -> MapsServiceUpdate? { await next(isolation: #isolation) }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async -> MapsServiceUpdate? {
      while !Task.isCancelled {
        if let nextTime { try? await Task.sleep(until: nextTime, clock: .continuous) }
        let (waiters, seen) = (updates.waiters, changeCount)
        if known != nil { await waiters.wait { waiters.changeCount != seen } }
        if Task.isCancelled { break }
        let isFirst = known == nil
        // Before the processes are read, so that no change in between is missed.
        changeCount = waiters.changeCount
        let update = collect()
        if updates.interval > .zero { nextTime = .now + updates.interval }
        if isFirst || !update.isEmpty { return update }
      }
      return nil
    }

    /// Compares the processes with those that are known, and makes them known.
    private mutating func collect() -> MapsServiceUpdate {
      var update = MapsServiceUpdate()
      var old = known ?? [:]
      var new: [Int32: Known] = [:]
      // A pid that gets another process meanwhile may be met with both: the later counts.
      var processes: [Int32: ServedProcess] = [:]
      updates.service.forEach { processes[$0.pid] = $0 }
      for (pid, process) in processes {
        guard var known = old[pid], known.process === process else {
          // Told once it is known why the one before has ended.
          if let before = old[pid], before.process.end == nil { continue }
          let snapshot = process.space.snapshot()
          update.started[pid] = snapshot
          new[pid] = Known(process: process, snapshot: snapshot)
          continue
        }
        old[pid] = nil
        if process.space.generation != known.snapshot.generation {
          let snapshot = process.space.snapshot()
          update.changed[pid] = AddressSpace.difference(from: known.snapshot, to: snapshot)
          known.snapshot = snapshot
        }
        new[pid] = known
      }
      for (pid, known) in old {
        // It has left the table, and is about to say why: that is a change, too.
        if let end = known.process.end { update.ended[pid] = end } else { new[pid] = known }
      }
      known = new
      return update
    }
  }
}
