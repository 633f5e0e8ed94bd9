// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation
import ReadCopyUpdate
import Synchronization

/// What piles up behind a reader that doesn't leave its section.
enum StalledReader {
  static let title = "Memory under a stalled reader"

  /// What is retired: a page each.
  fileprivate static let objectBytes = 4096
  /// Where C's run ends: it has no bound of its own.
  private static let maximumPending: UInt64 = 1 << 30
  private static let limits = RCULimits(maximumPendingBytes: 16 << 20)

  static func group(_ effort: Effort) -> Group {
    let pointer = PagePointer()
    return Group(
      title: title,
      subjects: [
        subject("C, call_rcu", "1 GiB at most", effort, baselines_call_rcu_drain) { deadline in
          var retired: UInt64 = 0
          let peak = baselines_call_rcu_retire_until(
            deadline, objectBytes, maximumPending, &retired)
          return (peak, retired)
        },
        subject("Swift, store", "limit 16 MiB: the writer waits", effort, pointer.drain) {
          deadline in
          let before = RCU.limits
          RCU.limits = limits
          defer { RCU.limits = before }
          return pointer.retire(until: deadline)
        },
      ],
      // Each takes as long as the reader stalls.
      maximumRounds: effort.maximumStalls)
  }

  /// - Parameters:
  ///   - drain: waits until everything is freed, and returns how many objects have been so far.
  ///   - retire: retires until the given time. Returns the most bytes that were retired and not
  ///     yet freed, and how many objects it retired.
  private static func subject(
    _ name: String, _ remark: String, _ effort: Effort, _ drain: @escaping () -> UInt64,
    _ retire: @escaping (UInt64) -> (peak: UInt64, retired: UInt64)
  ) -> Subject {
    let metrics = [
      Metric(
        name: "\(name), peak", meaning: "pages retired, not freed; \(remark)", unit: "bytes",
        baseline: "C, call_rcu, peak"),
      Metric(
        name: "\(name), retired", meaning: "pages retired during the stall", unit: "pages",
        baseline: "C, call_rcu, retired"),
    ]
    return Subject(metrics: metrics) {
      let before = drain()
      let deadline = baselines_now() + effort.stallNanoseconds
      let reader = Stall(until: deadline)
      let (peak, retired) = retire(deadline)
      reader.finished.wait()
      let freed = drain() - before
      guard freed == retired else {
        fail("\(name): \(retired) pages retired, \(freed) freed", code: 70)
      }
      return [Double(peak), Double(retired)]
    }
  }
}

/// A thread that stays in a read section; bp's, which both sides wait for.
private final class Stall: Sendable {
  let finished = DispatchSemaphore(value: 0)

  /// Returns when the thread is in its section.
  init(until deadline: UInt64) {
    let entered = DispatchSemaphore(value: 0)
    Thread { [self] in
      RCU.withReadSection { _ in
        entered.signal()
        while true {
          let now = baselines_now()
          if now >= deadline { break }
          usleep(UInt32(min((deadline - now) / 1000 + 1, 10_000)))
        }
      }
      finished.signal()
    }.start()
    entered.wait()
  }
}

/// A page that counts when it is destroyed, as C's callbacks do.
private struct Page: ~Copyable, Sendable {
  let words = [512 of Int](repeating: 1)

  static let destroyed = Atomic<UInt64>(0)

  deinit { Self.destroyed.add(1, ordering: .relaxed) }
}

private final class PagePointer {
  private let pointer = RCU.Pointer(Page())

  func retire(until deadline: UInt64) -> (peak: UInt64, retired: UInt64) {
    let freed = Page.destroyed.load(ordering: .relaxed)
    var (peak, retired) = (UInt64(0), UInt64(0))
    repeat {
      // Before it is retired, not after: past the limit that waits.
      retired += 1
      let pending = retired - (Page.destroyed.load(ordering: .relaxed) - freed)
      peak = max(peak, pending * UInt64(StalledReader.objectBytes))
      pointer.store(Page())
    } while baselines_now() < deadline
    return (peak, retired)
  }

  func drain() -> UInt64 {
    RCU.barrier()
    return Page.destroyed.load(ordering: .relaxed)
  }
}
