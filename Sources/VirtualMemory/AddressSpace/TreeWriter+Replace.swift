// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension TreeWriter {
  /// Replaces the VMAs that intersect `start..<end` by `items`, and keeps the books: the counts of
  /// VMAs and pages, and the references to objects.
  ///
  /// - Precondition: as ``splice(_:_:with:)``; the VMAs removed are wholly replaced, with what stays
  ///   of them among `items`.
  mutating func replace(_ start: UInt64, _ end: UInt64, with items: Items) {
    var removedCount = 0
    var removedPages: UInt64 = 0
    draft.forEach(in: start, end) { record in
      removedCount += 1
      removedPages += record.pageCount
      if record.object != 0 { released.append(record.object) }
      if record.name != 0 { released.append(record.name) }
    }
    for index in 0..<items.count {
      let item = items[index]
      MapObject(word: item.object)?.retain()
      MapObject(word: item.name)?.retain()
      draft.pageCount += item.pageCount
    }
    draft.pageCount -= removedPages
    draft.mapCount += items.count - removedCount
    splice(start, end, with: items)
  }

  /// The VMA that contains `address` and starts before it: what a range from there would cut.
  func straddler(at address: UInt64) -> Record? {
    guard let record = draft.record(endingAbove: address), record.start < address else {
      return nil
    }
    return record
  }

  /// The VMA that ends at `address`.
  func record(endingAt address: UInt64) -> Record? {
    guard let record = draft.record(startingBelow: address), record.end == address else {
      return nil
    }
    return record
  }

  /// The VMA that starts at `address`.
  func record(startingAt address: UInt64) -> Record? {
    guard let record = draft.record(endingAbove: address), record.start == address else {
      return nil
    }
    return record
  }

  /// Removes what is mapped in `start..<end`, and splits the VMAs at its edges.
  ///
  /// - Throws: `ENOMEM` if that cuts a hole into one VMA and there may not be one more.
  /// - Source: `do_vmi_align_munmap`.
  mutating func removeRange(
    _ start: UInt64, _ end: UInt64, mapCountMax: Int
  ) -> Bool {
    guard let first = draft.record(endingAbove: start), first.start < end else { return true }
    if first.start < start && end < first.end && draft.mapCount >= mapCountMax { return false }
    var items = Items()
    items.append(first.part(first.start, start))
    if let last = straddler(at: end) { items.append(last.part(end, last.end)) }
    replace(start, end, with: items)
    return true
  }
}
