// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import TestSupport
import Testing

@testable import SequenceLocks

/// Readers of a lock whose writer stays inside: bounded attempts, then the writer's lock.
@Suite struct SequenceLockFallbackTests {
  @Test func readerEndsAtTheWritersLock() {
    let shared = SharedSequenceLock(1)
    let inside = Flag()
    let loaded = Loaded()
    runThreads([
      {
        shared.lock.writer.withLock { _ in
          shared.setCounter(1)
          inside.raise()
          // The reader has given up and waits for the lock, which this thread holds.
          #expect(waitUntil { shared.statistics.fallbackCount == 1 })
          #expect(loaded.value.load(ordering: .relaxed) == 0)
          shared.setWords(2)
          shared.setCounter(2)
        }
      },
      {
        inside.wait()
        #expect(shared.loadIfStable() == nil)
        loaded.value.store(shared.load(), ordering: .relaxed)
      },
    ])
    #expect(loaded.value.load(ordering: .relaxed) == 2)
    let attempts = UInt64(SequenceLock<Int>.maximumAttempts)
    #expect(
      shared.statistics
        == SequenceLockStatistics(retryCount: attempts - 1, fallbackCount: 1))
  }

  /// One attempt that fails costs one retry, no fallback.
  @Test func loadIfStableNeverWaits() {
    let shared = SharedSequenceLock(Payload4(seed: 1))
    shared.lock.writer.withLock { _ in
      shared.setCounter(1)
      for _ in 0..<100 { #expect(shared.loadIfStable() == nil) }
      shared.setCounter(2)
    }
    #expect(shared.loadIfStable() == Payload4(seed: 1))
    #expect(shared.statistics == SequenceLockStatistics(retryCount: 0, fallbackCount: 0))
  }

  /// Under the writer's lock nobody else can have left the counter odd.
  @Test func oddCounterWithoutAWriterTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let shared = SharedSequenceLock(1)
      shared.setCounter(1)
      _ = shared.load()
    }
    expectMessage(of: result, names: ["SequenceLock", "odd though nobody is writing"])
  }

  private final class Loaded: Sendable {
    let value = Atomic(0)
  }
}
