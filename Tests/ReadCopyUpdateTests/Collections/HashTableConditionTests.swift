// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import Synchronization
import TestSupport
import Testing

/// Changes that depend on what is in the table: what they promise when others change it meanwhile.
/// `ModelTests` compares their results with a dictionary.
@Suite struct HashTableConditionTests {
  private typealias Domain = RCUDomain<CollectionTestFlavor>
  private typealias Table = Domain.HashTable<Int, Counted>
  private struct Stop: Error {}

  private final class Shared: Sendable { let table = Domain.HashTable<Int, Int>() }

  @Test func noUpdateIsLost() {
    let shared = Shared()
    let (threads, rounds) = (4, 5000)
    runThreads(threads) { _ in
      for round in 0..<rounds {
        shared.table.updateValue(forKey: round % 3) { ($0?.value ?? 0) + 1 }
      }
    }
    let sum = Domain.withReadSection { section in
      (0..<3).reduce(0) { $0 + (shared.table.lookup($1, in: section)?.value ?? 0) }
    }
    #expect(sum == threads * rounds && shared.table.count == 3)
  }

  @Test func allThreadsGetTheSameInsertedValue() {
    let shared = Shared()
    let different = Locked(0)
    runThreads(4) { thread in
      for key in 0..<2000 {
        let (first, second) = Domain.withReadSection { section in
          let first = shared.table.lookup(key, in: section) { thread }.value
          return (first, shared.table.lookup(key, in: section)?.value)
        }
        if first != second { different.withLock { $0 += 1 } }
      }
    }
    #expect(different.withLock { $0 } == 0 && shared.table.count == 2000)
  }

  /// What replaces an element during a walk that removes is looked at before it is removed.
  @Test func whatWasRefreshedMeanwhileStays() {
    let table = Domain.HashTable<Int, Int>()
    for key in 0..<100 { _ = table.insert(0, forKey: key) }
    var walked: Set<Int> = []
    let removed = table.removeAll { entry in
      walked.insert(entry.key)
      // Refreshed after it was found to be old.
      if entry.key.isMultiple(of: 2) { table.updateValue(1, forKey: entry.key) }
      return entry.value == 0
    }
    #expect(walked.count == 100 && removed == 50 && table.count == 50)
    let left = Domain.withReadSection { table.lookup(42, in: $0)?.value }
    #expect(left == 1)
  }

  @Test func aConditionThatThrowsChangesNothing() {
    let counter = InstanceCounter()
    let table = Table()
    _ = table.insert(Counted(1, counter), forKey: 7)
    #expect(throws: Stop.self) {
      try table.removeValue(forKey: 7) { _ throws(Stop) in throw Stop() }
    }
    #expect(throws: Stop.self) {
      let new = Counted(2, counter)
      _ = try table.replaceValue(forKey: 7, with: new) { _ throws(Stop) in throw Stop() }
    }
    #expect(throws: Stop.self) {
      try table.updateValue(forKey: 7) { _ throws(Stop) in throw Stop() }
    }
    #expect(throws: Stop.self) { try table.removeAll { _ throws(Stop) in throw Stop() } }
    #expect(throws: Stop.self) {
      try Domain.withReadSection { section throws(Stop) in
        _ = try table.lookup(8, in: section) { () throws(Stop) in throw Stop() }
      }
    }
    #expect(table.count == 1 && counter.live == 1 && !Domain.isInReadSection)
  }

  /// Values are compared by identity: one that is equal isn't the one that was looked up.
  @Test func anEqualValueIsNotTheSame() {
    let table = Domain.HashTable<Int, Int>()
    _ = table.insert(1, forKey: 7)
    Domain.withReadSection { section in
      guard let ref = table.lookup(7, in: section) else {
        Issue.record("not found")
        return
      }
      table.updateValue(1, forKey: 7)
      let removed = table.removeValue(ref, forKey: 7)?.value
      #expect(removed == nil && table.count == 1)
    }
  }

  /// A child that was forked while another thread had a bucket's lock isn't stopped by it.
  ///
  /// Not under ThreadSanitizer, which lets no child of a process with threads start one.
  @Test(.disabled(if: isThreadSanitizerBuild))
  func aForkedChildIgnoresLocksOfOtherThreads() async {
    await #expect(processExitsWith: .exitCode(0)) {
      HashTableConditionTests.changeInAForkedChild()
    }
  }

  private static func changeInAForkedChild() {
    endHungProcess(after: .seconds(100))
    let table = RCU.HashTable<Int, Int>(minimumCapacity: 1)
    // Until some buckets have moved to a larger array, and others haven't.
    var count = 0
    repeat {
      table.addDuplicate(count, forKey: count)
      count += 1
    } while unsafe count < 100
      || table.storage.pointee.array.header.pointee.next.load(ordering: .relaxed) == 0
    // Like a writer that is stopped in each bucket.
    let array = unsafe table.storage.pointee.array
    for index in 0..<array.count {
      _ = unsafe table.storage.pointee.lockUnlessMoved(array.line(at: index))
    }
    let child = forkProcess()
    if child != 0 {
      var status: Int32 = 0
      precondition(unsafe waitpid(child, &status, 0) == child && status == 0, "\(status)")
      return
    }
    for key in 0..<3000 { table.updateValue(-key, forKey: key) }
    for key in stride(from: 0, to: 3000, by: 2) { table.removeValue(forKey: key) }
    RCU.withReadSection { section in
      for key in 0..<3000 {
        let value = table.lookup(key, in: section)?.value
        precondition(value == (key.isMultiple(of: 2) ? nil : -key), "\(key): \(value ?? 0)")
      }
    }
    precondition(table.count == 1500 && table.bucketCount > 1500 / 8)
    _exit(0)
  }
}
