// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct ListTests {
  private typealias Domain = RCUDomain<CollectionTestFlavor>
  private typealias List = Domain.List<Counted>

  @Test func emptyListHasNothing() {
    let list = Domain.List<Int>()
    let isEmpty = list.isEmpty
    #expect(isEmpty && list.count == 0)
    let hasFirst = Domain.withReadSection { section in
      list.first(in: section, where: { _ in true }) != nil
    }
    #expect(!hasFirst)
    let removed = list.removeFirst { _ in true } == nil
    #expect(removed)
    #expect(list.removeAll() == 0)
  }

  @Test func appendAndPrependKeepTheOrder() {
    let counter = InstanceCounter()
    do {
      let list = List()
      list.append(Counted(3, counter))
      list.prepend(Counted(2, counter))
      list.append(Counted(4, counter))
      list.prepend(Counted(1, counter))
      #expect(Self.values(list) == [1, 2, 3, 4])
      #expect(list.count == 4)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func insertsBesideTheFirstMatch() {
    let counter = InstanceCounter()
    let list = List()
    for value in [1, 5, 5, 9] { list.append(Counted(value, counter)) }
    let inserted = [
      list.insert(Counted(6, counter), afterFirstWhere: { $0.value == 5 }).isInserted,
      list.insert(Counted(4, counter), beforeFirstWhere: { $0.value == 5 }).isInserted,
      list.insert(Counted(0, counter), beforeFirstWhere: { $0.value == 1 }).isInserted,
      list.insert(Counted(10, counter), afterFirstWhere: { $0.value == 9 }).isInserted,
    ]
    #expect(inserted == [true, true, true, true])
    #expect(Self.values(list) == [0, 1, 4, 5, 6, 5, 9, 10])
    // Both ends moved.
    list.append(Counted(11, counter))
    list.prepend(Counted(-1, counter))
    #expect(Self.values(list) == [-1, 0, 1, 4, 5, 6, 5, 9, 10, 11])
  }

  @Test func insertGivesTheElementBackWithoutAMatch() {
    let counter = InstanceCounter()
    let list = List()
    list.append(Counted(1, counter))
    if case .notInserted(let back) = list.insert(
      Counted(2, counter), afterFirstWhere: { $0.value == 7 })
    {
      #expect(back.value == 2)
    } else {
      Issue.record("it was inserted")
    }
    if case .notInserted(let back) = list.insert(
      Counted(3, counter), beforeFirstWhere: { $0.value == 7 })
    {
      #expect(back.value == 3)
    } else {
      Issue.record("it was inserted")
    }
    #expect(counter.live == 1)
    #expect(Self.values(list) == [1] && list.count == 1)
  }

  @Test func removesTheFirstMatchAnywhere() {
    let counter = InstanceCounter()
    do {
      let list = List()
      for value in [1, 2, 3, 2, 5] { list.append(Counted(value, counter)) }
      #expect(list.removeFirst { $0.value == 2 }?.value.value == 2)
      #expect(Self.values(list) == [1, 3, 2, 5])
      #expect(list.removeFirst { $0.value == 1 }?.take().value == 1)
      #expect(list.removeFirst { $0.value == 5 }?.value.value == 5)
      #expect(Self.values(list) == [3, 2] && list.count == 2)
      let isMissing = list.removeFirst { $0.value == 7 } == nil
      #expect(isMissing)
      list.append(Counted(6, counter))
      #expect(Self.values(list) == [3, 2, 6])
      Domain.barrier()
      #expect(counter.live == 3)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func removeAllGivesThemInTheirOrder() {
    let counter = InstanceCounter()
    let list = List()
    for value in 0..<10 { list.append(Counted(value, counter)) }
    var removed: [Int] = []
    let count = list.removeAll(where: { $0.value.isMultiple(of: 3) }) { old in
      removed.append(old.value.value)
      // Not under the list's lock any more.
      list.append(Counted(100, counter))
    }
    #expect(count == 4 && removed == [0, 3, 6, 9])
    #expect(Self.values(list) == [1, 2, 4, 5, 7, 8, 100, 100, 100, 100])
    #expect(list.removeAll(where: { $0.value == 100 }) == 4)
    #expect(list.removeAll() == 6)
    #expect(list.count == 0 && Self.values(list) == [])
    Domain.barrier()
    #expect(counter.live == 0)
    list.append(Counted(1, counter))
    #expect(Self.values(list) == [1])
  }

  @Test func replacesTheFirstMatch() {
    let counter = InstanceCounter()
    let list = List()
    for value in [1, 2, 3] { list.append(Counted(value, counter)) }
    for (old, new) in [(1, 10), (2, 20), (3, 30)] {
      switch list.replaceFirst(where: { $0.value == old }, with: Counted(new, counter)) {
      case .replaced(let retired): #expect(retired.value.value == old)
      case .notFound: Issue.record("\(old) was not found")
      }
    }
    #expect(Self.values(list) == [10, 20, 30] && list.count == 3)
    switch list.replaceFirst(where: { $0.value == 7 }, with: Counted(8, counter)) {
    case .replaced: Issue.record("there was nothing to replace")
    case .notFound(let new): #expect(new.value == 8)
    }
    list.append(Counted(40, counter))
    list.prepend(Counted(0, counter))
    #expect(Self.values(list) == [0, 10, 20, 30, 40])
    Domain.barrier()
    #expect(counter.live == 5)
  }

  // MARK: - Walks

  @Test func firstFindsInPlace() {
    let counter = InstanceCounter()
    let list = List()
    for value in 0..<10 { list.append(Counted(value, counter)) }
    Domain.withReadSection { section in
      let found = list.first(in: section) { $0.value > 5 }
      list.removeAll()
      #expect(found?.value.value == 6)
    }
  }

  @Test func cursorsAreIndependent() {
    let list = Domain.List<Int>()
    for value in 1...4 { list.append(value) }
    var pairs: [Int] = []
    Domain.withReadSection { section in
      var outer = list.cursor(in: section)
      while let first = outer.next() {
        var inner = outer
        while let second = inner.next() { pairs.append(first.value * 10 + second.value) }
      }
    }
    #expect(pairs == [12, 13, 14, 23, 24, 34])
  }

  @Test func forEachPassesErrorsOn() {
    struct Found: Error {}
    let list = Domain.List<Int>()
    for value in 0..<10 { list.append(value) }
    var seen: [Int] = []
    #expect(throws: Found.self) {
      try Domain.withReadSection { section throws(Found) in
        try list.forEach(in: section) { element throws(Found) in
          seen.append(element.value)
          if seen.count == 3 { throw Found() }
        }
      }
    }
    #expect(seen == [0, 1, 2] && !Domain.isInReadSection)
  }

  /// A walk that stands on a removed element goes on into the list.
  @Test func aWalkSurvivesTheRemovalOfWhereItStands() {
    let counter = InstanceCounter()
    let list = List()
    for value in 0..<6 { list.append(Counted(value, counter)) }
    var seen: [Int] = []
    Domain.withReadSection { section in
      var cursor = list.cursor(in: section)
      while let element = cursor.next() {
        seen.append(element.value.value)
        let value = element.value.value
        list.removeFirst { $0.value == value }
        if value == 1 { list.removeFirst { $0.value == 4 } }
        if value == 2 { list.append(Counted(9, counter)) }
      }
    }
    #expect(seen == [0, 1, 2, 3, 5, 9])
    #expect(list.count == 0)
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func elementsOfADroppedListOutliveOpenSections() {
    let counter = InstanceCounter()
    let section = HeldSection<CollectionTestFlavor>()
    do {
      let list = List()
      for value in 0..<100 { list.append(Counted(value, counter)) }
    }
    #expect(counter.live == 100)
    section.end()
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func aPredicateThatChangesTheListTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let list = RCU.List<Int>()
      list.append(1)
      list.removeFirst { _ in
        list.append(2)
        return true
      }
    }
    expectMessage(of: result, names: ["RCUDomain.List", "change it after the call"])
  }

  @Test func everyElementIsRemovedOnce() {
    let counter = InstanceCounter()
    let shared = Shared()
    let removed = Locked(0)
    runThreads(4) { thread in
      for value in 0..<500 { shared.list.append(Counted(value, counter)) }
      var count = 0
      for value in 0..<500 where shared.list.removeFirst(where: { $0.value == value }) != nil {
        count += 1
      }
      removed.withLock { $0 += count }
    }
    #expect(removed.withLock { $0 } == 2000)
    #expect(shared.list.count == 0)
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private final class Shared: Sendable {
    let list = Domain.List<Counted>()
  }

  private static func values(_ list: borrowing List) -> [Int] {
    var values: [Int] = []
    Domain.withReadSection { section in
      list.forEach(in: section) { values.append($0.value.value) }
    }
    return values
  }
}
