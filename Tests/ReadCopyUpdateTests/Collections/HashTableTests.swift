// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct HashTableTests {
  private typealias Domain = RCUDomain<CollectionTestFlavor>
  private typealias Table = Domain.HashTable<Int, Counted>

  // MARK: - One key

  @Test func emptyTableFindsNothing() {
    let table = Domain.HashTable<String, Int>()
    let isMissing = Domain.withReadSection { table.lookup("a", in: $0) == nil }
    #expect(isMissing)
    let isEmpty = table.isEmpty
    #expect(isEmpty && table.count == 0)
    let removed = table.removeValue(forKey: "a") == nil
    #expect(removed)
    #expect(table.removeAll() == 0)
  }

  @Test func insertedValueIsFoundInPlace() {
    let counter = InstanceCounter()
    do {
      let table = Table()
      for key in 0..<10 { table.addDuplicate(Counted(key * 10, counter), forKey: key) }
      let isEmpty = table.isEmpty
      #expect(table.count == 10 && !isEmpty)
      for key in 0..<10 { #expect(Self.value(of: key, in: table) == key * 10) }
      #expect(Self.value(of: 10, in: table) == nil)
      #expect(counter.live == 10 && counter.created == 10)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func insertGivesTheValueBackIfTheKeyHasOne() {
    let counter = InstanceCounter()
    do {
      let table = Table()
      let isInserted = table.insert(Counted(1, counter), forKey: 7).isInserted
      #expect(isInserted)
      if case .notInserted(let second) = table.insert(Counted(2, counter), forKey: 7) {
        #expect(second.value == 2)
      } else {
        Issue.record("a second value was inserted")
      }
      #expect(Self.value(of: 7, in: table) == 1)
      #expect(table.count == 1 && counter.live == 1)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func updateValueInsertsThenReplaces() {
    let counter = InstanceCounter()
    let table = Table()
    let isNew = table.updateValue(Counted(1, counter), forKey: 7) == nil
    #expect(isNew)
    if let old = table.updateValue(Counted(2, counter), forKey: 7) {
      #expect(old.value.value == 1)
    } else {
      Issue.record("the old value was lost")
    }
    #expect(Self.value(of: 7, in: table) == 2)
    #expect(table.count == 1)
    Domain.barrier()
    #expect(counter.live == 1)
  }

  @Test func replaceValueReplacesOnlyWhatIsThere() {
    let counter = InstanceCounter()
    let table = Table()
    switch table.replaceValue(forKey: 7, with: Counted(1, counter)) {
    case .replaced: Issue.record("there was nothing to replace")
    case .notFound(let new): #expect(new.value == 1)
    }
    #expect(table.count == 0 && counter.live == 0)
    table.addDuplicate(Counted(2, counter), forKey: 7)
    switch table.replaceValue(forKey: 7, with: Counted(3, counter)) {
    case .replaced(let old): #expect(old.value.value == 2)
    case .notFound: Issue.record("the value was not found")
    }
    #expect(Self.value(of: 7, in: table) == 3)
    #expect(table.count == 1)
    Domain.barrier()
    #expect(counter.live == 1)
  }

  @Test func removedValueComesBack() {
    let counter = InstanceCounter()
    let table = Table()
    table.addDuplicate(Counted(1, counter), forKey: 7)
    if let taken = table.removeValue(forKey: 7)?.take() {
      #expect(taken.value == 1 && counter.live == 1)
    } else {
      Issue.record("the value was not found")
    }
    #expect(counter.live == 0)
    #expect(Self.value(of: 7, in: table) == nil)
    let isGone = table.removeValue(forKey: 7) == nil
    #expect(isGone)
    #expect(table.count == 0)
  }

  @Test func removedValueOutlivesOpenSections() {
    let counter = InstanceCounter()
    let table = Table()
    table.addDuplicate(Counted(1, counter), forKey: 7)
    Domain.withReadSection { section in
      let ref = table.lookup(7, in: section)
      table.removeValue(forKey: 7)
      #expect(ref?.value.value == 1)
      #expect(counter.live == 1)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  /// Both the key and the value are destroyed, whichever way the node goes.
  @Test func keysAreDestroyedToo() {
    let counter = InstanceCounter()
    do {
      let table = Domain.HashTable<ObjectKey, Counted>()
      for value in 0..<5 {
        table.addDuplicate(Counted(value, counter), forKey: ObjectKey(value, counter))
      }
      #expect(counter.live == 10)
      table.removeValue(forKey: ObjectKey(0, counter))
      _ = table.removeValue(forKey: ObjectKey(1, counter))?.take()
      table.removeValue(forKey: ObjectKey(2, counter))?.reclaim()
      _ = table.insert(Counted(3, counter), forKey: ObjectKey(3, counter))
      Domain.barrier()
      #expect(counter.live == 4)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private struct ObjectKey: Hashable, Sendable {
    let object: CountedObject
    init(_ value: Int, _ counter: InstanceCounter) { object = CountedObject(value, counter) }
    static func == (left: ObjectKey, right: ObjectKey) -> Bool {
      left.object.value == right.object.value
    }
    func hash(into hasher: inout Hasher) { hasher.combine(object.value) }
  }

  // MARK: - Duplicates and collisions

  @Test func duplicatesKeepTheirOrder() {
    let counter = InstanceCounter()
    let table = Table()
    for value in 1...3 { table.addDuplicate(Counted(value, counter), forKey: 7) }
    #expect(Self.values(of: 7, in: table) == [1, 2, 3])
    #expect(Self.value(of: 7, in: table) == 1)
    #expect(table.removeValue(forKey: 7)?.value.value == 1)
    #expect(Self.values(of: 7, in: table) == [2, 3])
    #expect(table.updateValue(Counted(4, counter), forKey: 7)?.value.value == 2)
    #expect(Self.values(of: 7, in: table) == [4, 3])
    #expect(table.count == 2)
    #expect(Self.values(of: 8, in: table) == [])
  }

  /// A key whose values come and go, so that it always has one, doesn't use more and more lines.
  @Test func duplicatesThatRotateStayNear() {
    let counter = InstanceCounter()
    do {
      let table = Table(minimumCapacity: 64)
      table.addDuplicate(Counted(0, counter), forKey: 7)
      var arrays: Set<UInt> = []
      for value in 1...5000 {
        table.addDuplicate(Counted(value, counter), forKey: 7)
        #expect(table.removeValue(forKey: 7)?.value.value == value - 1)
        unsafe arrays.insert(table.storage.pointee.array.word)
        var (line, count) = unsafe (table.storage.pointee.array.line(for: 7.hashValue), 1)
        while let next = line.next { (line, count) = (next, count + 1) }
        #expect(count <= 5)
      }
      // The lines are given back with their array.
      #expect(arrays.count > 1 && table.bucketCount == 16)
      #expect(Self.values(of: 7, in: table) == [5000])
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  @Test func keysOfOneHashAreKeptApart() {
    let counter = InstanceCounter()
    do {
      let table = Domain.HashTable<Colliding, Counted>(minimumCapacity: 1)
      for value in 0..<300 {
        let isNew = table.insert(Counted(value, counter), forKey: Colliding(value)).isInserted
        #expect(isNew)
      }
      let isOld = table.insert(Counted(0, counter), forKey: Colliding(150)).isInserted == false
      #expect(isOld)
      for value in stride(from: 0, to: 300, by: 2) {
        #expect(table.removeValue(forKey: Colliding(value))?.value.value == value)
      }
      for value in stride(from: 1, to: 300, by: 2) {
        let old = table.updateValue(Counted(-value, counter), forKey: Colliding(value))
        #expect(old?.value.value == value)
      }
      for value in 0..<300 {
        let found = Domain.withReadSection { section in
          table.lookup(Colliding(value), in: section)?.value.value
        }
        #expect(found == (value % 2 == 0 ? nil : -value))
      }
      #expect(table.count == 150)
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  // MARK: - Many keys

  @Test(arguments: [1, 64, 5000])
  func growsAndShrinks(minimumCapacity: Int) {
    let count = 20_000
    let counter = InstanceCounter()
    do {
      let table = Table(minimumCapacity: minimumCapacity)
      let minimumBucketCount = table.bucketCount
      #expect(minimumBucketCount * 4 >= minimumCapacity)
      for key in 0..<count { table.addDuplicate(Counted(key, counter), forKey: key) }
      #expect(table.count == count)
      #expect(table.bucketCount > count / 16)
      var missing = 0
      for key in 0..<count where Self.value(of: key, in: table) != key { missing += 1 }
      #expect(missing == 0)
      for key in 10..<count { table.removeValue(forKey: key) }
      // Changes move the elements, a few each.
      for _ in 0..<count {
        table.removeValue(forKey: 0)
        table.addDuplicate(Counted(0, counter), forKey: 0)
      }
      #expect(table.bucketCount == max(minimumBucketCount, 8))
      for key in 0..<10 { #expect(Self.value(of: key, in: table) == key) }
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  /// The old buckets can't be freed while a section is open.
  @Test func growsWhileASectionIsOpen() {
    let table = Domain.HashTable<Int, Int>(minimumCapacity: 1)
    let section = HeldSection<CollectionTestFlavor>()
    for key in 0..<5000 { table.addDuplicate(key, forKey: key) }
    #expect(table.bucketCount >= 5000 / 8)
    section.end()
    Domain.barrier()
  }

  /// What is in the table is found after each change, in whichever of two arrays it is, and each
  /// walk sees it once.
  @Test func elementsAreFoundAtEachStepOfGrowingAndShrinking() {
    let counter = InstanceCounter()
    let table = Table(minimumCapacity: 1)
    var expected: Set<Int> = []
    func check() {
      var seen: [Int] = []
      Domain.withReadSection { section in
        table.forEach(in: section) { seen.append($0.key) }
      }
      #expect(seen.count == expected.count && Set(seen) == expected)
      for key in expected { #expect(Self.value(of: key, in: table) == key) }
    }
    for key in 0..<150 {
      table.updateValue(Counted(key, counter), forKey: key)
      expected.insert(key)
      check()
    }
    for key in 0..<150 {
      table.removeValue(forKey: key)
      expected.remove(key)
      check()
    }
    #expect(table.bucketCount <= 16)
  }

  @Test func forEachSeesEveryElementOnce() {
    let table = Domain.HashTable<String, Int>()
    for key in 0..<1000 { table.addDuplicate(key, forKey: String(key)) }
    var seen: [String: Int] = [:]
    Domain.withReadSection { section in
      table.forEach(in: section) { entry in
        #expect(seen.updateValue(entry.value, forKey: entry.key) == nil)
      }
    }
    #expect(seen.count == 1000)
    #expect(seen.allSatisfy { $0.key == String($0.value) })
  }

  @Test func forEachPassesErrorsOn() {
    struct Found: Error { let key: Int }
    let table = Domain.HashTable<Int, Int>()
    for key in 0..<10 { table.addDuplicate(key, forKey: key) }
    var visited = 0
    #expect(throws: Found.self) {
      try Domain.withReadSection { section throws(Found) in
        try table.forEach(in: section) { entry throws(Found) in
          visited += 1
          if visited == 3 { throw Found(key: entry.key) }
        }
      }
    }
    #expect(visited == 3 && !Domain.isInReadSection)
  }

  @Test func aWalkMayChangeTheTable() {
    let counter = InstanceCounter()
    let table = Table()
    for key in 0..<500 { table.addDuplicate(Counted(key, counter), forKey: key) }
    Domain.withReadSection { section in
      table.forEach(in: section) { entry in
        if entry.key.isMultiple(of: 2) { table.removeValue(forKey: entry.key) }
      }
    }
    #expect(table.count == 250)
    Domain.barrier()
    #expect(counter.live == 250)
  }

  @Test func removeAllEmpties() {
    let counter = InstanceCounter()
    let table = Table()
    for key in 0..<3000 { table.addDuplicate(Counted(key, counter), forKey: key % 1000) }
    #expect(table.removeAll() == 3000)
    #expect(table.count == 0)
    Domain.barrier()
    #expect(counter.live == 0)
    table.addDuplicate(Counted(1, counter), forKey: 1)
    #expect(Self.value(of: 1, in: table) == 1)
  }

  // MARK: - The table's end

  @Test func elementsOfADroppedTableOutliveOpenSections() {
    let counter = InstanceCounter()
    let section = HeldSection<CollectionTestFlavor>()
    do {
      let table = Table()
      for key in 0..<100 { table.addDuplicate(Counted(key, counter), forKey: key) }
    }
    #expect(counter.live == 100)
    section.end()
    Domain.barrier()
    #expect(counter.live == 0)
  }

  /// Some elements are in the old array, some in the new one, when the table goes.
  @Test func aTableIsDroppedWhileItGrows() {
    let counter = InstanceCounter()
    for rounds in 0..<50 {
      let section = HeldSection<CollectionTestFlavor>()
      do {
        let table = Table(minimumCapacity: 1)
        for key in 0...rounds { table.addDuplicate(Counted(key, counter), forKey: key) }
      }
      section.end()
    }
    Domain.barrier()
    #expect(counter.live == 0)
  }

  private static func value(of key: Int, in table: borrowing Table) -> Int? {
    Domain.withReadSection { section in table.lookup(key, in: section)?.value.value }
  }

  private static func values(of key: Int, in table: borrowing Table) -> [Int] {
    var values: [Int] = []
    Domain.withReadSection { section in
      table.forEachValue(forKey: key, in: section) { values.append($0.value.value) }
    }
    return values
  }
}
