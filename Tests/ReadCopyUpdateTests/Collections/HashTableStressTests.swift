// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Foundation
import TestSupport
import Testing

/// A table whose keys come and go, all but some that are only ever replaced.
struct HashTableSubject<Flavor: RCUFlavor>: StressSubject, ~Copyable {
  private struct Value: ~Copyable, Sendable {
    let key: Int
    let pointee: StressPointee
  }

  private typealias Domain = RCUDomain<Flavor>

  /// Keys below are always there.
  private static var lastingKeys: Int { 16 }
  /// Keys below come and go, a few thousand of them at a time: the table grows and shrinks.
  private static var keys: Int { 4096 }

  /// It always has a value, of a number that changes: each new one is there before an old one goes.
  private static var rotatingKey: Int { -1 }

  private let table = Domain.HashTable<Int, Value>(minimumCapacity: 8)

  init(_ counter: InstanceCounter) {
    for key in 0..<Self.lastingKeys {
      table.addDuplicate(Value(key: key, pointee: StressPointee(counter)), forKey: key)
    }
    table.addDuplicate(
      Value(key: Self.rotatingKey, pointee: StressPointee(counter)), forKey: Self.rotatingKey)
  }

  borrowing func write(_ random: inout SeededGenerator, _ counter: InstanceCounter) {
    let choice = random.index(below: 100)
    // Waves: the table fills up, then empties.
    let isFilling = random.index(below: 1000) < 500
    if choice < 10 {
      let key = Self.rotatingKey
      table.addDuplicate(Value(key: key, pointee: StressPointee(counter)), forKey: key)
      if table.removeValue(forKey: key) == nil { preconditionFailure("a duplicate was lost") }
    } else if choice < 40 {
      let key = random.index(below: Self.lastingKeys)
      let value = Value(key: key, pointee: StressPointee(counter))
      if choice < 25 {
        table.updateValue(value, forKey: key)
      } else if case .notFound = table.replaceValue(forKey: key, with: value) {
        preconditionFailure("a lasting key was lost")
      }
    } else {
      let key = Self.lastingKeys + random.index(below: Self.keys)
      if isFilling {
        _ = table.insert(Value(key: key, pointee: StressPointee(counter)), forKey: key)
      } else {
        let old = table.removeValue(forKey: key)
        if choice == 99 { old?.reclaim() }
      }
    }
    // Once in a while nearly everything goes.
    if random.index(below: 100_000) == 0 {
      for key in Self.lastingKeys..<Self.lastingKeys + Self.keys { table.removeValue(forKey: key) }
    }
  }

  borrowing func read(_ random: inout SeededGenerator) -> Int {
    let isLasting = random.index(below: 2) == 0
    let key =
      isLasting ? random.index(below: Self.lastingKeys + 1) - 1 : random.index(below: Self.keys)
    let yields = random.index(below: 64) == 0
    if random.index(below: 512) == 0 { return walk() }
    return Domain.withReadSection { section in
      guard let ref = table.lookup(key, in: section) else { return isLasting ? 1 : 0 }
      let isIntact = staysIntact(ref.value.pointee, looks: 20, yields: yields)
      return isIntact && ref.value.key == key ? 0 : 1
    }
  }

  /// Every lasting key is seen exactly once, the rotating key at least once, and everything that is
  /// seen is intact.
  private borrowing func walk() -> Int {
    var (violations, lasting, rotating) = (0, 0, 0)
    Domain.withReadSection { section in
      table.forEach(in: section) { entry in
        if !entry.value.pointee.isIntact || entry.key != entry.value.key { violations += 1 }
        if entry.key == Self.rotatingKey {
          rotating += 1
        } else if entry.key < Self.lastingKeys {
          lasting += 1
        }
      }
    }
    return violations + (lasting == Self.lastingKeys && rotating > 0 ? 0 : 1)
  }

  borrowing func check() -> Int {
    var count = 0
    Domain.withReadSection { section in table.forEach(in: section) { _ in count += 1 } }
    return walk() + (count == table.count ? 0 : 1)
  }
}

@Suite(.serialized, .stress) struct HashTableStressTests {
  static let matrix = [(writers: 1, readers: 1), (1, 2), (2, 2)]

  @Test(arguments: matrix)
  func bulletproof(writers: Int, readers: Int) {
    expectNoViolation(of: HashTableSubject<BulletproofFlavor>.self, writers, readers)
  }

  @Test(arguments: matrix)
  func membarrier(writers: Int, readers: Int) {
    expectNoViolation(of: HashTableSubject<MembarrierFlavor>.self, writers, readers)
  }
}

func expectNoViolation<Subject: StressSubject & ~Copyable>(
  of subject: Subject.Type, _ writers: Int, _ readers: Int
) {
  let totals = CollectionStress<Subject>.run(
    writers: writers, readers: readers, for: StressOptions.duration)
  #expect(totals.violations == 0)
  #expect(totals.live == 0)
  #expect(totals.writes > 0 && (totals.reads > 0 || readers == 0))
}
