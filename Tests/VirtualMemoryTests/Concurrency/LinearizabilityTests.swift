// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// What `.snapshot` reads is exactly the version whose generation it reports: all that writers did
/// is done again on another space, and every dump, chunk, answer and batch is compared with that.
@Suite(.serialized) struct LinearizabilityTests {
  @Test(.stress) func stressVersions() {
    let report = Report.ofRun(for: StressOptions.duration)
    #expect(report.wrong.isEmpty)
    #expect(report.counts.versions > 0 && report.counts.batches > 0)
    print("\(report.counts); \(report.operations)")
  }

  /// Few operations are enough for each kind to be done, and each that can be to be refused.
  @Test func operationsAreVaried() {
    let history = VersionHistory(readerCount: 0)
    let operations = Locked(OperationCounts())
    let replay = Locked<String?>("not replayed")
    runThreads([
      {
        let wrong = history.replayAll()
        replay.withLock { $0 = wrong }
      },
      {
        var random = SeededGenerator(seed: 1)
        var done = OperationCounts()
        for _ in 0..<8000 { done.perform(.random(&random), history) }
        operations.withLock { $0 = done }
        history.close()
      },
    ])
    #expect(replay.withLock { $0 } == nil)
    let left = history.waitForVersion(history.space.generation)
    #expect(left?.text == history.space.mapsText().array)
    history.space._checkInvariants()
    let counts = operations.withLock { $0 }
    for kind in SpaceOperation.Kind.allCases {
      #expect(counts.done(kind) > 0, "\(kind)")
      if kind != .exec { #expect(counts.refused(kind) > 0, "\(kind)") }
    }
  }

  // MARK: What is broken is found

  /// Speculative texts keep the contract, but are of no version. On one processor a writer hardly
  /// ever runs while a text is made.
  @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1))
  func dumpsOfManyVersionsAreFound() {
    Self.expectFound(
      Observer.Ways(dump: { space, buffer in space.dump(into: &buffer, by: .speculative) }))
  }

  @Test func dumpsWithAnotherGenerationAreFound() {
    Self.expectFound(
      Observer.Ways(dump: { space, buffer in
        space.dump(into: &buffer)
        yieldThread()
        buffer.generation = space.generation
      }))
  }

  /// A version that is right, but not the current one any more.
  @Test func oldDumpsAreFound() {
    Self.expectFound(
      Observer.Ways(dump: { space, buffer in
        if buffer.count == 0 || space.generation % 6 == 0 { space.dump(into: &buffer) }
      }))
  }

  @Test func answersOfTwoVersionsAreFound() {
    Self.expectFound(
      Observer.Ways(query: { space, address, flags in
        var found = try? space.query(address, matching: flags)
        yieldThread()
        if let changed = try? space.query(address, matching: flags) { found?.end = changed.end }
        return found
      }))
  }

  @Test func batchesOfManyVersionsAreFound() {
    Self.expectFound(
      Observer.Ways(batch: { space, addresses in
        addresses.map { address in
          yieldThread()
          return space.lookup(address)
        }
      }))
  }

  /// The replay does not just agree with whatever it is given.
  @Test func forgottenOperationsAreFound() {
    let report = Report.ofRun(for: Self.patience, forgetting: 100)
    #expect(!report.wrong.isEmpty)
  }

  /// How long a broken reader may go unseen: long enough for a single processor that others use.
  private static let patience = Duration.seconds(120)

  private static func expectFound(_ ways: Observer.Ways) {
    let report = Report.ofRun(for: patience, ways: ways)
    #expect(!report.wrong.isEmpty)
    print("after \(report.counts): \(report.wrong.first?.prefix { $0 != "\n" } ?? "nothing")")
  }

  // MARK: The run

  struct Report: Sendable {
    var counts = Observer.Counts()
    var operations = OperationCounts()
    /// What was wrong.
    var wrong: [String] = []

    /// Two writers, two readers and the replay, until the time is over or something is wrong.
    static func ofRun(
      for duration: Duration, ways: Observer.Ways = .init(), forgetting: Int? = nil
    ) -> Self {
      let history = VersionHistory(readerCount: 2)
      let stop = Flag()
      let report = Locked(Self())
      let deadline = ContinuousClock.now + duration
      let read: @Sendable (Int) -> Void = { index in
        var observer = Observer(history, index: index, ways: ways)
        let wrong = observer.run(until: stop)
        if wrong != nil { stop.raise() }
        let counts = observer.counts
        report.withLock {
          $0.counts += counts
          if let wrong { $0.wrong.append(wrong) }
        }
      }
      runThreads([
        { read(0) }, { read(1) },
        {
          let wrong = history.replayAll(forgetting: forgetting)
          if let wrong { report.withLock { $0.wrong.insert(wrong, at: 0) } }
          stop.raise()
        },
        {
          runThreads(2) { writer in
            let done = write(history, seed: UInt64(writer), until: deadline, stop)
            report.withLock { $0.operations += done }
          }
          history.close()
        },
      ])
      history.space._checkInvariants()
      return report.withLock { $0 }
    }

    private static func write(
      _ history: VersionHistory, seed: UInt64, until deadline: ContinuousClock.Instant, _ stop: Flag
    ) -> OperationCounts {
      var random = SeededGenerator(seed: seed)
      var done = OperationCounts()
      repeat {
        for _ in 0..<16 { done.perform(.random(&random), history) }
      } while ContinuousClock.now < deadline && !stop.isRaised
      return done
    }
  }

  /// Operations by kind.
  struct OperationCounts: Sendable, CustomStringConvertible {
    private var counts = [Int](repeating: 0, count: 2 * SpaceOperation.Kind.allCases.count)

    func done(_ kind: SpaceOperation.Kind) -> Int { counts[2 * kind.rawValue] }
    func refused(_ kind: SpaceOperation.Kind) -> Int { counts[2 * kind.rawValue + 1] }

    mutating func perform(_ operation: SpaceOperation, _ history: VersionHistory) {
      guard let outcome = history.perform(operation) else { return }
      var isRefused = outcome.error != 0
      if case .setBreak(let address) = operation { isRefused = outcome.value != address }
      counts[2 * operation.kind.rawValue + (isRefused ? 1 : 0)] += 1
    }

    static func += (sum: inout Self, other: Self) {
      for index in sum.counts.indices { sum.counts[index] += other.counts[index] }
    }

    var description: String {
      "\(counts.reduce(0, +)) operations: "
        + SpaceOperation.Kind.allCases.map { "\($0) \(done($0)) and \(refused($0)) refused" }
        .joined(separator: ", ")
    }
  }
}
