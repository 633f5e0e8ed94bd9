// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

private typealias Change = MapsDifference.Change

/// What differs between two versions.
@Suite struct DifferenceTests {
  // MARK: Cases

  @Test func sameVersionHasNone() throws {
    let space = AddressSpace()
    #expect(Array(AddressSpace.difference(from: space.snapshot(), to: space.snapshot())) == [])
    for page in 0..<3000 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    var difference = AddressSpace.difference(
      from: space.snapshot(), to: space.snapshot()
    ).makeIterator()
    #expect(difference.next() == nil)
    #expect(difference._openedCount == 0)
  }

  @Test func eachKindOfChange() throws {
    let space = AddressSpace()
    try space.mapPages(0..<9, "rw")
    try space.mapPages(20..<22, "r")
    let before = space.snapshot()
    try space.protectPages(20..<22, "rx")
    try space.unmapPages(3..<4)
    try space.mapPages(30..<31, "r")
    let after = space.snapshot()
    #expect(
      Self.text(before, after) == [
        "-0-9 rw", "+0-3 rw", "+4-9 rw", "20-22 r -> rx", "+30-31 r",
      ])
    #expect(
      Self.text(after, before) == [
        "-0-3 rw", "-4-9 rw", "+0-9 rw", "20-22 rx -> r", "-30-31 r",
      ])
    let difference = AddressSpace.difference(from: before, to: after)
    #expect(difference.from === before && difference.to === after)
  }

  @Test func fromAndToNothing() throws {
    let space = AddressSpace()
    let empty = space.snapshot()
    for page in 0..<100 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    let full = space.snapshot()
    #expect(Array(AddressSpace.difference(from: empty, to: full)) == full.map(Change.added))
    #expect(Array(AddressSpace.difference(from: full, to: empty)) == full.map(Change.removed))
  }

  /// What leaves no trace in the text is no change.
  @Test func invisibleAttributesAreNoChange() throws {
    let space = AddressSpace()
    try space.mapPages(0..<4, "rw")
    let before = space.snapshot()
    try space.systemCalls.mlock(AddressSpace.testBase, length: 4 * AddressSpace.pageSize)
    try space.systemCalls.madvise(
      AddressSpace.testBase, length: 4 * AddressSpace.pageSize, .dontFork)
    try space.simulateWrite(at: AddressSpace.testBase)
    #expect(space.generation > before.generation)
    #expect(Self.text(before, space.snapshot()) == [])
    // Mapped anew, without being charged.
    try space.mapPages(0..<4, "rw", [.noReserve])
    #expect(Self.text(before, space.snapshot()) == [])
  }

  /// A file in another's place, with the same protection and range.
  @Test func otherFileIsAChange() throws {
    let device = DeviceNumber(major: 8, minor: 1)
    let files = (1...2).map { MappedFile(path: "/f\($0)", device: device, inode: UInt64($0)) }
    let space = AddressSpace()
    try space.mapPages(0..<4, "r", backing: .file(files[0]))
    let before = space.snapshot()
    try space.mapPages(0..<4, "r", backing: .file(files[1]))
    let changes = Array(AddressSpace.difference(from: before, to: space.snapshot()))
    guard changes.count == 1, case .changed(let from, let to) = changes[0] else {
      Issue.record("\(changes)")
      return
    }
    #expect(from.nameString == "/f1" && to.nameString == "/f2")
    // The first again: a new mapping that looks the same.
    try space.mapPages(0..<4, "r", backing: .file(files[0]))
    #expect(Self.text(before, space.snapshot()) == [])
  }

  /// Versions of two address spaces share nothing, and can be compared all the same.
  @Test func differentSpaces() throws {
    let (first, second) = (AddressSpace(), AddressSpace())
    for page in 0..<200 as Range<UInt64> {
      try first.mapPages(2 * page..<2 * page + 1)
      if page != 50 { try second.mapPages(2 * page..<2 * page + 1) }
    }
    #expect(Self.text(first.snapshot(), second.snapshot()) == ["-100-101 rw"])
  }

  /// Names that come from the break and the stack's start change without the tree, in nodes that
  /// the versions share.
  @Test func namesFromTheLayout() throws {
    let space = AddressSpace(
      importing: (1..<200).map { page in
        ImportedMapping(
          start: page * 0x4000, end: page * 0x4000 + 0x2000, protection: .read, isShared: false,
          source: .anonymous)
      })
    let breaks: [Range<UInt64>] = [
      0..<0, 0x10000..<0x20000, 0x10000..<0x30000, 0x12000..<0x12000, 0x11000..<0x11000,
      0x40000..<0x80000, 0x13000..<0x51000, 0x80000..<0x80001, 0x82000..<0x84000,
    ]
    let stacks: [UInt64] = [.max, 0x101000, 0x102000, 0x102001, 0x100000]
    var snapshots: [MapsSnapshot] = []
    for (range, stack) in zip(breaks, stacks + stacks) {
      try space.write { (writer) throws(Errno) in
        writer.draft.breakStart = range.lowerBound
        writer.draft.breakEnd = range.upperBound
        writer.draft.stackStart = stack
        writer.isChanged = true
      }
      snapshots.append(space.snapshot())
    }
    var pairs = 0
    for from in snapshots {
      for to in snapshots {
        var difference = AddressSpace.difference(from: from, to: to).makeIterator()
        var changes: [Change] = []
        while let change = difference.next() { changes.append(change) }
        #expect(changes == bruteForce(Array(from), Array(to)))
        // Of 8 leaves in each version, those where names change.
        if from === to { #expect(difference._openedCount == 0) }
        if !changes.isEmpty { pairs += 1 }
        #expect(difference._openedCount <= 2 * 7)
      }
    }
    #expect(pairs > 60)
  }

  /// `-` removed, `+` added, `->` changed; pages and access.
  private static func text(_ from: MapsSnapshot, _ to: MapsSnapshot) -> [String] {
    func pages(_ vma: VMA) -> String {
      let first = (vma.start - AddressSpace.testBase) / 4096
      return "\(first)-\((vma.end - AddressSpace.testBase) / 4096) \(access(vma))"
    }
    func access(_ vma: VMA) -> String {
      [(Protection.read, "r"), (.write, "w"), (.execute, "x")]
        .map { vma.protection.contains($0) ? $1 : "" }.joined()
    }
    return AddressSpace.difference(from: from, to: to).map { change in
      switch change {
      case .removed(let vma): "-\(pages(vma))"
      case .added(let vma): "+\(pages(vma))"
      case .changed(let old, let new): "\(pages(old)) -> \(access(new))"
      }
    }
  }

  // MARK: At random

  /// Any two of many versions, against a comparison of their lists.
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func randomChanges(_ seed: UInt64) throws {
    var pair = TreePair(seed: seed, pageCount: seed % 2 == 0 ? 200 : 4000)
    if seed % 2 == 1 { try pair.fill(every: 2) }
    var kept: [MapsSnapshot] = [pair.space.snapshot()]
    for _ in 0..<(pair.pageCount > 1000 ? 30 : 150) {
      for _ in 0..<pair.random.below(12) {
        try pair.step(longestRun: pair.random.oneIn(30) ? pair.pageCount : 5)
      }
      kept.append(pair.space.snapshot())
      let other = pair.random.pick(kept)
      try Self.check(from: other, to: kept[kept.count - 1], "seed \(seed)")
      try Self.check(from: kept[kept.count - 1], to: other, "seed \(seed)")
      if kept.count > 8 { kept.remove(at: Int(pair.random.below(8))) }
    }
  }

  /// The same with all kinds of operations, whether they succeed or not.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func randomOperations(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var layout = ImportedLayout()
    layout.breakRange = 0x10_0000..<0x10_0000
    let space = AddressSpace(importing: [], layout: layout)
    var kept = [space.snapshot()]
    for _ in 0..<300 {
      for _ in 0..<1 + random.below(6) { Self.perform(&random, space) }
      kept.append(space.snapshot())
      let other = random.pick(kept)
      try Self.check(from: other, to: kept[kept.count - 1], "seed \(seed)")
      if kept.count > 8 { kept.remove(at: Int(random.below(8))) }
    }
    // A child's versions share nothing with the parent's.
    let child = space.fork()
    Self.perform(&random, child)
    try Self.check(from: kept[0], to: child.snapshot(), "seed \(seed)")
  }

  private static func perform(_ random: inout SeededGenerator, _ space: AddressSpace) {
    // The heap may grow into the window.
    let address = 0x10_0000 + random.below(64) * AddressSpace.pageSize
    let length = (1 + random.below(8)) * AddressSpace.pageSize
    let target = 0x10_0000 + random.below(64) * AddressSpace.pageSize
    do {
      switch random.below(8) {
      case 0, 1:
        try space.systemCalls.mmap(
          at: address, length: length, protection: [.read, .write], flags: [.private, .fixed])
      case 2: try space.systemCalls.munmap(address, length: length)
      case 3:
        try space.systemCalls.mprotect(
          address, length: length, random.oneIn(2) ? .read : [.read, .write])
      case 4:
        try space.systemCalls.mremap(
          address, length: length, newLength: length, flags: [.mayMove, .fixed], newAddress: target)
      case 5:
        try space.systemCalls.setName(
          address, length: length, random.oneIn(3) ? nil : Array("a".utf8))
      case 6: space.setBreak(target)
      default: try space.simulateWrite(at: address)
      }
    } catch {
      // Refused, as is fine.
    }
  }

  private static func check(
    from: MapsSnapshot, to: MapsSnapshot, _ comment: Comment
  ) throws {
    let (old, new) = (Array(from), Array(to))
    let changes = Array(AddressSpace.difference(from: from, to: to))
    try #require(changes == bruteForce(old, new), comment)
    try #require(apply(changes, to: old) == new, comment)
  }

  // MARK: What is not read

  /// Nodes are opened on the paths to what changed only.
  @Test func sharedSubtreesAreNotOpened() throws {
    let count: UInt64 = 50_000
    let space = AddressSpace()
    for page in 0..<count { try space.mapPages(2 * page..<2 * page + 1) }
    let height = space.currentVersion.tree.height
    let before = space.snapshot()
    var random = SeededGenerator(seed: 3)
    for changes in 1...40 {
      let page = 2 * random.below(count)
      try space.unmapPages(page..<page + 1)
      var difference = AddressSpace.difference(from: before, to: space.snapshot()).makeIterator()
      var found = 0
      while difference.next() != nil { found += 1 }
      #expect(found <= changes)
      // Both versions' paths, and the neighbours where a node was split or joined.
      let paths = 2 * (height + 1) * changes
      #expect(difference._openedCount >= 2 * (height + 1))
      #expect(difference._openedCount <= paths + 4 * changes)
    }
  }

  /// Nodes that got other neighbours, parents and depths are recognised.
  @Test func movedSubtreesAreRecognised() throws {
    let space = AddressSpace()
    for page in 0..<20_000 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1) }
    let before = space.snapshot()
    let leafCount = 20_000 / 16
    // The first half goes: the tree shrinks, perhaps by a level.
    try space.unmapPages(0..<39_000)
    let after = space.snapshot()
    var difference = AddressSpace.difference(from: before, to: after).makeIterator()
    var removed = 0
    while case .removed? = difference.next() { removed += 1 }
    #expect(removed == 19_500)
    #expect(difference.next() == nil)
    // All that was removed had to be read; of what stays, the edge.
    #expect(difference._openedCount < leafCount * 2)
    // A new VMA below everything, and splits all the way up: what follows stays what it is.
    for page in 0..<2000 as Range<UInt64> { try space.mapPages(2 * page..<2 * page + 1, "r") }
    var second = AddressSpace.difference(from: after, to: space.snapshot()).makeIterator()
    var added = 0
    while case .added? = second.next() { added += 1 }
    #expect(added == 2000)
    #expect(second.next() == nil)
    #expect(second._openedCount < 2000 / 8 + 50)
  }

  /// The shape that the layout's names force open is opened there only.
  @Test func relabelingOpensOnlyWhereNamesChange() {
    var old = Version()
    (old.breakStart, old.breakEnd) = (0x1000, 0x5000)
    var new = old
    #expect(!RelabeledAddresses(old, new).touch(0x1000, 0x5000))
    new.breakEnd = 0x7000
    #expect(!RelabeledAddresses(old, new).touch(0x1000, 0x5000))
    #expect(RelabeledAddresses(old, new).touch(0x1000, 0x6000))
    #expect(RelabeledAddresses(old, new).touch(0x6000, 0x9000))
    #expect(!RelabeledAddresses(old, new).touch(0x7000, 0x9000))
    new = old
    new.stackStart = 0x20000
    #expect(RelabeledAddresses(old, new).touch(0x1f000, 0x20000))
    #expect(RelabeledAddresses(old, new).touch(0x20000, 0x21000))
    #expect(!RelabeledAddresses(old, new).touch(0x20001, 0x21000))
  }
}

/// The definition of a difference, from two lists.
private func bruteForce(_ old: [VMA], _ new: [VMA]) -> [Change] {
  var changes: [Change] = []
  var (old, new) = (old[...], new[...])
  while let removed = old.first ?? new.first {
    guard let added = new.first else {
      changes.append(.removed(removed))
      old.removeFirst()
      continue
    }
    if let same = old.first, same.start == added.start && same.end == added.end {
      if same != added { changes.append(.changed(from: same, to: added)) }
      old.removeFirst()
      new.removeFirst()
    } else if let gone = old.first, gone.start < added.end {
      changes.append(.removed(gone))
      old.removeFirst()
    } else {
      changes.append(.added(added))
      new.removeFirst()
    }
  }
  return changes
}

/// Applies one change after the other to a list; `nil` if one doesn't fit, or VMAs overlap then.
private func apply(_ changes: [Change], to vmas: [VMA]) -> [VMA]? {
  var byStart = Dictionary(uniqueKeysWithValues: vmas.map { ($0.start, $0) })
  var sorted = vmas.map(\.start)
  for change in changes {
    switch change {
    case .removed(let vma):
      guard byStart.removeValue(forKey: vma.start) == vma else { return nil }
      sorted.removeAll { $0 == vma.start }
    case .added(let vma):
      guard byStart[vma.start] == nil else { return nil }
      let index = sorted.firstIndex { $0 > vma.start } ?? sorted.count
      if index > 0, let before = byStart[sorted[index - 1]], before.end > vma.start { return nil }
      if index < sorted.count, sorted[index] < vma.end { return nil }
      byStart[vma.start] = vma
      sorted.insert(vma.start, at: index)
    case .changed(let from, let to):
      guard byStart[from.start] == from, from != to, from.start == to.start, from.end == to.end
      else { return nil }
      byStart[to.start] = to
    }
  }
  return sorted.map { byStart[$0]! }
}
