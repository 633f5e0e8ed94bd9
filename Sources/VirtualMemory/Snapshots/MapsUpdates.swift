// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// An element of ``MapsUpdates``.
public enum MapsUpdate: Sendable {
  /// The first element: the current map.
  case state(MapsSnapshot)
  /// All changes since the previous element, merged.
  case changes(MapsDifference)
  /// The last element: there will be no more changes, for this reason.
  case ended(End)

  /// Why there will be no more changes.
  public enum End: Sendable, Hashable, Codable {
    /// The process has exited.
    case exited
    /// The process has started another program (`exec`), which can't be followed.
    case replaced
    /// The address space was removed from its service, or its mirror was detached.
    case detached
  }

  /// The generation that the receiver has reached after this element; `nil` for the last one.
  public var generation: UInt64? {
    switch self {
    case .state(let snapshot): snapshot.generation
    case .changes(let difference): difference.to.generation
    case .ended: nil
    }
  }
}

/// The changes of an address space as they occur: first its state, then differences.
///
/// ```swift
/// for await update in space.updates() {
///   switch update {
///   case .state(let snapshot): index = Index(snapshot)
///   case .changes(let difference): for change in difference { index.apply(change) }
///   case .ended(let reason): print("ended: \(reason)")
///   }
/// }
/// ```
///
/// Nothing is lost and nothing queues up: a slow receiver gets a single difference with everything
/// that has changed since its last one. Each difference starts from the generation at which the
/// previous element ended. A slow receiver costs memory for the nodes of one version, which it
/// keeps. The writer doesn't compute differences: the task that reads one does, while it reads.
///
/// The sequence ends with ``MapsUpdate/ended(_:)``, or without another element if the task is
/// cancelled.
public struct MapsUpdates: AsyncSequence, Sendable {
  public typealias Element = MapsUpdate
  public typealias Failure = Never

  let space: AddressSpace
  let start: MapsSnapshot?
  let interval: Duration

  public func makeAsyncIterator() -> Iterator {
    Iterator(space: space, start: start, interval: interval)
  }

  /// The iterator of a ``MapsUpdates``, which waits for changes. Each iterator may be used by one
  /// task only.
  public struct Iterator: AsyncIteratorProtocol {
    private let space: AddressSpace
    private let interval: Duration
    private let start: MapsSnapshot?
    private var last: MapsSnapshot?
    private var nextTime: ContinuousClock.Instant?
    private var isOver = false

    fileprivate init(space: AddressSpace, start: MapsSnapshot?, interval: Duration) {
      self.space = space
      self.start = start
      self.interval = interval
    }

    public mutating func next() async -> MapsUpdate? {
      await next(isolation: #isolation)
    }

    public mutating func next(isolation actor: isolated (any Actor)?) async -> MapsUpdate? {
      guard !isOver else { return nil }
      guard let last else {
        let first = start ?? space.snapshot()
        self.last = first
        if start == nil { return .state(first) }
        return await next(isolation: actor)
      }
      if let nextTime { try? await Task.sleep(until: nextTime, clock: .continuous) }
      let (space, generation) = (space, last.generation)
      await space.changeWaiters.wait { space.latestGeneration != generation }
      if Task.isCancelled {
        isOver = true
        return nil
      }
      if space.generation == generation, let end = space.changeWaiters.end {
        isOver = true
        return .ended(end)
      }
      let current = space.snapshot()
      self.last = current
      if interval > .zero { nextTime = .now + interval }
      return .changes(AddressSpace.difference(from: last, to: current))
    }
  }
}

extension AddressSpace {
  /// The changes of the address space from now on, or since a snapshot.
  ///
  /// - Parameters:
  ///   - snapshot: the version from which the changes start; `nil` for the current one, which then
  ///     is the first element.
  ///   - interval: the least time between two differences. Changes in between are merged.
  /// - Precondition: the snapshot is of this address space.
  /// - Threads: any; each iterator belongs to one task.
  /// - Complexity: O(1) to get an element; see ``MapsDifference`` for the cost of reading it. If no
  ///   task waits, a change costs its writer two loads; otherwise, its writer wakes the tasks.
  public func updates(
    since snapshot: MapsSnapshot? = nil, atMostEvery interval: Duration = .zero
  ) -> MapsUpdates {
    require(
      snapshot.map { $0.space === self } ?? true,
      "AddressSpace.updates: the snapshot must be of this address space")
    return MapsUpdates(space: self, start: snapshot, interval: interval)
  }

  /// The ``generation``, for a task that has announced itself to ``ChangeWaiters``.
  ///
  /// Sequentially consistent: pairs with the exchange in `publish`, see there. Guarantees that
  /// either this load sees the new version, or its writer sees the task.
  fileprivate var latestGeneration: UInt64 {
    RCU.withReadSection { _ in
      // Safety: the block holds a Version for as long as the section is open.
      unsafe current.load(ordering: .sequentiallyConsistent)
        .assumingMemoryBound(to: Version.self).pointee.generation
    }
  }

  /// Notes that the address space won't change any more. Every ``updates(since:atMostEvery:)`` ends
  /// after it has delivered all changes.
  package func endUpdates(_ reason: MapsUpdate.End) { changeWaiters.finish(reason) }

  /// The reason why the address space won't change any more; `nil` as long as it may.
  package var updatesEnd: MapsUpdate.End? { changeWaiters.end }

  /// From now on, notifies `waiters` of all changes too: the waiters of a service, which all its
  /// address spaces share.
  ///
  /// - Precondition: the address space isn't in another service.
  package func notifyChanges(_ waiters: ChangeWaiters) { changeWaiters.notify(waiters) }
}
