// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// Random operations on a collection and on a model of it from the standard library, which must
/// agree after each of them. A failure names its seed.
@Suite struct ModelTests {
  private typealias Domain = RCUDomain<CollectionTestFlavor>

  private static let seeds: [UInt64] = Array(1...8)
  private static let operations = 3000

  // MARK: - HashTable and Dictionary

  @Test(arguments: seeds)
  func hashTableAgreesWithDictionary(seed: UInt64) {
    let counter = InstanceCounter()
    do {
      let table = Domain.HashTable<Colliding, Counted>(minimumCapacity: 1)
      compare(table, seed: seed, counter) { Colliding($0) }
      let plain = Domain.HashTable<Int, Counted>(minimumCapacity: 1)
      compare(plain, seed: seed, counter) { $0 }
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private func compare<Key: Hashable & Sendable>(
    _ table: borrowing Domain.HashTable<Key, Counted>, seed: UInt64, _ counter: InstanceCounter,
    key makeKey: (Int) -> Key
  ) {
    var random = SeededGenerator(seed: seed)
    // The values of each key in the order of their insertion.
    var model: [Int: [Int]] = [:]
    let keys = 40
    for operation in 0..<Self.operations {
      let number = random.index(below: keys)
      let key = makeKey(number)
      let old = model[number]?.first
      switch random.index(below: 1000) {
      case 0..<100:
        table.addDuplicate(Counted(operation, counter), forKey: key)
        model[number, default: []].append(operation)
      case 100..<400:
        let isInserted = table.insert(Counted(operation, counter), forKey: key).isInserted
        #expect(isInserted == (old == nil), "seed \(seed)")
        if isInserted { model[number] = [operation] }
      case 400..<600:
        let replaced = table.updateValue(Counted(operation, counter), forKey: key)?.value.value
        #expect(replaced == old, "seed \(seed)")
        model[number, default: []].replaceSubrange(0..<(old == nil ? 0 : 1), with: [operation])
      case 600..<700:
        let replaced: Int?
        switch table.replaceValue(forKey: key, with: Counted(operation, counter)) {
        case .replaced(let retired): replaced = retired.value.value
        case .notFound: replaced = nil
        }
        #expect(replaced == old, "seed \(seed)")
        if old != nil { model[number]?[0] = operation }
      case 700..<800:
        compareConditional(table, number, key, &model, operation, seed, counter)
      case 800..<997:
        let removed = table.removeValue(forKey: key)?.value.value
        #expect(removed == old, "seed \(seed)")
        if old != nil { model[number]?.removeFirst() }
        if model[number] == [] { model[number] = nil }
      case 997:
        let removed = table.removeAll { $0.value.value.isMultiple(of: 3) }
        let before = model.values.reduce(0) { $0 + $1.count }
        model = model.mapValues { $0.filter { !$0.isMultiple(of: 3) } }.filter { $0.value != [] }
        #expect(removed == before - model.values.reduce(0) { $0 + $1.count }, "seed \(seed)")
      default:
        #expect(table.removeAll() == model.values.reduce(0) { $0 + $1.count }, "seed \(seed)")
        model = [:]
      }
      expectSame(table, model, random.index(below: keys), seed, makeKey)
    }
  }

  /// The changes that depend on what is there.
  private func compareConditional<Key: Hashable & Sendable>(
    _ table: borrowing Domain.HashTable<Key, Counted>, _ number: Int, _ key: Key,
    _ model: inout [Int: [Int]], _ operation: Int, _ seed: UInt64, _ counter: InstanceCounter
  ) {
    let old = model[number]?.first
    let even = model[number]?.firstIndex { $0.isMultiple(of: 2) }
    switch operation % 6 {
    case 0:
      let removed = table.removeValue(forKey: key) { $0.value.isMultiple(of: 2) }
      #expect(removed?.value.value == even.map { model[number]![$0] }, "seed \(seed)")
      if let even { model[number]!.remove(at: even) }
    case 1:
      let new = Counted(operation, counter)
      switch table.replaceValue(forKey: key, with: new, where: { $0.value.isMultiple(of: 2) }) {
      case .replaced(let retired):
        #expect(retired.value.value == even.map { model[number]![$0] }, "seed \(seed)")
        model[number]![even!] = operation
      case .notFound: #expect(even == nil, "seed \(seed)")
      }
    case 2:
      let retired = table.updateValue(forKey: key) {
        Counted(($0?.value.value ?? 0) + 1, counter)
      }
      #expect(retired?.value.value == old, "seed \(seed)")
      model[number, default: []].replaceSubrange(0..<(old == nil ? 0 : 1), with: [(old ?? 0) + 1])
    case 3:
      let value = Domain.withReadSection { section in
        table.lookup(key, in: section) { Counted(operation, counter) }.value.value
      }
      #expect(value == old ?? operation, "seed \(seed)")
      if old == nil { model[number] = [operation] }
    case 4:
      Domain.withReadSection { section in
        guard let ref = table.lookup(key, in: section) else { return }
        let removed = table.removeValue(ref, forKey: key)
        #expect(removed?.value.value == old, "seed \(seed)")
        let isGone = table.removeValue(ref, forKey: key) == nil
        #expect(isGone, "seed \(seed)")
        model[number]!.removeFirst()
      }
    default:
      Domain.withReadSection { section in
        guard let ref = table.lookup(key, in: section) else { return }
        let new = Counted(operation, counter)
        if case .notFound = table.replaceValue(ref, forKey: key, with: new) {
          Issue.record("not replaced, seed \(seed)")
        }
        model[number]![0] = operation
        let other = Counted(-1, counter)
        if case .replaced = table.replaceValue(ref, forKey: key, with: other) {
          Issue.record("replaced twice, seed \(seed)")
        }
      }
    }
    if model[number] == [] { model[number] = nil }
  }

  private func expectSame<Key: Hashable & Sendable>(
    _ table: borrowing Domain.HashTable<Key, Counted>, _ model: [Int: [Int]], _ number: Int,
    _ seed: UInt64, _ makeKey: (Int) -> Key
  ) {
    let key = makeKey(number)
    var (values, all): ([Int], [Int]) = ([], [])
    Domain.withReadSection { section in
      table.forEachValue(forKey: key, in: section) { values.append($0.value.value) }
      table.forEach(in: section) { all.append($0.value.value) }
      let first = table.lookup(key, in: section)?.value.value
      #expect(first == model[number]?.first, "seed \(seed)")
    }
    #expect(values == model[number] ?? [], "seed \(seed)")
    #expect(all.sorted() == model.values.flatMap { $0 }.sorted(), "seed \(seed)")
    #expect(table.count == all.count, "seed \(seed)")
  }

  // MARK: - List and Array

  @Test(arguments: seeds)
  func listAgreesWithArray(seed: UInt64) {
    let counter = InstanceCounter()
    do {
      let list = Domain.List<Counted>()
      var model: [Int] = []
      var random = SeededGenerator(seed: seed)
      for _ in 0..<Self.operations {
        changeBoth(list, &model, &random, seed, counter)
        var values: [Int] = []
        Domain.withReadSection { section in
          list.forEach(in: section) { values.append($0.value.value) }
        }
        #expect(values == model, "seed \(seed)")
        #expect(list.count == model.count, "seed \(seed)")
      }
      Domain.barrier()
      #expect(counter.live == model.count, "seed \(seed)")
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private func changeBoth(
    _ list: borrowing Domain.List<Counted>, _ model: inout [Int],
    _ random: inout SeededGenerator, _ seed: UInt64, _ counter: InstanceCounter
  ) {
    let (value, target) = (random.index(below: 20), random.index(below: 20))
    let index = model.firstIndex(of: target)
    switch random.index(below: model.count > 30 ? 4 : 8) {
    case 0, 1:
      let removed = list.removeFirst { $0.value == target }?.value.value
      #expect(removed == index.map { model[$0] }, "seed \(seed)")
      if let index { model.remove(at: index) }
    case 2:
      let removed = list.removeAll { $0.value % 5 == target % 5 }
      #expect(removed == model.count { $0 % 5 == target % 5 }, "seed \(seed)")
      model.removeAll { $0 % 5 == target % 5 }
    case 3:
      let isReplaced: Bool
      switch list.replaceFirst(where: { $0.value == target }, with: Counted(value, counter)) {
      case .replaced(let old): isReplaced = old.value.value == target
      case .notFound: isReplaced = false
      }
      #expect(isReplaced == (index != nil), "seed \(seed)")
      if let index { model[index] = value }
    case 4:
      list.append(Counted(value, counter))
      model.append(value)
    case 5:
      list.prepend(Counted(value, counter))
      model.insert(value, at: 0)
    case 6:
      let isInserted =
        list.insert(Counted(value, counter), afterFirstWhere: { $0.value == target }).isInserted
      #expect(isInserted == (index != nil), "seed \(seed)")
      if let index { model.insert(value, at: index + 1) }
    default:
      let isInserted =
        list.insert(Counted(value, counter), beforeFirstWhere: { $0.value == target }).isInserted
      #expect(isInserted == (index != nil), "seed \(seed)")
      if let index { model.insert(value, at: index) }
    }
  }

  // MARK: - Stack, queue and Array

  @Test(arguments: seeds)
  func stackAndQueueAgreeWithArray(seed: UInt64) {
    let counter = InstanceCounter()
    do {
      let stack = Domain.LockFreeStack<Counted>()
      let queue = ConcurrentQueue<Counted>()
      var (stacked, queued): ([Int], [Int]) = ([], [])
      var random = SeededGenerator(seed: seed)
      for operation in 0..<Self.operations {
        switch random.index(below: 100) {
        case 0..<50:
          stack.push(Counted(operation, counter))
          stacked.append(operation)
          queue.enqueue(Counted(operation, counter))
          queued.append(operation)
        case 50..<98:
          let popped = stack.pop()?.value.value
          #expect(popped == stacked.popLast(), "seed \(seed)")
          let first = queued.isEmpty ? nil : queued.removeFirst()
          #expect(Self.next(queue) == first, "seed \(seed)")
        default:
          var (popped, taken): ([Int], [Int]) = ([], [])
          stack.popAll { popped.append($0.value.value) }
          queue.dequeueAll { taken.append($0.value) }
          #expect(popped == stacked.reversed() && taken == queued, "seed \(seed)")
          (stacked, queued) = ([], [])
        }
        let top = Domain.withReadSection { stack.top(in: $0)?.value.value }
        #expect(top == stacked.last, "seed \(seed)")
        let isEmpty = queue.isEmpty
        #expect(isEmpty == queued.isEmpty, "seed \(seed)")
      }
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private static func next(_ queue: borrowing ConcurrentQueue<Counted>) -> Int? {
    guard let element = queue.dequeue() else { return nil }
    return element.value
  }
}
