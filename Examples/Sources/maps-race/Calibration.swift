// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Synchronization

/// What the machine itself does to a thread: the longest time between two looks at the clock of one
/// that does nothing else, on the mapper's core, with nobody beside it.
///
/// A maximum in the table that is no longer than this says nothing about a strategy.
struct Calibration: Encodable {
  let secondsPerRun: Double
  /// Nanoseconds, of each run.
  private(set) var runMaxima: [UInt64] = []

  init(secondsPerRun: Double) { self.secondsPerRun = secondsPerRun }

  /// Spins for one run.
  mutating func addRun(_ settings: RaceSettings) {
    let found = Mutex<UInt64>(0)
    RaceThread { [secondsPerRun] in
      Scheduling.pinMapper(settings)
      var last = Scheduling.now()
      let end = last + UInt64(secondsPerRun * 1e9)
      var longest: UInt64 = 0
      while last < end {
        let now = Scheduling.now()
        longest = max(longest, now - last)
        last = now
      }
      found.withLock { $0 = longest }
    }.join()
    runMaxima.append(found.withLock { $0 })
  }

  /// One line for the reader.
  var description: String {
    String(
      format: """
        calibration: a spinning thread alone was away for at most %.0f µs; in %.0f %% of %d runs for more \
        than 0.5 ms
        """,
      Double(runMaxima.max() ?? 0) / 1000, runMaxima.share(aboveMilliseconds: 0.5) * 100,
      runMaxima.count)
  }
}
