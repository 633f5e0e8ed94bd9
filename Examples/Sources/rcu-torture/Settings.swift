// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ArgumentParser
import ReadCopyUpdate

/// The library's flavors by their short names.
enum TorturedFlavor: String, CaseIterable, ExpressibleByArgument {
  case bp, memb, mb, qsbr

  var registersThreads: Bool { self != .bp }
}

/// What is broken on purpose. The program must find it.
enum Mutant: String, CaseIterable, ExpressibleByArgument {
  /// Nothing is broken.
  case none
  /// Read sections protect nothing.
  case noSection = "no-section"
  /// Grace periods end at once.
  case noGracePeriod = "no-grace-period"
  /// Readers are not registered, where the flavor asks for it. The library traps.
  case noRegistration = "no-registration"
  /// Updaters publish an element before it is complete.
  case lateWords = "late-words"
  /// The stall monitor is off.
  case noStallMonitor = "no-stall-monitor"
  /// What may wait for a grace period is bounded far above what is checked.
  case noLimits = "no-limits"
}

/// What is done besides reading and updating, in turn.
enum Load: String, CaseIterable {
  /// A reader that doesn't leave its section.
  case stall
  /// Deferred calls without pause, while a reader doesn't leave its section.
  case flood
  /// Threads that read a little and end.
  case churn
  /// A child process that reads, retires and waits.
  case fork
  /// A child process that does the same and can't start threads.
  case threadless
  /// Sections in signal handlers, which interrupt readers and updaters anywhere.
  case signals
  /// Sections in destructors of threads' keys, with signal handlers that read beside and after
  /// them.
  case ends
}

/// What all flavors are run with.
struct Settings {
  var seconds: Double
  var readerCount: Int
  var updaterCount: Int
  var loads: [Load]
  var nests: Bool
  var mutant: Mutant

  /// Elements of each updater: more than can be in the pipeline while a grace period lasts 10 ms.
  static let elementsPerUpdater = 512
  /// Bounds of what may wait, low enough for a flood to reach them at once.
  static let limits = RCULimits(maximumPendingBytes: 8 << 20, maximumPendingCount: 20_000)
  /// What one call of a flood says that it gives back.
  static let floodBytes = 512
  /// A stall lasts as long at least, and is reported from then on.
  static let stallMilliseconds = 30
  /// How long the program waits for what must come: long, since a busy machine is no error.
  var patienceSeconds: Double { mutant == .noStallMonitor ? 1 : 20 }
}
