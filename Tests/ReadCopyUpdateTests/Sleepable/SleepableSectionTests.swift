// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct SleepableSectionTests {
  private struct Failure: Error, Equatable {}

  @Test func sectionReturnsAndThrowsWhatItsBodyDoes() async {
    let domain = SleepableRCU()
    let counter = InstanceCounter()
    let pointer = SleepableRCU.Pointer(Counted(7, counter), protectedBy: domain)
    #expect(domain.withReadSection { pointer.load(in: $0)?.value.value } == 7)
    // A result that can't be copied, of both forms.
    let first = domain.withReadSection { _ in Counted(1, counter) }
    let second = await domain.withReadSection { section in
      await Task.yield()
      return Counted(pointer.load(in: section)!.value.value, counter)
    }
    #expect(first.value == 1 && second.value == 7)
    // Typed errors, and no section is left open.
    #expect(throws: Failure()) {
      try domain.withReadSection { (_) throws(Failure) -> Int in throw Failure() }
    }
    await #expect(throws: Failure()) {
      try await domain.withReadSection { (_) async throws(Failure) -> Int in
        await Task.yield()
        throw Failure()
      }
    }
    await domain.synchronize()
    #expect(domain.counters.openCount(0) == 0 && domain.counters.openCount(1) == 0)
  }

  @Test func sectionsNest() async {
    let domain = SleepableRCU()
    let pointer = SleepableRCU.Pointer(1, protectedBy: domain)
    let open = await domain.withReadSection { outer in
      await domain.withReadSection { inner in
        await Task.yield()
        return domain.withReadSection { innermost in
          let values = [
            pointer.load(in: outer)!.value, pointer.load(in: inner)!.value,
            pointer.load(in: innermost)!.value,
          ]
          #expect(values == [1, 1, 1])
          return domain.counters.openCount(0) + domain.counters.openCount(1)
        }
      }
    }
    #expect(open == 3)
    #expect(domain.counters.openCount(0) + domain.counters.openCount(1) == 0)
  }

  private actor Account {
    private var balance = 0

    /// What the actor guards is used in the section, on both sides of a suspension.
    func add(_ pointer: borrowing SleepableRCU.Pointer<Int>, in domain: SleepableRCU) async -> Int {
      await domain.withReadSection { section in
        let ref = pointer.load(in: section)!
        balance += ref.value
        await Task.yield()
        balance += ref.value
        return balance
      }
    }
  }

  private final class SharedNumber: Sendable {
    let domain = SleepableRCU()
    let pointer: SleepableRCU.Pointer<Int>
    init(_ number: Int) { pointer = SleepableRCU.Pointer(number, protectedBy: domain) }
  }

  @Test func sectionRunsOnTheCallersActor() async {
    let shared = SharedNumber(10)
    let account = Account()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 { group.addTask { _ = await account.add(shared.pointer, in: shared.domain) } }
    }
    #expect(await account.add(shared.pointer, in: shared.domain) == 21 * 20)
  }

  @Test @MainActor func sectionStaysOnTheMainActor() async {
    let shared = SharedNumber(1)
    let value = await shared.domain.withReadSection { section in
      MainActor.assertIsolated()
      await Task.yield()
      MainActor.assertIsolated()
      return shared.pointer.load(in: section)!.value
    }
    #expect(value == 1)
  }

  /// Sections that begin on one thread and end on another, and what they read stays intact. In a
  /// process of its own, where no other test holds the pool's threads; with one processor there
  /// would be one.
  @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1))
  func sectionsResumeOnOtherThreads() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let shared = SharedPointee()
      let moved = InstanceCounter()
      for _ in 0..<10_000 where moved.created < 10 {
        await SleepableSectionTests.readInTasks(shared, moved)
      }
      precondition(moved.created >= 10, "no section changed its thread")
      await shared.domain.barrier()
      precondition(shared.counter.live == 1)
      exit(0)
    }
  }

  private static func readInTasks(_ shared: SharedPointee, _ moved: InstanceCounter) async {
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<50 {
        group.addTask {
          await shared.domain.withReadSection { section in
            let ref = shared.pointer.load(in: section)!
            let (serial, thread) = (ref.value.serial, currentThreadID())
            if index % 5 == 0 { shared.replace() }
            try? await Task.sleep(for: .microseconds(50 * index))
            if currentThreadID() != thread { moved.add() }
            precondition(ref.value.isIntact && ref.value.serial == serial)
          }
        }
      }
    }
  }

  private final class SharedPointee: Sendable {
    let domain = SleepableRCU()
    let counter = InstanceCounter()
    let pointer: SleepableRCU.Pointer<StressPointee>
    init() { pointer = SleepableRCU.Pointer(StressPointee(counter), protectedBy: domain) }
    func replace() { pointer.store(StressPointee(counter)) }
  }

  // MARK: Pointers

  @Test func pointersAreReplacedAndCleared() async {
    let domain = SleepableRCU()
    let counter = InstanceCounter()
    do {
      let pointer = SleepableRCU.Pointer<Counted>(protectedBy: domain)
      #expect(domain.withReadSection { pointer.load(in: $0) == nil })
      let nothing = pointer.exchange(Counted(1, counter))
      let wasEmpty = nothing == nil
      #expect(wasEmpty)
      pointer.store(Counted(2, counter))
      if let old = pointer.exchange(Counted(3, counter)) {
        let value = old.value.value
        #expect(value == 2)
      } else {
        Issue.record("nothing was exchanged")
      }
      await domain.barrier()
      #expect(counter.live == 1)
      pointer.clear()
      await domain.barrier()
      #expect(counter.live == 0)
      pointer.store(Counted(4, counter))
    }
    // What was left went with the pointer.
    await domain.barrier()
    #expect(counter.live == 0 && counter.created == 4)
  }

  @Test func retiredValuesAreReclaimed() async {
    let domain = SleepableRCU()
    let counter = InstanceCounter()
    let pointer = SleepableRCU.Pointer(Counted(1, counter), protectedBy: domain)
    await pointer.exchange(Counted(2, counter))?.reclaim()
    #expect(counter.live == 1)
    reclaim(pointer, counter)
    #expect(counter.live == 1)
    #expect(domain.statistics.executedCount == 0)
  }

  private func reclaim(
    _ pointer: borrowing SleepableRCU.Pointer<Counted>, _ counter: InstanceCounter
  ) {
    pointer.exchange(Counted(3, counter))?.reclaim()
  }

  @Test func pointeeOutlivesItsReplacement() async {
    let shared = SharedPointee()
    await shared.domain.withReadSection { section in
      let ref = shared.pointer.load(in: section)!
      shared.replace()
      for _ in 0..<20 { await Task.yield() }
      let isIntact = ref.value.isIntact
      #expect(isIntact)
      #expect(shared.counter.live == 2)
    }
    await shared.domain.barrier()
    #expect(shared.counter.live == 1)
  }

  // MARK: The domain's end

  /// Nothing keeps a domain but its users, and what it holds goes after its last use.
  @Test func domainEndsWithItsLastUser() async {
    let (sources, objects) = (InstanceCounter(), InstanceCounter())
    for value in 0..<50 {
      let domain = SleepableRCU(source: CountingSource(sources))
      if value.isMultiple(of: 2) {
        let pointer = SleepableRCU.Pointer(Counted(value, objects), protectedBy: domain)
        pointer.store(Counted(value, objects))
        domain.afterGracePeriod { [object = CountedObject(value, objects)] in
          withExtendedLifetime(object) {}
        }
      }
      if value.isMultiple(of: 3) { await domain.synchronize() }
    }
    #expect(await eventually { objects.live == 0 })
    // With its source, its reclaimer and the thread.
    #expect(await eventually { sources.live == 0 })
    #expect(sources.created == 50 && objects.created == 75)
  }

  /// The last reference to a domain goes in one of its own deferred calls.
  @Test func domainMayEndOnItsReclaimer() async {
    let (sources, objects) = (InstanceCounter(), InstanceCounter())
    do {
      let domain = SleepableRCU(source: CountingSource(sources))
      let outer = SleepableRCU.Pointer(
        Nested(SleepableRCU.Pointer(Counted(1, objects), protectedBy: domain)), protectedBy: domain)
      outer.clear()
    }
    #expect(await eventually { objects.live == 0 && sources.live == 0 })
    #expect(objects.created == 1)
  }

  private struct Nested: ~Copyable, Sendable {
    let pointer: SleepableRCU.Pointer<Counted>
    init(_ pointer: consuming SleepableRCU.Pointer<Counted>) { self.pointer = pointer }
  }
}
