// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// What a reader of ``MapsUpdates`` is told.
public enum MapsUpdate: Sendable {
  /// The first element: the map as it is now.
  case state(MapsSnapshot)
  /// What has changed since the element before, all of it, merged.
  case changes(MapsDifference)
  /// The last element: there will be no more changes.
  case ended(End)

  /// Why there will be no more changes.
  public enum End: Sendable, Hashable, Codable {
    /// The process has exited.
    case exited
    /// The process has begun another program, which can't be followed.
    case replaced
    /// The address space was taken out of its service, or its mirror was detached.
    case detached
  }

  /// The generation that the receiver has when it has taken this element into account; `nil` for
  /// the end.
  public var generation: UInt64? {
    switch self {
    case .state(let snapshot): snapshot.generation
    case .changes(let difference): difference.to.generation
    case .ended: nil
    }
  }
}

/// The changes of an address space, as they come: first its state, then differences.
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
/// Nothing is lost and nothing queues up: a receiver that is slow gets one difference that has
/// everything since the last one. Each begins with the generation that the one before ended with.
/// What a slow receiver costs is the nodes of one version, which it keeps; differences are made
/// when they are read, by the task that reads them, and the writer makes none.
///
/// It ends when the task is cancelled, then without an element, or with ``MapsUpdate/ended(_:)``.
public struct MapsUpdates: AsyncSequence, Sendable {
  public typealias Element = MapsUpdate
  public typealias Failure = Never

  let space: AddressSpace
  let start: MapsSnapshot?
  let interval: Duration

  public func makeAsyncIterator() -> Iterator {
    Iterator(space: space, start: start, interval: interval)
  }

  /// Waits for changes.
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
  /// The changes of the address space from now on, or from a snapshot on.
  ///
  /// - Parameters:
  ///   - snapshot: where to begin; `nil` for the current version, which then is the first element.
  ///   - interval: the least time from one difference to the next: what changes meanwhile is
  ///     merged.
  /// - Precondition: the snapshot is one of this address space.
  /// - Threads: any; each iterator is one task's.
  /// - Complexity: an element is O(1) to get; see ``MapsDifference`` for what it costs to read. A
  ///   change costs its writer one load if no task waits, else the waking of those that do.
  public func updates(
    since snapshot: MapsSnapshot? = nil, atMostEvery interval: Duration = .zero
  ) -> MapsUpdates {
    require(
      snapshot.map { $0.space === self } ?? true,
      "AddressSpace.updates: the snapshot is another address space's")
    return MapsUpdates(space: self, start: snapshot, interval: interval)
  }

  /// ``generation`` for a task that has announced itself to ``ChangeWaiters``.
  ///
  /// Sequentially consistent: pairs with the exchange in `publish`, see there.
  fileprivate var latestGeneration: UInt64 {
    RCU.withReadSection { _ in
      // Safety: the block holds a Version for as long as the section is open.
      unsafe current.load(ordering: .sequentiallyConsistent)
        .assumingMemoryBound(to: Version.self).pointee.generation
    }
  }

  /// Says that the address space won't change any more: ends ``updates(since:atMostEvery:)`` of all
  /// readers, once they have been told of all changes.
  package func endUpdates(_ reason: MapsUpdate.End) { changeWaiters.finish(reason) }

  /// Why it won't change any more; `nil` while it may.
  package var updatesEnd: MapsUpdate.End? { changeWaiters.end }

  /// Tells `waiters` of all changes: those of a service, which all its address spaces share.
  package func notifyChanges(_ waiters: ChangeWaiters) { changeWaiters.notify(waiters) }
}
