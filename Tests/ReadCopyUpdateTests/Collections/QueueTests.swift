// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct LockFreeStackTests {
  private typealias Domain = RCUDomain<CollectionTestFlavor>
  private typealias Stack = Domain.LockFreeStack<Counted>

  @Test func emptyStackHasNothing() {
    let stack = Domain.LockFreeStack<Int>()
    let isEmpty = stack.isEmpty
    let popped = stack.pop() == nil
    let hasTop = Domain.withReadSection { stack.top(in: $0) != nil }
    #expect(isEmpty && popped && !hasTop)
    #expect(stack.popAll() == 0)
  }

  @Test func lastInFirstOut() {
    let counter = InstanceCounter()
    do {
      let stack = Stack()
      for value in 1...3 {
        stack.push(Counted(value, counter))
        #expect(Domain.withReadSection { stack.top(in: $0)?.value.value } == value)
      }
      for value in [3, 2] { #expect(stack.pop()?.value.value == value) }
      let isEmpty = stack.isEmpty
      #expect(!isEmpty)
      #expect(stack.pop()?.take().value == 1)
      let isEmptyNow = stack.isEmpty
      #expect(isEmptyNow)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func topOutlivesItsPop() {
    let counter = InstanceCounter()
    let stack = Stack()
    stack.push(Counted(1, counter))
    Domain.withReadSection { section in
      let top = stack.top(in: section)
      stack.pop()
      #expect(top?.value.value == 1 && counter.live == 1)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func popAllGivesTheLastFirst() {
    let counter = InstanceCounter()
    let stack = Stack()
    for value in 1...5 { stack.push(Counted(value, counter)) }
    var popped: [Int] = []
    let count = stack.popAll { popped.append($0.value.value) }
    #expect(count == 5 && popped == [5, 4, 3, 2, 1])
    let isEmpty = stack.isEmpty
    #expect(isEmpty)
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func elementsOfADroppedStackOutliveOpenSections() {
    let counter = InstanceCounter()
    let section = HeldSection<CollectionTestFlavor>()
    do {
      let stack = Stack()
      for value in 0..<100 { stack.push(Counted(value, counter)) }
    }
    #expect(counter.live == 100)
    section.end()
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func everyElementIsPoppedOnce() {
    let counter = InstanceCounter()
    let shared = Shared()
    let sums = Locked((pushed: 0, popped: 0))
    runThreads(4) { thread in
      var (pushed, popped) = (0, 0)
      for value in 0..<5000 {
        shared.stack.push(Counted(thread * 5000 + value, counter))
        pushed += thread * 5000 + value
        if let old = shared.stack.pop() { popped += old.value.value }
      }
      sums.withLock {
        $0.pushed += pushed
        $0.popped += popped
      }
    }
    var left = 0
    shared.stack.popAll { left += $0.value.value }
    #expect(sums.withLock { $0.pushed == $0.popped + left })
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private final class Shared: Sendable {
    let stack = Domain.LockFreeStack<Counted>()
  }
}

@Suite struct ConcurrentQueueTests {
  private typealias Queue = ConcurrentQueue<Counted>

  private static func next(_ queue: borrowing Queue) -> Int? {
    guard let element = queue.dequeue() else { return nil }
    return element.value
  }

  @Test func emptyQueueHasNothing() {
    let queue = ConcurrentQueue<Int>()
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
    #expect(queue.dequeue() == nil)
    #expect(queue.dequeueAll { _ in } == 0)
  }

  @Test func firstInFirstOut() {
    let counter = InstanceCounter()
    let queue = Queue()
    for value in 0..<100 { queue.enqueue(Counted(value, counter)) }
    let isEmpty = queue.isEmpty
    #expect(!isEmpty)
    for value in 0..<100 {
      #expect(Self.next(queue) == value)
      #expect(counter.live == 99 - value)
    }
    let isEmptyNow = queue.isEmpty
    #expect(isEmptyNow)
    // Empty, it works on.
    queue.enqueue(Counted(1, counter))
    #expect(Self.next(queue) == 1)
  }

  @Test func dequeueAllLeavesWhatComesMeanwhile() {
    let counter = InstanceCounter()
    let queue = Queue()
    for value in 0..<5 { queue.enqueue(Counted(value, counter)) }
    var taken: [Int] = []
    let count = queue.dequeueAll { element in
      taken.append(element.value)
      queue.enqueue(Counted(element.value + 10, counter))
    }
    #expect(count == 5 && taken == [0, 1, 2, 3, 4])
    #expect(Self.next(queue) == 10)
    #expect(counter.live == 4)
  }

  @Test func moveAllAppendsInOrder() {
    let counter = InstanceCounter()
    let first = ConcurrentQueue<CountedObject>()
    let second = ConcurrentQueue<CountedObject>()
    for value in 0..<3 { first.enqueue(CountedObject(value, counter)) }
    for value in 3..<6 { second.enqueue(CountedObject(value, counter)) }
    second.moveAll(to: first)
    let isEmpty = second.isEmpty
    #expect(isEmpty)
    second.moveAll(to: first)
    first.moveAll(to: first)
    second.enqueue(CountedObject(6, counter))
    second.moveAll(to: first)
    var values: [Int] = []
    while let element = first.dequeue() { values.append(element.value) }
    #expect(values == Array(0..<7))
  }

  @Test func aDroppedQueueDestroysItsElements() {
    let counter = InstanceCounter()
    do {
      let queue = Queue()
      for value in 0..<100 { queue.enqueue(Counted(value, counter)) }
      _ = queue.dequeue()
    }
    #expect(counter.created == 100 && counter.live == 0)
  }

  /// Elements that are aligned to more than liburcu's link.
  @Test func alignmentIsKept() {
    let queue = ConcurrentQueue<SIMD16<Int32>>()
    let stack = RCU.LockFreeStack<SIMD16<Int32>>()
    let list = RCU.List<SIMD16<Int32>>()
    let table = RCU.HashTable<SIMD2<Int64>, SIMD16<Int32>>()
    for number in 0..<100 as Range<Int32> {
      let value = SIMD16<Int32>(repeating: number)
      queue.enqueue(value)
      stack.push(value)
      list.append(value)
      table.addDuplicate(value, forKey: SIMD2(repeating: Int64(number)))
    }
    var sum = SIMD16<Int32>.zero
    while let value = queue.dequeue() { sum &+= value }
    stack.popAll { sum &+= $0.value }
    RCU.withReadSection { section in
      list.forEach(in: section) { sum &+= $0.value }
      table.forEach(in: section) { entry in
        #expect(entry.value[3] == Int32(entry.key[1]))
        sum &+= entry.value
      }
    }
    #expect(sum == SIMD16(repeating: 4 * 4950))
  }
}
