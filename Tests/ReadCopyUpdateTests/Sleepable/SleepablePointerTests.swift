// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// What `SleepableRCU`'s pointers and grace periods have in common with those of a flavor's domain.
@Suite struct SleepablePointerTests {
  private final class Shared: Sendable {
    let domain = SleepableRCU()
    let counter = InstanceCounter()
    let pointer: SleepableRCU.Pointer<Counted>
    let empty: SleepableRCU.Pointer<Counted>
    let number: SleepableRCU.Pointer<Int>

    init() {
      pointer = SleepableRCU.Pointer(Counted(1, counter), protectedBy: domain)
      empty = SleepableRCU.Pointer(protectedBy: domain)
      number = SleepableRCU.Pointer(0, protectedBy: domain)
    }

    func read(_ pointer: borrowing SleepableRCU.Pointer<Counted>) -> Int? {
      domain.withReadSection { section in pointer.load(in: section)?.value.value }
    }
  }

  @Test func exchangesWhatWasLoaded() {
    let shared = Shared()
    var outcome = 0
    shared.domain.withReadSection { section in
      let old = shared.pointer.load(in: section)
      switch shared.pointer.compareExchange(expected: old, desired: Counted(2, shared.counter)) {
      case .exchanged(let old): outcome = old?.value.value ?? -1
      case .notExchanged: outcome = -2
      }
      // Not a second time.
      switch shared.pointer.compareExchange(expected: old, desired: Counted(3, shared.counter)) {
      case .exchanged: outcome = -3
      case .notExchanged(let desired): if desired.value != 3 { outcome = -4 }
      }
    }
    #expect(outcome == 1)
    #expect(shared.read(shared.pointer) == 2)
    shared.domain.barrier()
    #expect(shared.counter.live == 1)
  }

  @Test func nothingIsExpectedOfAnEmptyPointer() {
    let shared = Shared()
    var outcomes: [String] = []
    for value in [1, 2] {
      switch shared.empty.compareExchange(
        expected: nil, desired: Counted(value, shared.counter))
      {
      case .exchanged(let old): outcomes.append(old == nil ? "first" : "not empty")
      case .notExchanged(let desired): outcomes.append("back \(desired.value)")
      }
    }
    #expect(outcomes == ["first", "back 2"])
    #expect(shared.read(shared.empty) == 1)
  }

  @Test func loadOrStore() {
    for round in 0..<100 {
      let shared = Shared()
      let seen = Locked<[Int]>([])
      runThreads(3) { index in
        let value = shared.domain.withReadSection { section in
          shared.empty.load(in: section, orStore: Counted(index, shared.counter)).value.value
        }
        seen.withLock { $0.append(value) }
      }
      #expect(Set(seen.withLock { $0 }).count == 1, "round \(round)")
      #expect(shared.read(shared.empty) == seen.withLock { $0[0] })
      #expect(shared.counter.live == 2)
    }
  }

  @Test func concurrentUpdatesLoseNothing() {
    let shared = Shared()
    let (writers, perWriter) = (4, 2000)
    runThreads(writers) { _ in
      for _ in 0..<perWriter { shared.number.update { $0 += 1 } }
    }
    let sum = shared.domain.withReadSection { section in shared.number.load(in: section)!.value }
    #expect(sum == writers * perWriter)
    struct Refused: Error {}
    #expect(throws: Refused.self) {
      try shared.number.update { number throws(Refused) in
        number = -1
        throw Refused()
      }
    }
    let after = shared.domain.withReadSection { section in shared.number.load(in: section)!.value }
    #expect(after == sum)
  }

  @Test func takenValuesAreTheCallers() async {
    let shared = Shared()
    #expect(Self.takeBlocking(shared, replacingBy: 2) == 1)
    #expect(shared.counter.live == 1)
    var value = 0
    if let old = shared.pointer.exchange(Counted(3, shared.counter)) {
      let taken = await old.take()
      value = taken.value
    }
    #expect(value == 2 && shared.counter.live == 1)
  }

  private static func takeBlocking(_ shared: Shared, replacingBy new: Int) -> Int? {
    guard let old = shared.pointer.exchange(Counted(new, shared.counter)) else { return nil }
    let taken = old.take()
    return shared.counter.live == 2 ? taken.value : nil
  }

  @Test func gracePeriodsCanBePolled() async {
    let shared = Shared()
    let section = await SuspendedSection(in: shared.domain)
    let gracePeriod = shared.domain.startGracePeriod()
    #expect(!gracePeriod.isComplete)
    // One that begins later is not waited for.
    await section.end()
    await gracePeriod.wait()
    #expect(gracePeriod.isComplete)
    #expect(Self.waitBlocking(shared.domain))
  }

  private static func waitBlocking(_ domain: SleepableRCU) -> Bool {
    let gracePeriod = domain.startGracePeriod()
    gracePeriod.wait()
    return gracePeriod.isComplete
  }

  @Test func sectionsThatCantSuspendAreKnown() {
    let (domain, other) = (SleepableRCU(), SleepableRCU())
    #expect(!domain.isInReadSection)
    domain.withReadSection { _ in #expect(domain.isInReadSection && !other.isInReadSection) }
    #expect(!domain.isInReadSection)
  }

  @Test func waitingForAPolledGracePeriodInASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let domain = SleepableRCU()
      domain.withReadSection { _ in domain.startGracePeriod().wait() }
    }
    expectMessage(of: result, names: ["GracePeriod.wait()", "leave the section first"])
  }

  @Test func storingInUpdateTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let pointer = SleepableRCU.Pointer(1, protectedBy: SleepableRCU())
      pointer.update { value in
        value += 1
        pointer.store(value)
      }
    }
    expectMessage(of: result, names: ["the body of update replaces", "change the copy instead"])
  }

  @Test func updateOfAnEmptyPointer() {
    let pointer = SleepableRCU.Pointer<Int>(protectedBy: SleepableRCU())
    let changed: Void? = pointer.update { _ in Issue.record("there is nothing to change") }
    #expect(changed == nil)
    #expect(
      pointer.update(default: 7) { number in
        number += 1; return number * 2
      } == 16)
    #expect(
      pointer.update { number in
        number += 1; return number
      } == 9)
    #expect(pointer.update(default: 7) { $0 } == 9)
  }
}
