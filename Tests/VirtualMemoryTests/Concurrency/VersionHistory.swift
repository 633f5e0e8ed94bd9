// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import TestSupport

@testable import VirtualMemory

/// What writers did, in order, and the versions that it made: done again by one thread on an
/// address space that nobody else sees. Both are kept for a while only, so that a run may be as
/// long as it likes: writers wait for the replay, the replay for the readers that may still ask for
/// a version.
final class VersionHistory: Sendable {
  /// Operations that the replay may lag behind.
  static let maximumLag = 256
  /// Write sections whose versions are kept.
  static let keptCount: UInt64 = 1024

  struct Entry: Sendable {
    var operation: SpaceOperation
    var outcome: SpaceOperation.Outcome
    /// Of the version that was current afterwards.
    var generation: UInt64
  }

  let space = SmallSpace.make()
  let readers: [Reader]
  private let replay = SmallSpace.make()
  // Written by whichever writer holds the lock, taken out by the replay.
  private let log = Locked<[Entry]>([])
  private let versions: [RecordedVersion]
  private let firstGeneration: UInt64
  // Written by writers (releasing), read by readers (acquiring).
  private let completed: Atomic<UInt64>
  // Written by the replay (releasing) when the version can be read, read by readers (acquiring).
  private let replayed: Atomic<UInt64>
  private let closed = Flag()
  private let hasEnded = Flag()

  /// The oldest version that one reader may still ask for.
  final class Reader: Sendable {
    // Written by the reader (releasing) when it has done with older ones; read by the replay
    // (acquiring) before it writes over one.
    fileprivate let floor: Atomic<UInt64>

    fileprivate init(_ generation: UInt64) { floor = Atomic(generation) }

    func needsNothing(below generation: UInt64) { floor.store(generation, ordering: .releasing) }
    func needsNothing() { needsNothing(below: .max) }
  }

  init(readerCount: Int) {
    let generation = space.generation
    precondition(replay.generation == generation, "VersionHistory: both spaces start alike")
    firstGeneration = generation
    completed = Atomic(generation)
    replayed = Atomic(generation)
    readers = (0..<readerCount).map { _ in Reader(generation) }
    versions = (0..<Self.keptCount).map { _ in RecordedVersion() }
    version(generation).record(
      replay, Entry(operation: .exec, outcome: .init(), generation: generation))
  }

  private func version(_ generation: UInt64) -> RecordedVersion {
    versions[Int(generation / 2 % Self.keptCount)]
  }
}

// MARK: - Writing

extension VersionHistory {
  /// Does `operation`, and writes it down.
  ///
  /// Writers take turns: an operation doesn't tell which version it left.
  ///
  /// - Returns: what came of it; `nil` if the replay has ended, and it wasn't done.
  func perform(_ operation: SpaceOperation) -> SpaceOperation.Outcome? {
    while !hasEnded.isRaised {
      let outcome = log.withLock { log -> SpaceOperation.Outcome? in
        guard log.count < Self.maximumLag else { return nil }
        let outcome = operation.perform(on: space)
        let generation = space.generation
        log.append(Entry(operation: operation, outcome: outcome, generation: generation))
        completed.store(generation, ordering: .releasing)
        return outcome
      }
      if let outcome { return outcome }
      yieldThread()
    }
    return nil
  }

  /// No operation comes any more.
  func close() { closed.raise() }

  // MARK: Replaying

  /// Does again what is written down, until the history is closed.
  ///
  /// - Parameter forgetting: leaves out every so many-th operation, to see that it is missed.
  /// - Returns: what went another way, if anything.
  func replayAll(forgetting: Int? = nil) -> String? {
    var last = firstGeneration
    var count = 0
    // Whatever is wrong, nobody waits for a version for ever.
    defer {
      replayed.store(.max, ordering: .releasing)
      hasEnded.raise()
    }
    while true {
      let isLast = closed.isRaised
      let entries = log.withLock { log in
        defer { log.removeAll(keepingCapacity: true) }
        return log
      }
      for entry in entries {
        count += 1
        if let forgetting, count % forgetting == 0 { continue }
        if let wrong = replay(entry, after: &last) { return wrong }
      }
      if entries.isEmpty {
        if isLast { return nil }
        yieldThread()
      }
    }
  }

  private func replay(_ entry: Entry, after last: inout UInt64) -> String? {
    let before = replay.generation
    let outcome = entry.operation.perform(on: replay)
    guard outcome == entry.outcome else {
      return "\(entry.operation): \(entry.outcome), and \(outcome) when replayed"
    }
    let isChange = replay.generation != before
    guard isChange == (entry.generation != last) else {
      return "\(entry.operation): generation \(last) became \(entry.generation), in the replay "
        + "\(before) became \(replay.generation)"
    }
    guard isChange else { return nil }
    last = entry.generation
    while readers.contains(where: { reader in
      // Acquiring. Pairs with `needsNothing`: what the reader read of the version is over.
      let floor = reader.floor.load(ordering: .acquiring)
      return floor != .max && last >= floor + 2 * Self.keptCount
    }) { yieldThread() }
    version(last).record(replay, entry)
    // Releasing. Pairs with `waitForVersion`.
    replayed.store(last, ordering: .releasing)
    return nil
  }
}

// MARK: - Reading

extension VersionHistory {
  /// The version that some operation has left by now: whoever reads after this sees it or a later
  /// one.
  var completedGeneration: UInt64 { completed.load(ordering: .acquiring) }

  /// The version of this generation, when the replay has come to it; `nil` if no operation left it.
  ///
  /// The caller's ``Reader`` needs it.
  func waitForVersion(_ generation: UInt64) -> RecordedVersion? {
    // Acquiring. Pairs with `replay`: the version is seen as it was recorded.
    while replayed.load(ordering: .acquiring) < generation { yieldThread() }
    let version = version(generation)
    return version.generation == generation ? version : nil
  }
}
