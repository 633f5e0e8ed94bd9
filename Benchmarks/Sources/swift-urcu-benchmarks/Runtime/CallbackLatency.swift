// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Dispatch
import ReadCopyUpdate
import Synchronization

/// From a retirement to its callback.
enum CallbackLatency {
  static let title = "Callback latency, nobody reads"

  static func group(_ effort: Effort) -> Group {
    let callback = "C, call_rcu"
    return Group(
      title: title,
      subjects: [
        latency(callback, against: callback, "from urcu_bp_call_rcu to its callback", effort) {
          baselines_call_rcu_latency()
        },
        latency(
          "Swift, afterGracePeriod", against: callback, "from the call to its action", effort,
          actionLatency),
      ])
  }

  /// The median of some latencies, taken one after another.
  private static func latency(
    _ name: String, against baseline: String, _ meaning: String, _ effort: Effort,
    _ measure: @escaping () -> UInt64
  ) -> Subject {
    Subject(
      metrics: [Metric(name: name, meaning: meaning, unit: "ns", baseline: baseline)]
    ) {
      [(0..<effort.callbacksPerSample).map { _ in Double(measure()) }.median]
    }
  }

  private static func actionLatency() -> UInt64 {
    let call = ActionCall()
    let start = baselines_now()
    RCU.afterGracePeriod { call.finish() }
    call.done.wait()
    return call.called.load(ordering: .relaxed) - start
  }
}

private final class ActionCall: Sendable {
  // Written by the reclaimer before it signals, read after.
  let called = Atomic<UInt64>(0)
  let done = DispatchSemaphore(value: 0)

  func finish() {
    called.store(baselines_now(), ordering: .relaxed)
    done.signal()
  }
}
