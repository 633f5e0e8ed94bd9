// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import TestSupport
import MapScripts

/// Ends the process, naming the script, when the model or the kernel takes too long with one: else
/// a loop without end would be a test that hangs, and nobody knows why.
final class ScriptWatch: Sendable {
  static let shared = ScriptWatch()
  /// So long that a machine under any load is faster.
  private static let patience = Duration.seconds(60)

  private struct UnderWay {
    var script: MapScript
    var side: String
    var since: ContinuousClock.Instant
  }

  private let underWay = Locked<UnderWay?>(nil)

  private init() {
    RunningThread.startDetached { [underWay] in
      while true {
        sleep(1)
        let late = underWay.withLock { underWay in
          underWay.flatMap { ContinuousClock.now - $0.since > Self.patience ? $0 : nil }
        }
        if let late { fatalError("\(late.side) doesn't come to an end with:\n\(late.script)") }
      }
    }
  }

  func watch<R, E: Error>(
    _ side: String, _ script: MapScript, _ body: () throws(E) -> R
  ) throws(E) -> R {
    underWay.withLock { $0 = UnderWay(script: script, side: side, since: .now) }
    defer { underWay.withLock { $0 = nil } }
    return try body()
  }
}
