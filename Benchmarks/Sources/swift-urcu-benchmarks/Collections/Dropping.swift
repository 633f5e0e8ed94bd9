// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation
import ReadCopyUpdate
import Synchronization

/// What others notice of a large container that is dropped: the longest beat of a thread that
/// replaces a pointee each millisecond.
enum Dropping {
  static let title = "Dropping 10,000,000 entries, a heartbeat beside it"

  static func group(_ effort: Effort) -> Group {
    let count = effort.scaled(10_000_000)
    let alone = "nothing is dropped"
    return Group(
      title: title,
      subjects: [
        subject(alone, against: alone, effort) { {} },
        subject("Swift, HashTable", against: alone, effort) {
          var table: RCU.HashTable<Int, Int>? = RCU.HashTable(minimumCapacity: count)
          for key in 0..<count { _ = table!.insert(1, forKey: key) }
          return { table = nil }
        },
        subject("Swift, List", against: alone, effort) {
          var list: RCU.List<Int>? = RCU.List()
          for element in 0..<count { list!.append(element) }
          return { list = nil }
        },
      ], maximumRounds: effort.maximumWindows)
  }

  /// - Parameter make: makes what is dropped, and returns what drops it.
  private static func subject(
    _ name: String, against baseline: String, _ effort: Effort,
    _ make: @escaping () -> () -> Void
  ) -> Subject {
    let metric = Metric(
      name: name, meaning: "the longest beat of 1 ms: sleep, and store a pointee", unit: "ns",
      baseline: baseline)
    return Subject(metrics: [metric]) {
      let drop = make()
      RCU.barrier()
      let heart = Heart()
      baselines_pause(effort.isQuick ? 5_000_000 : 100_000_000)
      drop()
      RCU.barrier()
      return [Double(heart.stop())]
    }
  }
}

/// A thread that beats each millisecond, until it is told to stop.
private final class Heart: Sendable {
  private let isStopped = Atomic(false)
  private let longest = Atomic<UInt64>(0)
  private let finished = DispatchGroup()
  private let pointer = RCU.Pointer(0)

  init() {
    finished.enter()
    Thread { [self] in
      var last = baselines_now()
      while !isStopped.load(ordering: .relaxed) {
        baselines_pause(1_000_000)
        pointer.store(1)
        let now = baselines_now()
        longest.max(now - last, ordering: .relaxed)
        last = now
      }
      finished.leave()
    }.start()
  }

  /// - Returns: the nanoseconds of the longest beat.
  func stop() -> UInt64 {
    isStopped.store(true, ordering: .relaxed)
    finished.wait()
    return longest.load(ordering: .relaxed)
  }
}
