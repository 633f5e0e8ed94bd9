// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@testable import VirtualMemory

/// The tree by itself, against a sorted array: it knows ranges, and no rule of Linux's.
@Suite struct IntervalTreeTests {
  /// Few addresses, so that ranges meet; many, so that the tree is high; wide ranges, so that whole
  /// subtrees go.
  @Test(arguments: [(60, 8, 3000), (4000, 40, 12_000), (200_000, 600, 12_000)])
  func randomReplacements(_ addressCount: Int, _ maximumLength: Int, _ steps: Int) {
    var random = SeededGenerator(seed: UInt64(addressCount))
    var model = ArrayModel()
    var owner = TreeOwner()
    for step in 0..<steps {
      // A phase that fills, and one that empties.
      let isFilling = step / 2000 % 2 == 0
      let start = random.below(UInt64(addressCount))
      let length =
        random.oneIn(50) ? UInt64(addressCount) / 4 : 1 + random.below(UInt64(maximumLength))
      let end = start + length
      let inserts = isFilling ? !random.oneIn(5) : random.oneIn(5)
      let new = inserts ? Record(start: start, end: end, number: UInt64(step)) : nil
      let items = model.replace(start, end, with: new)
      owner.replace(start, end, with: items)
      if step % 256 == 0 || step == steps - 1 { model.expectEqual(&owner.tree, &random) }
      if random.oneIn(3) { owner.publish() }
    }
    owner.publish()
    model.expectEqual(&owner.tree, &random)
    owner.tree.removeAll()
    ArrayModel().expectEqual(&owner.tree, &random)
  }

  /// Ascending, descending, and built at once.
  @Test(arguments: ["up", "down", "at once"])
  func runs(_ kind: String) {
    let records = (0..<5000 as Range<UInt64>).map {
      Record(start: 10 + 4 * $0, end: 12 + 4 * $0, number: $0)
    }
    var owner = TreeOwner()
    switch kind {
    case "at once": owner.tree.build(records)
    case "up": for record in records { owner.replace(record.start, record.end, with: [record]) }
    default:
      for record in records.reversed() { owner.replace(record.start, record.end, with: [record]) }
    }
    owner.publish()
    var random = SeededGenerator(seed: 5)
    ArrayModel(records: records).expectEqual(&owner.tree, &random)
    #expect(owner.tree.minimumStart == 10 && owner.tree.maximumEnd == 12 + 4 * 4999)
    #expect(owner.tree.highestGap(GapRequest(length: 3, minimumAddress: 10, limit: 20_000)) == nil)
    #expect(
      owner.tree.highestGap(GapRequest(length: 2, minimumAddress: 10, limit: 20_000)) == 19_996)
  }

  /// What a reader has stays as it is while the writer goes on, for as long as its section lasts.
  @Test func versionsStay() {
    var random = SeededGenerator(seed: 8)
    var model = ArrayModel()
    var owner = TreeOwner()
    RCU.withReadSection { _ in
      var kept: [(tree: Tree, records: [Record])] = []
      for step in 0..<2000 as Range<UInt64> {
        let start = random.below(3000)
        let new = random.oneIn(3) ? nil : Record(start: start, end: start + 2, number: step)
        owner.replace(start, start + 2, with: model.replace(start, start + 2, with: new))
        owner.publish()
        if step % 100 == 0 { kept.append((owner.tree.root, model.records)) }
      }
      for (tree, records) in kept {
        var found: [Record] = []
        tree.forEach(in: 0, .max) { found.append($0) }
        #expect(found.elementsEqual(records, by: { $0.isEqual(to: $1) }))
      }
    }
  }

  #if DEBUG
    /// A place is good until the next change, and until another is located.
    @Test(arguments: [true, false])
    func stalePlacesTrap(_ isChange: Bool) async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) { [isChange] in
        var owner = TreeOwner()
        let record = Record(start: 4, end: 8, number: 0)
        owner.tree.build([record])
        let place = owner.tree.locate(4)
        if isChange {
          owner.replace(20, 24, with: [Record(start: 20, end: 24, number: 1)])
        } else {
          _ = owner.tree.locate(6)
        }
        owner.tree.replace(4, 8, with: Replacement(), at: place)
      }
      expectMessage(of: result, names: ["IntervalTree: a stale place"])
    }
  #endif
}

extension Record {
  fileprivate init(start: UInt64, end: UInt64, number: UInt64) {
    self.init(
      start: start, end: end, words: Words(first: number, second: ~number, third: number &* 8))
  }

  fileprivate func isEqual(to other: Record) -> Bool {
    start == other.start && end == other.end && words.first == other.words.first
      && words.second == other.words.second && words.third == other.words.third
  }

  fileprivate func clipped(_ start: UInt64, _ end: UInt64) -> Record? {
    guard start < end else { return nil }
    return Record(start: start, end: end, words: words)
  }
}

/// A tree and what publishes its versions.
@safe
private struct TreeOwner: ~Copyable {
  var tree = IntervalTree()
  private var version: UnsafeMutableRawPointer

  init() { unsafe version = tree.makeVersionBlock() }

  mutating func replace(_ start: UInt64, _ end: UInt64, with records: [Record]) {
    var items = Replacement()
    for record in records { items.append(record) }
    // Ranges reach as far as what is put in.
    let first = min(start, records.first?.start ?? start)
    let last = max(end, records.last?.end ?? end)
    tree.replace(first, last, with: items, at: tree.locate(first))
  }

  mutating func publish() {
    let new = unsafe tree.makeVersionBlock()
    unsafe tree.retireReplaced(and: version)
    unsafe version = new
  }
}

private struct ArrayModel {
  var records: [Record] = []

  /// Puts `new` in the place of `start..<end`, cutting what reaches beyond it.
  ///
  /// - Returns: what a splice has to put in.
  mutating func replace(_ start: UInt64, _ end: UInt64, with new: Record?) -> [Record] {
    let first = rank(start)
    let last = records[first...].firstIndex { $0.start >= end } ?? records.count
    var items: [Record] = []
    if first < last, let left = records[first].clipped(records[first].start, start) {
      items.append(left)
    }
    if let new { items.append(new) }
    if first < last, let right = records[last - 1].clipped(end, records[last - 1].end) {
      items.append(right)
    }
    records.replaceSubrange(first..<last, with: items)
    return items
  }

  /// Everything that can be asked, at random addresses and at the edges of records.
  func expectEqual(_ tree: inout IntervalTree, _ random: inout SeededGenerator) {
    var found: [Record] = []
    let root = tree.checkInvariants { found.append($0) }
    #expect(found.elementsEqual(records, by: { $0.isEqual(to: $1) }))
    #expect(tree.minimumStart == records.first?.start ?? .max)
    #expect(tree.maximumEnd == records.last?.end ?? 0)
    var addresses: [UInt64] = [0, .max, tree.minimumStart, tree.maximumEnd]
    for _ in 0..<20 {
      addresses.append(random.below(tree.maximumEnd &+ 10 == 0 ? 10 : tree.maximumEnd + 10))
      if !records.isEmpty {
        let record = random.pick(records)
        addresses += [record.start, record.end, record.start &- 1, record.end - 1]
      }
    }
    for address in addresses {
      let rank = rank(address)
      let next = rank < records.count ? rank : nil
      let before = rank - 1
      let same: (Record?, Int?) -> Bool = { found, index in
        guard let found, let index else { return found == nil && index == nil }
        return found.isEqual(to: records[index])
      }
      #expect(same(tree.firstRecord(endingAfter: address), next))
      #expect(same(root.firstRecord(endingAfter: address), next))
      #expect(same(tree.lastRecord(endingAtOrBefore: address), before < 0 ? nil : before))
      let place = tree.locate(address)
      #expect(same(place?.record, next) && (place == nil) == records.isEmpty)
      let end = address &+ 5
      let isFree =
        (before < 0 || records[before].end < address)
        && (next.map { records[$0].start > end } ?? true)
      // At address 0 it says no: nothing ends before.
      if let place, end > address, address > 0 {
        #expect(place.touchesNothing(address, end) == isFree)
      }
      var count = 0
      tree.forEach(in: address, end) { _ in count += 1 }
      if end > address { #expect(count == records[rank...].prefix { $0.start < end }.count) }
    }
    expectGaps(&tree, &random)
  }

  /// How many records end at or before `address`.
  private func rank(_ address: UInt64) -> Int {
    var (low, high) = (0, records.count)
    while low < high {
      let middle = (low + high) / 2
      if records[middle].end <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func expectGaps(_ tree: inout IntervalTree, _ random: inout SeededGenerator) {
    let starts = records.map(\.start) + [.max]
    let gaps = zip([0] + records.map(\.end), starts)
    for _ in 0..<6 {
      let low = random.below(max(tree.maximumEnd, 1))
      let request = GapRequest(
        length: 1 + random.below(12), minimumAddress: low, limit: low + random.below(5000))
      #expect(tree.lowestGap(request) == gaps.lazy.compactMap { request.lowest(in: $0, $1) }.first)
      #expect(
        tree.highestGap(request)
          == gaps.reversed().lazy.compactMap { request.highest(in: $0, $1) }
          .first)
    }
  }
}
