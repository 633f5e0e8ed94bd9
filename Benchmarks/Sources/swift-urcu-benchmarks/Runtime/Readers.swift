// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation
import Synchronization

/// Something that reads a pointer to a 1.
struct Reader: Sendable {
  /// Runs a body between what a thread must do before it reads and what undoes it. Passes what the
  /// reads take.
  var within: @Sendable ((UnsafeMutableRawPointer?) -> Void) -> Void = { body in body(nil) }
  /// Reads so many times, a multiple of ``countUnit``, and returns the sum of what it read.
  let read: @Sendable (UnsafeMutableRawPointer?, Int) -> Int

  static let countUnit = Int(BASELINES_SECTIONS_PER_TURN)

  /// Nanoseconds of the calling thread for one of `count` reads. What comes before and after
  /// doesn't count.
  ///
  /// - Parameters:
  ///   - gate: passed just before the first read that counts.
  ///   - counts: whether the part counts that has ended.
  func time(
    _ count: Int, gate: () -> Void = {}, counts: () -> Bool = { true }
  ) -> Double? {
    var nanoseconds: Double?
    within { record in
      // What a thread does once, at its first read, doesn't count either.
      check(read(record, Self.countUnit), Self.countUnit)
      gate()
      nanoseconds = medianOfParts(count, unit: Self.countUnit, counts: counts) {
        check(read(record, $0), $0)
      }
    }
    return nanoseconds
  }

  /// Nanoseconds for one of `count` reads by each of `threadCount` threads that read at the same
  /// time, each on a core of its own: the mean of their own times.
  func time(_ count: Int, threadCount: Int) -> Double {
    for _ in 0..<Self.maximumAttempts {
      if threadCount == 1 {
        if let nanoseconds = time(count) { return nanoseconds }
      } else {
        let team = Team(threadCount)
        for index in 0..<threadCount { team.start(index, reader: self, count) }
        if let total = team.wait() { return total / Double(threadCount) }
      }
    }
    fail("\(threadCount) threads never ran at the same time: is the machine busy?", code: 75)
  }

  /// How often threads are started that the scheduler may keep from running at the same time.
  private static let maximumAttempts = 1000

  private func check(_ sum: Int, _ count: Int) {
    guard sum == count else { fail("\(count) reads of a 1 gave \(sum)", code: 70) }
  }
}

extension Subject {
  /// Nanoseconds per read of each of some threads that read at the same time.
  static func reads(
    _ name: String, against baseline: String? = nil, meaning: String, effort: Effort,
    threadCount: Int, _ reader: Reader
  ) -> Subject {
    var count = 0
    let metric = Metric(name: name, meaning: meaning, unit: "ns", baseline: baseline ?? name)
    return Subject(metrics: [metric]) {
      if count == 0 {
        count = calibrate(effort, from: Reader.countUnit) {
          UInt64(reader.time($0, threadCount: 1) * Double($0))
        }
      }
      return [reader.time(count, threadCount: threadCount)]
    }
  }
}

/// Threads that read without pause until they are told to stop, each on a core of its own.
final class BusyReaders: Sendable {
  /// How many reads they do between two looks at whether they should stop.
  private static let readsPerTurn = 1024

  private let isStopped = Atomic(false)
  private let finished = DispatchGroup()

  /// Starts the threads, and returns when each has read.
  init(_ threadCount: Int, _ reader: Reader) {
    let started = DispatchGroup()
    for index in 0..<threadCount {
      started.enter()
      finished.enter()
      Thread { [self] in
        // Beside whoever waits for them, as long as there are cores.
        baselines_pin_thread(index + 1)
        reader.within { record in readUntilStopped(reader, record, started) }
        finished.leave()
      }.start()
    }
    started.wait()
  }

  private func readUntilStopped(
    _ reader: Reader, _ record: UnsafeMutableRawPointer?, _ started: DispatchGroup
  ) {
    var count = Self.readsPerTurn
    var sum = reader.read(record, count)
    started.leave()
    while !isStopped.load(ordering: .relaxed) {
      sum += reader.read(record, Self.readsPerTurn)
      count += Self.readsPerTurn
    }
    guard sum == count else { fail("\(count) reads of a 1 gave \(sum)", code: 70) }
  }

  /// Stops the threads, and returns when they have.
  func stop() {
    isStopped.store(true, ordering: .relaxed)
    finished.wait()
  }
}

/// Threads that read at the same time.
private final class Team: Sendable {
  // How many have not arrived at the gate.
  private let missing: Atomic<Int>
  // How many parts all have done.
  private let parts = Atomic(0)
  // The sum of their times; nil when one has none.
  private let total = Mutex<Double?>(0)
  private let finished = DispatchGroup()

  init(_ threadCount: Int) { missing = Atomic(threadCount) }

  /// Starts a thread that reads.
  func start(_ index: Int, reader: Reader, _ count: Int) {
    finished.enter()
    Thread { [self] in
      // Else the scheduler may leave all on the core where they were made.
      baselines_pin_thread(index)
      // What the others had done when the last part ended, and the one before.
      var (own, last, beforeLast) = (0, 0, 0)
      let nanoseconds = reader.time(count, gate: passGate) {
        own += 1
        let others = parts.add(1, ordering: .relaxed).newValue - own
        defer { (last, beforeLast) = (others, last) }
        // Parts are about as long as the others': one of theirs ends in two of these, unless
        // they don't run.
        return others > beforeLast
      }
      total.withLock { sum in sum = nanoseconds.flatMap { time in sum.map { $0 + time } } }
      finished.leave()
    }.start()
  }

  /// Returns when all have arrived.
  private func passGate() {
    missing.subtract(1, ordering: .relaxed)
    // Not asleep: whoever is first must be running when the last arrives.
    while missing.load(ordering: .relaxed) > 0 { continue }
  }

  /// Waits for all, and returns what they took together, if all have read beside the others.
  func wait() -> Double? {
    finished.wait()
    return total.withLock { $0 }
  }
}
