// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CScheduling
import Foundation

/// Where threads run, how strong they are, and what time it is.
enum Scheduling {
  /// The cores that this process may use, of the first 1,024.
  static let cores: [Int32] = {
    let cores = (0..<Int32(1024)).filter(scheduling_may_use)
    return cores.isEmpty ? [0] : cores
  }()

  /// Puts the calling thread on one core. Where that is refused it stays where it is.
  static func pin(to core: Int32) { _ = scheduling_pin(core) }

  /// The mapper's core: the first.
  static func pinMapper(_ settings: RaceSettings) {
    if settings.isPinned { pin(to: cores[0]) }
    // The default slack of 50 µs would make five pauses of one.
    _ = scheduling_set_timer_slack(1)
  }

  /// A reader's or busy task's core: one of the others, where there are others.
  static func pinOther(_ index: Int, _ settings: RaceSettings) {
    guard settings.isPinned else { return }
    let others = cores.count > 1 ? Array(cores.dropFirst()) : cores
    pin(to: others[index % others.count])
  }

  /// Makes the calling thread weaker.
  static func lowerPriority() {
    _ = scheduling_set_niceness(RaceSettings.readerNiceness)
  }

  /// A task that takes its core for a few milliseconds, again and again, until `isDone`.
  static func runBusyTask(seed: UInt64, until isDone: () -> Bool) {
    var generator = SplitMix64(state: seed)
    while !isDone() {
      let end = now() + UInt64.random(in: 1_000_000...4_000_000, using: &generator)
      while now() < end {}
      usleep(UInt32.random(in: 1_000...4_000, using: &generator))
    }
  }

  /// Nanoseconds of the monotonic clock.
  @inline(__always)
  static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  static func kernelRelease() -> String {
    var name = utsname()
    uname(&name)
    return withUnsafeBytes(of: name.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  static func describe(_ settings: RaceSettings) -> String {
    guard settings.isPinned else { return "not pinned, \(cores.count) cores" }
    let others = cores.count > 1 ? "the others on \(cores.count - 1) more" : "all on one core"
    return "mapper on core \(cores[0]), \(others)"
  }
}
