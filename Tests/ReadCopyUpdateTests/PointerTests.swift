// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct PointerTests {
  private struct SomeError: Error {}

  private struct Pair: Sendable, Equatable {
    var first: Int
    var second: Int
  }

  @Test func emptyPointerLoadsNothing() {
    let pointer = RCU.Pointer<Pair>()
    let isEmpty = RCU.withReadSection { section in pointer.load(in: section) == nil }
    #expect(isEmpty)
  }

  @Test func loadReadsWhatWasStored() {
    let pointer = RCU.Pointer(Pair(first: 1, second: 2))
    #expect(Self.read(pointer) == Pair(first: 1, second: 2))
    pointer.store(Pair(first: 3, second: 4))
    #expect(Self.read(pointer) == Pair(first: 3, second: 4))
  }

  @Test func clearEmpties() {
    let pointer = RCU.Pointer(Pair(first: 1, second: 2))
    pointer.clear()
    #expect(Self.read(pointer) == nil)
    pointer.clear()
    #expect(Self.read(pointer) == nil)
    pointer.store(Pair(first: 5, second: 6))
    #expect(Self.read(pointer) == Pair(first: 5, second: 6))
  }

  @Test func refKeepsTheValueThatItLoaded() {
    let pointer = RCU.Pointer(Pair(first: 1, second: 2))
    RCU.withReadSection { section in
      guard let old = pointer.load(in: section) else {
        Issue.record("empty")
        return
      }
      pointer.store(Pair(first: 3, second: 4))
      #expect(old.value == Pair(first: 1, second: 2))
      #expect(pointer.load(in: section)?.value == Pair(first: 3, second: 4))
    }
  }

  @Test func noncopyablePointeeIsReadInPlace() {
    let counter = InstanceCounter()
    do {
      let pointer = RCU.Pointer(Counted(7, counter))
      let value = RCU.withReadSection { section in pointer.load(in: section)?.value.value }
      #expect(value == 7)
      #expect(counter.live == 1)
      pointer.store(Counted(8, counter))
      #expect(counter.created == 2)
    }
    RCU.barrier()
    #expect(counter.live == 0)
  }

  @Test func everyInstanceIsDestroyedOnce() {
    let counter = InstanceCounter()
    do {
      let pointer = RCU.Pointer(CountedObject(0, counter))
      for value in 1...1000 { pointer.store(CountedObject(value, counter)) }
      pointer.clear()
      for value in 1...10 { _ = pointer.exchange(CountedObject(value, counter)) }
    }
    RCU.barrier()
    #expect(counter.created == 1011)
    #expect(counter.live == 0)
  }

  @Test func exchangeReturnsTheOldPointee() {
    let counter = InstanceCounter()
    let pointer = RCU.Pointer<Counted>()
    let nothing = pointer.exchange(Counted(1, counter))
    let isNil = nothing == nil
    #expect(isNil)
    if let old = pointer.exchange(Counted(2, counter)) {
      #expect(counter.live == 2)
      old.reclaim()
    } else {
      Issue.record("exchange lost the old pointee")
    }
    #expect(counter.live == 1)
    pointer.clear()
    RCU.barrier()
    #expect(counter.live == 0)
  }

  // MARK: - update

  @Test func updateChangesACopy() {
    let pointer = RCU.Pointer(Pair(first: 1, second: 2))
    RCU.withReadSection { section in
      guard let old = pointer.load(in: section) else { return }
      pointer.update { $0.second = 9 }
      #expect(old.value == Pair(first: 1, second: 2))
    }
    #expect(Self.read(pointer) == Pair(first: 1, second: 9))
  }

  @Test func updateOfAnEmptyPointer() {
    let pointer = RCU.Pointer<Pair>()
    let changed: Void? = pointer.update { _ in Issue.record("there is nothing to change") }
    #expect(changed == nil)
    #expect(RCU.withReadSection { pointer.load(in: $0) == nil })
    let start = Pair(first: 5, second: 6)
    let first = pointer.update(default: start) { pair in
      pair.second = 7
      return pair.first
    }
    #expect(first == 5)
    #expect(Self.read(pointer) == Pair(first: 5, second: 7))
    #expect(pointer.update { $0.second } == 7)
  }

  /// Every value that `update` returns is of a change that was published, and of no other.
  @Test func updateReturnsWhatWasPublished() {
    let pointer = RCU.Pointer<Int>()
    let seen = Locked<[Int]>([])
    runThreads(4) { _ in
      var mine: [Int] = []
      for _ in 0..<500 {
        mine.append(
          pointer.update(default: 0) { number in
            number += 1
            return number
          })
      }
      seen.withLock { $0 += mine }
    }
    #expect(seen.withLock { $0.sorted() } == Array(1...2000))
  }

  @Test func throwingUpdateChangesNothing() {
    let counter = InstanceCounter()
    do {
      let pointer = RCU.Pointer(CountedObject(1, counter))
      #expect(throws: SomeError.self) {
        try pointer.update { object throws(SomeError) in
          object = CountedObject(2, counter)
          throw SomeError()
        }
      }
      #expect(!RCU.isInReadSection)
      #expect(RCU.withReadSection { pointer.load(in: $0)?.value.value } == 1)
      #expect(counter.live == 1)
    }
    RCU.barrier()
    #expect(counter.live == 0)
  }

  @Test(arguments: [1, 2, 4, 8])
  func concurrentUpdatesLoseNothing(writers: Int) {
    let perWriter = 2000
    let shared = SharedCounter()
    runThreads(writers) { _ in
      for _ in 0..<perWriter { shared.pointer.update { $0 += 1 } }
    }
    let sum = RCU.withReadSection { shared.pointer.load(in: $0)?.value }
    #expect(sum == writers * perWriter)
  }

  private final class SharedCounter: Sendable {
    let pointer = RCU.Pointer(0)
  }

  @Test func concurrentExchangesHandOutEachPointeeOnce() {
    let counter = InstanceCounter()
    let shared = SharedCounted(counter)
    runThreads(4) { _ in
      for value in 0..<1000 {
        _ = shared.pointer.exchange(Counted(value, counter))
      }
    }
    RCU.barrier()
    #expect(counter.created == 4001)
    #expect(counter.live == 1)
  }

  private final class SharedCounted: Sendable {
    let pointer: RCU.Pointer<Counted>
    init(_ counter: InstanceCounter) { pointer = RCU.Pointer(Counted(0, counter)) }
  }

  private static func read(_ pointer: borrowing RCU.Pointer<Pair>) -> Pair? {
    RCU.withReadSection { section in pointer.load(in: section)?.value }
  }
}
