// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ReadCopyUpdate
import Synchronization

/// Hash tables of numbers, beside a dictionary under a lock and tables of other libraries.
enum HashTables {
  static func title(_ count: Int, _ threadCount: Int) -> String {
    "Hash table, \(grouped(count)) entries, \(threadCount) thread\(threadCount == 1 ? "" : "s")"
  }

  private static let baseline = "C, cds_lfht"

  static func group(_ entryCount: Int, _ threadCount: Int, _ effort: Effort) -> Group {
    let count = effort.scaled(entryCount)
    let keys = TableKeys(count)
    var (sides, memory): ([any TableSide], [Double]) = ([], [])
    for make in makers(effort, hasCopies: threadCount == 1 || count <= 1_000) {
      let before = baselines_allocated_bytes()
      let side = make()
      side.insert(keys.present)
      side.settle(count)
      let found = side.lookup(keys.present)
      guard found == count else { fail("\(side.name): \(found) of \(count) found", code: 70) }
      // What growing has retired is no part of it.
      RCU.barrier()
      memory.append(Double(baselines_allocated_bytes() - before) / Double(count))
      sides.append(side)
    }
    var subjects: [Subject] = []
    for (side, bytes) in zip(sides, memory) {
      func reads(
        _ what: String, _ meaning: String, _ operations: OperationRing,
        _ run: @escaping @Sendable (any TableSide, Keys) -> Int
      ) {
        subjects.append(
          .reads(
            "\(side.name), \(what)", against: "\(baseline), \(what)", meaning: meaning,
            effort: effort, threadCount: threadCount,
            Reader { _, count in operations.forEachRun(count) { run(side, $0) } }))
      }
      reads("hits", side.meaning, keys.hits) { $0.lookup($1) }
      reads("misses", "the same, of a missing key", keys.misses) {
        $1.count - $0.lookup($1)
      }
      guard !(side is CopiedTable) else { continue }
      reads("95 % look-ups", "a look-up, or one in 20 times a change", keys.mostlyReads) {
        $0.mixed($1)
      }
      reads("50 % look-ups", "a look-up or a change", keys.halfReads) { $0.mixed($1) }
      if threadCount == 1 {
        subjects.append(changes(side, keys, effort))
        subjects.append(
          .loop(
            "\(side.name), walk", against: "\(baseline), walk", meaning: "one entry of a walk",
            effort: effort, iteration: Double(count)
          ) { (0..<$0).reduce(0) { sum, _ in sum &+ side.walk() } })
        // oneTBB has an allocator of its own.
        guard bytes >= 16 else { continue }
        subjects.append(
          Subject(metrics: [
            Metric(
              name: "\(side.name), memory", meaning: "allocated ÷ entries", unit: "bytes",
              baseline: "\(baseline), memory")
          ]) { [bytes] })
      }
    }
    return Group(title: title(entryCount, threadCount), subjects: subjects)
  }

  private static func makers(_ effort: Effort, hasCopies: Bool) -> [() -> any TableSide] {
    [
      { PeerTable.lfht() }, { RCUTable() }, { MutexTable() },
    ] + (hasCopies ? [{ CopiedTable() }] : [])
      + effort.peers.tables.map { peer in
        { PeerTable(peer.name, "a look-up", peer.functions) }
      }
  }

  /// Insertions of keys that aren't there, replacements, insertions of keys that are, and removals,
  /// a batch of each in turns.
  private static func changes(_ side: any TableSide, _ keys: TableKeys, _ effort: Effort) -> Subject
  {
    let names = ["insert", "replace", "insert a present key", "remove"]
    let metrics = names.map { name in
      Metric(
        name: "\(side.name), \(name)", meaning: "one of \(keys.batch.count) in a row", unit: "ns",
        baseline: "\(baseline), \(name)")
    }
    return Subject(metrics: metrics) {
      var nanoseconds = [0.0, 0, 0, 0]
      var rounds = 0.0
      let end = baselines_now() + effort.sampleNanoseconds * 2
      repeat {
        let steps = [
          { side.insert(keys.batch) }, { side.replace(keys.batch) }, { side.insert(keys.batch) },
          { side.remove(keys.batch) },
        ]
        for (index, step) in steps.enumerated() {
          let start = baselines_now()
          step()
          nanoseconds[index] += Double(baselines_now() - start)
        }
        rounds += 1
      } while baselines_now() < end
      return nanoseconds.map { $0 / rounds / Double(keys.batch.count) }
    }
  }
}

/// Operations that threads go through round and round, each in runs of its own.
final class OperationRing: Sendable {
  private static let count = 1 << 16
  nonisolated(unsafe) private let operations: UnsafeMutableBufferPointer<Int64>
  private let next = Atomic(0)

  init(_ make: () -> Int64) {
    operations = .allocate(capacity: Self.count)
    for index in 0..<Self.count { operations.initializeElement(at: index, to: make()) }
  }

  deinit { operations.deallocate() }

  /// Passes `count` operations, in a few parts; returns the sum of the results.
  func forEachRun(_ count: Int, _ body: (Keys) -> Int) -> Int {
    var sum = 0
    var start = next.wrappingAdd(count, ordering: .relaxed).oldValue
    var left = count
    while left > 0 {
      let first = start & (Self.count - 1)
      let length = min(left, Self.count - first)
      sum &+= body(Keys(rebasing: operations[first..<first + length]))
      start &+= length
      left -= length
    }
    return sum
  }
}

/// The keys of a table, and what is done with them.
final class TableKeys {
  /// Those that are in the table all the time.
  let present: Keys
  /// Others, to be added and removed: an eighth as many.
  let batch: Keys
  let hits: OperationRing
  let misses: OperationRing
  let mostlyReads: OperationRing
  let halfReads: OperationRing

  init(_ count: Int) {
    var random = SystemRandomNumberGenerator()
    func keys(_ range: Range<Int64>) -> Keys {
      let buffer = UnsafeMutableBufferPointer<Int64>.allocate(capacity: range.count)
      _ = buffer.initialize(from: range.shuffled(using: &random))
      return Keys(buffer)
    }
    let total = Int64(count)
    func present() -> Int64 { Int64.random(in: 0..<total) }
    // Half of these are there at a time.
    func change() -> Int64 {
      let key = total * 4 + Int64.random(in: 0..<max(2, total / 4))
      return key | TableOperation.changes | (Bool.random() ? TableOperation.inserts : 0)
    }
    self.present = keys(0..<total)
    batch = keys(total * 2..<total * 2 + max(16, min(total / 8, 20_000)))
    hits = OperationRing { present() }
    misses = OperationRing { total * 3 + Int64.random(in: 0..<total) }
    mostlyReads = OperationRing { Int.random(in: 0..<20) == 0 ? change() : present() }
    halfReads = OperationRing { Bool.random() ? change() : present() }
  }

  deinit {
    present.deallocate()
    batch.deallocate()
  }
}
