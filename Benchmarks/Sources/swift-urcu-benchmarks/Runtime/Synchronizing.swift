// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ReadCopyUpdate

/// Waiting for a grace period, while nobody reads, or while some threads do nothing else.
///
/// The reading threads are liburcu's in C, for both.
enum Synchronizing {
  static func title(_ readerCount: Int) -> String {
    switch readerCount {
    case 0: "Synchronize, nobody reads"
    case 1: "Synchronize, 1 thread reads"
    default: "Synchronize, \(readerCount) threads read"
    }
  }

  static func group(_ readerCount: Int, _ effort: Effort) -> Group {
    let fixture = ReadFixture()
    var subjects: [Subject] = []
    for flavor in Flavor.all {
      let c = "C, \(flavor.name)"
      // The same readers for both.
      let reader = flavor.inlined(fixture)
      subjects.append(
        subject(c, c, "urcu_\(flavor.name)_synchronize_rcu", readerCount, reader, effort) {
          flavor.synchronize($1)
        })
      if let wait = waits[flavor.name] {
        subjects.append(
          subject("Swift, \(flavor.name)", c, "synchronize()", readerCount, reader, effort, wait))
      }
    }
    for peer in effort.peers.epochs {
      guard let synchronize = peer.functions.synchronize else { continue }
      subjects.append(
        subject(
          peer.name, "C, bp", "its synchronize, its readers", readerCount, peer.reader, effort
        ) { record, count in synchronize(record.unsafelyUnwrapped, count) })
    }
    return Group(title: title(readerCount), subjects: subjects)
  }

  /// Swift's, by the names of the flavors.
  private static let waits: [String: @Sendable (UnsafeMutableRawPointer?, Int) -> Void] = [
    "bp": { _, count in for _ in 0..<count { RCU.synchronize() } },
    "memb": { _, count in for _ in 0..<count { RCUDomain<MembarrierFlavor>.synchronize() } },
    "mb": { _, count in for _ in 0..<count { RCUDomain<MemoryBarrierFlavor>.synchronize() } },
    "qsbr": { _, count in for _ in 0..<count { RCUDomain<QuiescentStateFlavor>.synchronize() } },
  ]

  private static func subject(
    _ name: String, _ baseline: String, _ meaning: String, _ readerCount: Int, _ reader: Reader,
    _ effort: Effort, _ wait: @escaping (UnsafeMutableRawPointer?, Int) -> Void
  ) -> Subject {
    let metric = Metric(name: name, meaning: meaning, unit: "ns", baseline: baseline)
    var record: UnsafeMutableRawPointer?
    // Alone, it may be shorter than the clock is exact; else the scheduler makes a mean of it.
    let subject =
      readerCount == 0
      ? Subject.loop(name, against: baseline, meaning: meaning, effort: effort) {
        wait(record, $0)
        return $0
      } : Subject(metrics: [metric]) { [median(effort) { wait(record, 1) }] }
    return Subject(metrics: [metric]) {
      var values: Result<[Double], any Error> = .success([])
      // Whoever waits is a reader too, who doesn't read: without any, some need not look.
      reader.within {
        record = $0
        Sink.take(reader.read(record, Reader.countUnit))
        let readers = BusyReaders(readerCount, reader)
        // Alone there, as long as the readers are fewer than the cores.
        baselines_pin_thread(0)
        values = Result { try subject.sample() }
        baselines_unpin_thread()
        readers.stop()
      }
      return try values.get()
    }
  }

  /// The median of what as many calls take as a sample's time allows, but at least a few.
  private static func median(_ effort: Effort, _ wait: () -> Void) -> Double {
    var latencies: [Double] = []
    let start = baselines_now()
    var before = start
    while latencies.count < 9 || before - start < effort.sampleNanoseconds {
      wait()
      let now = baselines_now()
      latencies.append(Double(now - before))
      before = now
    }
    return latencies.median
  }
}
