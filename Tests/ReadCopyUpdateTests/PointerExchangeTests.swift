// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// `compareExchange`, with pointees that can't be copied.
@Suite struct PointerExchangeTests {
  /// Threads that find nothing make one each; one is published, and all see it.
  @Test func loadOrStore() {
    let counter = InstanceCounter()
    final class Slot: Sendable { let pointer = RCU.Pointer<CountedObject>() }
    for round in 0..<100 {
      let slot = Slot()
      let seen = Locked<[Int]>([])
      runThreads(3) { index in
        let value = RCU.withReadSection { section in
          slot.pointer.load(in: section, orStore: CountedObject(index, counter)).value.value
        }
        seen.withLock { $0.append(value) }
      }
      #expect(Set(seen.withLock { $0 }).count == 1, "round \(round)")
      RCU.withReadSection { section in
        let again = slot.pointer.load(in: section, orStore: CountedObject(9, counter)).value.value
        #expect(again == seen.withLock { $0[0] })
      }
    }
    RCU.barrier()
    #expect(counter.live == 0)
  }

  @Test func exchangesWhatWasLoaded() {
    let counter = InstanceCounter()
    let pointer = RCU.Pointer(Counted(1, counter))
    var outcome = 0
    RCU.withReadSection { section in
      switch pointer.compareExchange(
        expected: pointer.load(in: section), desired: Counted(2, counter))
      {
      case .exchanged(let old): outcome = old?.value.value ?? -1
      case .notExchanged: outcome = -2
      }
    }
    #expect(outcome == 1)
    #expect(Self.read(pointer) == 2)
    RCU.barrier()
    #expect(counter.live == 1)
  }

  @Test func givesTheDesiredPointeeBack() {
    let counter = InstanceCounter()
    let pointer = RCU.Pointer(Counted(1, counter))
    var outcome = 0
    RCU.withReadSection { section in
      let stale = pointer.load(in: section)
      pointer.store(Counted(2, counter))
      switch pointer.compareExchange(expected: stale, desired: Counted(3, counter)) {
      case .exchanged: outcome = -1
      case .notExchanged(let desired): outcome = desired.value
      }
      // The rejected one went at once: no reader has seen it.
      #expect(counter.live == 2)
    }
    #expect(outcome == 3)
    #expect(Self.read(pointer) == 2)
    RCU.barrier()
    #expect(counter.live == 1)
  }

  @Test func nothingIsExpectedOfAnEmptyPointer() {
    let counter = InstanceCounter()
    let pointer = RCU.Pointer<Counted>()
    var outcomes: [String] = []
    for value in [1, 2] {
      switch pointer.compareExchange(expected: nil, desired: Counted(value, counter)) {
      case .exchanged(let old): outcomes.append(old == nil ? "first" : "not empty")
      case .notExchanged(let desired): outcomes.append("back \(desired.value)")
      }
    }
    #expect(outcomes == ["first", "back 2"])
    #expect(Self.read(pointer) == 1)
    pointer.clear()
    RCU.barrier()
    #expect(counter.live == 0)
  }

  /// The same value at another address is not what was expected.
  @Test func addressesAreComparedNotValues() {
    let pointer = RCU.Pointer(7)
    RCU.withReadSection { section in
      let seven = pointer.load(in: section)
      pointer.store(7)
      var wasExchanged = true
      if case .notExchanged = pointer.compareExchange(expected: seven, desired: 8) {
        wasExchanged = false
      }
      #expect(!wasExchanged)
    }
  }

  @Test(arguments: [1, 2, 4, 8])
  func concurrentExchangesLoseNothing(writers: Int) {
    let perWriter = 2000
    let counter = InstanceCounter()
    let shared = Shared(counter)
    let failures = Locked(0)
    runThreads(writers) { _ in
      var failed = 0
      for _ in 0..<perWriter {
        while !Self.increment(shared.pointer, counter) { failed += 1 }
      }
      failures.withLock { $0 += failed }
    }
    #expect(Self.read(shared.pointer) == writers * perWriter)
    #expect(counter.created == 1 + writers * perWriter + failures.withLock { $0 })
    RCU.barrier()
    #expect(counter.live == 1)
  }

  private static func increment(
    _ pointer: borrowing RCU.Pointer<Counted>, _ counter: InstanceCounter
  ) -> Bool {
    RCU.withReadSection { section in
      let old = pointer.load(in: section)
      let next = Counted((old?.value.value ?? 0) + 1, counter)
      switch pointer.compareExchange(expected: old, desired: next) {
      case .exchanged: return true
      case .notExchanged: return false
      }
    }
  }

  private final class Shared: Sendable {
    let pointer: RCU.Pointer<Counted>
    init(_ counter: InstanceCounter) { pointer = RCU.Pointer(Counted(0, counter)) }
  }

  private static func read(_ pointer: borrowing RCU.Pointer<Counted>) -> Int? {
    RCU.withReadSection { section in pointer.load(in: section)?.value.value }
  }
}
