// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: the whole of RCU on one page. Readers look a table up without a lock; a writer
// replaces it; the old table is destroyed when the last reader that may see it has left its
// section, no earlier and no later.
//
// What it leaves out: speed (see Benchmarks), the other flavors, and Swift Concurrency (see
// config-reload).

import Foundation
import ReadCopyUpdate
import Synchronization

/// Tables that exist.
private let liveTables = Atomic(0)

/// Who is asked for which prefix. Never changed once it is published: a change is a new table.
struct RoutingTable: ~Copyable, Sendable {
  let generation: Int
  private let hops: [String: String]

  init(generation: Int) {
    self.generation = generation
    hops = ["10.0.0.0/8": "gateway-\(generation)", "0.0.0.0/0": "uplink-\(generation)"]
    liveTables.wrappingAdd(1, ordering: .relaxed)
  }

  deinit { liveTables.wrappingSubtract(1, ordering: .relaxed) }

  /// Whether both entries belong to this generation: a table is seen whole, or not at all.
  var isConsistent: Bool {
    hops["10.0.0.0/8"] == "gateway-\(generation)" && hops["0.0.0.0/0"] == "uplink-\(generation)"
  }
}

/// What all threads share.
private enum Router {
  static let table = RCU.Pointer(RoutingTable(generation: 0))
  static let isDone = Atomic(false)
  static let lookups = Atomic(0)
  static let badLookups = Atomic(0)

  /// A reader: as many of these as you like, on any threads.
  static func lookUpUntilDone() {
    var generation = 0
    while !isDone.load(ordering: .relaxed) {
      let isGood = RCU.withReadSection { section in
        // The reference can't leave the section: the compiler sees to that.
        guard let table = table.load(in: section) else { return false }
        // Nobody sees an older table after a newer one.
        defer { generation = table.value.generation }
        return table.value.isConsistent && table.value.generation >= generation
      }
      lookups.wrappingAdd(1, ordering: .relaxed)
      if !isGood { badLookups.wrappingAdd(1, ordering: .relaxed) }
    }
  }
}

@main
struct RCUHello {
  static let generations = 1000

  static func main() {
    print("1. Two readers look up while a writer replaces the table \(generations) times.")
    let readers = (0..<2).map { _ in
      let finished = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        Router.lookUpUntilDone()
        finished.signal()
      }
      return finished
    }
    while Router.lookups.load(ordering: .relaxed) < 100 { usleep(100) }
    for generation in 1...generations {
      // The old table goes after a grace period; the writer doesn't wait for it.
      Router.table.store(RoutingTable(generation: generation))
      if generation.isMultiple(of: 100) { usleep(1000) }
    }
    Router.isDone.store(true, ordering: .relaxed)
    for reader in readers { reader.wait() }
    check(Router.badLookups.load(ordering: .relaxed) == 0, "every lookup saw one whole table")

    print("2. All old tables are gone once everything that was retired is reclaimed.")
    RCU.barrier()
    check(liveTables.load(ordering: .relaxed) == 1, "one table is left")

    print("3. A reader stays in its section: the table that it sees stays too.")
    let (entered, leave) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let left = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      RCU.withReadSection { section in
        let table = Router.table.load(in: section)!
        entered.signal()
        leave.wait()
        check(table.value.isConsistent, "the slow reader still sees its table whole")
      }
      left.signal()
    }
    entered.wait()
    Router.table.store(RoutingTable(generation: generations + 1))
    let gracePeriod = RCU.startGracePeriod()
    usleep(20_000)
    check(!gracePeriod.isComplete, "no grace period ends meanwhile")
    check(liveTables.load(ordering: .relaxed) == 2, "the old table is still there")
    let generation = RCU.withReadSection { Router.table.load(in: $0)!.value.generation }
    check(generation == generations + 1, "other readers see the new one at once")

    print("4. It leaves: the old table is destroyed.")
    leave.signal()
    left.wait()
    gracePeriod.wait()
    RCU.barrier()
    check(liveTables.load(ordering: .relaxed) == 1, "one table is left")
    Router.table.clear()
    RCU.barrier()
    check(liveTables.load(ordering: .relaxed) == 0, "none is left when the pointer is cleared")
    print("hello, RCU")
  }
}

/// Says what holds, or ends the program.
func check(_ condition: Bool, _ claim: String) {
  print(condition ? "   \(claim)" : "   FAILED: \(claim)")
  guard condition else { exit(1) }
}
