// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation
import Synchronization

/// Threads that read the text of a side by chunks, again and again without a pause, on whatever
/// core the scheduler puts them.
final class Scanners: Sendable {
  /// Chunks between two looks at the clock: a look costs as much as some lines.
  private static let chunksPerTurn = 8

  /// When they stop by themselves: a lock that prefers readers may let nobody through who could
  /// stop them.
  private let deadline = Atomic<UInt64>(.max)
  private let finished = DispatchGroup()
  /// The sum of their rates, in bytes per second.
  private let rate = Mutex(0.0)

  /// Starts them, and returns when each has read a chunk, with the time when they will stop.
  static func start(
    _ count: Int, _ side: any TextSide, nanoseconds: UInt64
  ) throws -> (Scanners, deadline: UInt64) {
    let scanners = Scanners()
    let started = DispatchGroup()
    for _ in 0..<count {
      let own = try side.makeChunks()
      // Sendable: used by the thread only.
      nonisolated(unsafe) let chunks = own
      started.enter()
      scanners.finished.enter()
      Thread {
        baselines_unpin_thread()
        scanners.scan(chunks, started)
        scanners.finished.leave()
      }.start()
    }
    started.wait()
    let deadline = baselines_now() + nanoseconds
    scanners.deadline.store(deadline, ordering: .relaxed)
    return (scanners, deadline)
  }

  private func scan(_ chunks: any MapChunks, _ started: DispatchGroup) {
    let start = baselines_now()
    var bytes = read(chunks, 1)
    started.leave()
    var now = baselines_now()
    while now < deadline.load(ordering: .relaxed) {
      bytes += read(chunks, Self.chunksPerTurn)
      now = baselines_now()
    }
    let own = Double(bytes) * 1e9 / Double(now - start)
    rate.withLock { $0 += own }
  }

  private func read(_ chunks: any MapChunks, _ count: Int) -> Int {
    var bytes = 0
    for _ in 0..<count {
      do {
        bytes += try chunks.next()
      } catch {
        fail("a scanner cannot read: \(error)", code: 74)
      }
    }
    return bytes
  }

  /// Waits until they have stopped. Returns the bytes that they read per second, all together.
  func wait() -> Double {
    finished.wait()
    return rate.withLock { $0 }
  }
}
