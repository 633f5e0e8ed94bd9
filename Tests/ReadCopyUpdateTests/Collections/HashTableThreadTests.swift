// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// Hash tables that several threads change, and threads of every flavor.
@Suite struct HashTableThreadTests {
  private typealias Domain = RCUDomain<CollectionTestFlavor>

  @Test func oneThreadWinsEachKey() {
    let counter = InstanceCounter()
    let shared = Shared<Colliding>()
    let wins = Locked(0)
    runThreads(4) { _ in
      var won = 0
      for key in 0..<300 {
        if shared.table.insert(Counted(key, counter), forKey: Colliding(key)).isInserted {
          won += 1
        }
      }
      wins.withLock { $0 += won }
    }
    #expect(wins.withLock { $0 } == 300)
    #expect(shared.table.count == 300)
    #expect(counter.live == 300)
    runThreads(4) { _ in
      var removed = 0
      for key in 0..<300 where shared.table.removeValue(forKey: Colliding(key)) != nil {
        removed += 1
      }
      wins.withLock { $0 -= removed }
    }
    #expect(wins.withLock { $0 } == 0)
    #expect(shared.table.count == 0)
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func everyReplacedValueComesBackOnce() {
    let counter = InstanceCounter()
    let shared = Shared<Int>()
    let comeBack = Locked(0)
    runThreads(4) { thread in
      var count = 0
      for round in 0..<2000 {
        let key = round / 2 % 10
        if round.isMultiple(of: 2) {
          if shared.table.updateValue(Counted(thread, counter), forKey: key) != nil { count += 1 }
        } else {
          switch shared.table.replaceValue(forKey: key, with: Counted(thread, counter)) {
          case .replaced: count += 1
          case .notFound: count += 1
          }
        }
      }
      comeBack.withLock { $0 += count }
    }
    Domain.barrier()
    #expect(shared.table.count == 10)
    #expect(counter.live == 10)
    #expect(comeBack.withLock { $0 } == counter.created - 10)
  }

  private final class Shared<Key: Hashable & Sendable>: Sendable {
    let table = Domain.HashTable<Key, Counted>()
  }

  @Test func registeredThreadsChangeTables() {
    Self.fillAndEmpty(MembarrierFlavor.self)
    Self.fillAndEmpty(MemoryBarrierFlavor.self)
    Self.fillAndEmpty(QuiescentStateFlavor.self)
  }

  /// The table grows and shrinks on the way, and goes while it does.
  private static func fillAndEmpty<Flavor: ThreadRegisteringFlavor>(_ flavor: Flavor.Type) {
    typealias Domain = RCUDomain<Flavor>
    let counter = InstanceCounter()
    Domain.withRegisteredThread {
      let table = Domain.HashTable<Int, Counted>(minimumCapacity: 1)
      for key in 0..<20_000 { table.updateValue(Counted(key, counter), forKey: key) }
      Domain.barrier()
      let found = Domain.withReadSection { table.lookup(19_999, in: $0)?.value.value }
      #expect(found == 19_999 && table.bucketCount > 2000, "\(Flavor.name)")
      for key in 0..<19_990 { table.removeValue(forKey: key) }
      table.removeValue(forKey: 19_990)
      Domain.barrier()
      #expect(counter.live == 9 && table.bucketCount < 2000, "\(Flavor.name)")
      for key in 0..<1000 { table.addDuplicate(Counted(key, counter), forKey: key) }
    }
    Domain.barrier()
    #expect(counter.live == 0, "\(Flavor.name)")
  }
}
