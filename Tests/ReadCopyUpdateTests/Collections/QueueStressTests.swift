// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// A stack that is pushed to and popped from while others look at its top.
struct StackSubject<Flavor: RCUFlavor>: StressSubject, ~Copyable {
  private typealias Domain = RCUDomain<Flavor>

  private let stack = Domain.LockFreeStack<StressPointee>()
  private let balance = Atomic(0)
  private let damaged = Atomic(0)

  init(_ counter: InstanceCounter) {}

  borrowing func write(_ random: inout SeededGenerator, _ counter: InstanceCounter) {
    let choice = random.index(below: 1000)
    // Around a depth of 16, so that pops often meet the same nodes.
    let isDeep = balance.load(ordering: .relaxed) > 16
    if choice < (isDeep ? 400 : 600) {
      stack.push(StressPointee(counter))
      balance.wrappingAdd(1, ordering: .relaxed)
    } else if choice < 999 {
      let count = choice == 998 ? takeOne() : popOne()
      balance.wrappingSubtract(count, ordering: .relaxed)
    } else {
      let count = stack.popAll { look(at: $0.value) }
      balance.wrappingSubtract(count, ordering: .relaxed)
    }
  }

  private borrowing func popOne() -> Int {
    guard let popped = stack.pop() else { return 0 }
    look(at: popped.value)
    return 1
  }

  private borrowing func takeOne() -> Int {
    guard let taken = stack.pop()?.take() else { return 0 }
    look(at: taken)
    return 1
  }

  private borrowing func look(at pointee: borrowing StressPointee) {
    if !pointee.isIntact { damaged.wrappingAdd(1, ordering: .relaxed) }
  }

  borrowing func read(_ random: inout SeededGenerator) -> Int {
    let yields = random.index(below: 64) == 0
    return Domain.withReadSection { section in
      guard let top = stack.top(in: section) else { return 0 }
      return staysIntact(top.value, looks: 20, yields: yields) ? 0 : 1
    }
  }

  /// What was pushed was popped once or is there.
  borrowing func check() -> Int {
    let left = stack.popAll { look(at: $0.value) }
    return damaged.load(ordering: .relaxed) + (left == balance.load(ordering: .relaxed) ? 0 : 1)
  }
}

@Suite(.serialized, .stress) struct LockFreeStackStressTests {
  static let matrix = [(writers: 2, readers: 1), (1, 2), (4, 2)]

  @Test(arguments: matrix)
  func bulletproof(writers: Int, readers: Int) {
    expectNoViolation(of: StackSubject<BulletproofFlavor>.self, writers, readers)
  }

  @Test(arguments: matrix)
  func membarrier(writers: Int, readers: Int) {
    expectNoViolation(of: StackSubject<MembarrierFlavor>.self, writers, readers)
  }
}

@Suite(.serialized, .stress) struct ConcurrentQueueStressTests {
  private struct Item: ~Copyable, Sendable {
    let producer: Int
    let number: Int
    let pointee: StressPointee
  }

  private final class Shared: Sendable {
    let queue = ConcurrentQueue<Item>()
    let isStopping = Atomic(false)
    let finished = Atomic(0)
    let violations = Atomic(0)
    let consumed = Atomic(0)
  }

  /// Each consumer sees the items of each producer in their order; none is lost or comes twice.
  @Test(arguments: [(producers: 1, consumers: 1), (2, 1), (1, 2), (3, 3)])
  func keepsTheOrderOfEachProducer(producers: Int, consumers: Int) {
    let counter = InstanceCounter()
    let shared = Shared()
    var threads: [@Sendable () -> Void] = []
    for producer in 0..<producers {
      threads.append {
        Self.produce(producer, shared, counter)
        shared.finished.wrappingAdd(1, ordering: .releasing)
      }
    }
    for consumer in 0..<consumers {
      threads.append { Self.consume(shared, producers, isBatching: consumer % 2 == 1) }
    }
    threads.append {
      sleepThread(for: StressOptions.duration)
      shared.isStopping.store(true, ordering: .relaxed)
    }
    runThreads(threads)
    let isEmpty = shared.queue.isEmpty
    #expect(isEmpty)
    #expect(shared.violations.load(ordering: .relaxed) == 0)
    #expect(shared.consumed.load(ordering: .relaxed) == counter.created)
    #expect(counter.created > 0 && counter.live == 0)
  }

  /// What waits in the queue at most, per producer: the producers are quicker.
  private static let maximumBacklog = 10_000

  private static func produce(_ producer: Int, _ shared: Shared, _ counter: InstanceCounter) {
    var number = 0
    while !shared.isStopping.load(ordering: .relaxed) {
      if counter.live > maximumBacklog {
        yieldThread()
        continue
      }
      shared.queue.enqueue(
        Item(producer: producer, number: number, pointee: StressPointee(counter)))
      number += 1
    }
  }

  private static func consume(_ shared: Shared, _ producers: Int, isBatching: Bool) {
    var last = [Int](repeating: -1, count: producers)
    var consumed = 0
    func take(_ item: borrowing Item) {
      if !item.pointee.isIntact || item.number <= last[item.producer] {
        shared.violations.wrappingAdd(1, ordering: .relaxed)
      }
      last[item.producer] = item.number
      consumed += 1
    }
    while true {
      // Before the look: what comes after the last producer's end is not missed.
      let isLast = shared.finished.load(ordering: .acquiring) == producers
      if isBatching {
        shared.queue.dequeueAll { take($0) }
      } else {
        while let item = shared.queue.dequeue() { take(item) }
      }
      if isLast { break }
      yieldThread()
    }
    shared.consumed.wrappingAdd(consumed, ordering: .relaxed)
  }
}
