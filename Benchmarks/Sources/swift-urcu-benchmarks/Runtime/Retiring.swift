// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ReadCopyUpdate
import Synchronization

/// Replacing an object of 64 bytes and retiring the old one, while nobody reads.
enum Retiring {
  static let title = "Retiring 64 bytes, nobody reads"
  private static let callRCU = "C, call_rcu"

  static func group(_ effort: Effort) -> Group {
    let fixture = RetireFixture()
    let closures = ClosureFixture()
    var subjects = [
      subject(callRCU, "allocate, exchange, call_rcu", effort, baselines_call_rcu_retire) {
        baselines_call_rcu_drain()
      },
      subject("Swift, store", "Pointer.store", effort, fixture.retire) { fixture.drain() },
      bounded("Swift, store, 1 MiB at most", effort, fixture),
      subject(
        "Swift, afterGracePeriod", "allocate, exchange, afterGracePeriod", effort, closures.retire
      ) { closures.drain() },
    ]
    subjects += effort.peers.epochs.map { peer in
      let record = peer.functions.enter_thread()
      return subject(
        peer.name, "allocate, exchange, retire; its own thread frees", effort,
        { peer.functions.retire(record, $0) }
      ) { peer.functions.drain(record) }
    }
    return Group(title: title, subjects: subjects)
  }

  /// Two metrics: until the last object is retired, and until the last is freed.
  ///
  /// - Parameter drain: waits for that, and returns how many have been freed so far.
  private static func subject(
    _ name: String, _ meaning: String, _ effort: Effort, _ retire: @escaping (Int) -> Void,
    _ drain: @escaping () -> UInt64
  ) -> Subject {
    let count = effort.retirementsPerSample
    let metrics = [("", meaning), (", all freed", "the same, and until the last is freed")].map {
      suffix, meaning in
      Metric(name: name + suffix, meaning: meaning, unit: "ns", baseline: callRCU + suffix)
    }
    // What is done once doesn't count.
    retire(1)
    return Subject(metrics: metrics) {
      let freed = drain()
      let start = baselines_now()
      retire(count)
      let retired = baselines_now()
      let freedNow = drain()
      let end = baselines_now()
      guard freedNow - freed == UInt64(count) else {
        fail("\(name): \(count) retired, \(freedNow - freed) freed", code: 70)
      }
      return [retired - start, end - start].map { Double($0) / Double(count) }
    }
  }

  /// With so low a limit that the retiring thread waits for the reclaimer over and over.
  private static func bounded(
    _ name: String, _ effort: Effort, _ fixture: RetireFixture
  ) -> Subject {
    let subject = subject(
      name, "the same under a limit of 16,384 objects", effort, fixture.retire
    ) { fixture.drain() }
    return Subject(metrics: subject.metrics) {
      let before = RCU.limits
      RCU.limits = RCULimits(maximumPendingBytes: 1 << 20)
      defer { RCU.limits = before }
      return try subject.sample()
    }
  }
}

/// As large as what the others retire; counts when it is destroyed, as their callbacks do.
private struct Payload: ~Copyable, Sendable {
  let words: (Int, Int, Int, Int, Int, Int, Int, Int) = (1, 1, 1, 1, 1, 1, 1, 1)

  static let destroyed = Atomic<UInt64>(0)

  deinit { Self.destroyed.add(1, ordering: .relaxed) }
}

private final class RetireFixture {
  private let pointer = RCU.Pointer(Payload())

  @inline(never)
  func retire(_ count: Int) {
    for _ in 0..<count { pointer.store(Payload()) }
  }

  func drain() -> UInt64 {
    RCU.barrier()
    return Payload.destroyed.load(ordering: .relaxed)
  }
}

/// The same with memory of one's own, and a closure that frees it.
private final class ClosureFixture {
  private static let freed = Atomic<UInt64>(0)
  private let current = Atomic<UnsafeMutablePointer<Int>?>(nil)

  @inline(never)
  func retire(_ count: Int) {
    let wordCount = Int(PEER_NODE_BYTES) / MemoryLayout<Int>.size
    for _ in 0..<count {
      let object = UnsafeMutablePointer<Int>.allocate(capacity: wordCount)
      object.initialize(repeating: 1, count: wordCount)
      guard let exchanged = current.exchange(object, ordering: .acquiringAndReleasing) else {
        continue
      }
      // Safety: out of everybody's reach after the exchange, and the closure has it alone.
      nonisolated(unsafe) let old = exchanged
      RCU.afterGracePeriod(bytes: Int(PEER_NODE_BYTES)) {
        old.deallocate()
        Self.freed.add(1, ordering: .relaxed)
      }
    }
  }

  func drain() -> UInt64 {
    RCU.barrier()
    return Self.freed.load(ordering: .relaxed)
  }
}
