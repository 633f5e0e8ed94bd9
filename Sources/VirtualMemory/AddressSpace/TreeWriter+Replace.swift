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

  /// What is around the edges of `start..<end`.
  ///
  /// - Complexity: O(log n), one descent, and O(VMAs in the range).
  func surroundings(_ start: UInt64, _ end: UInt64) -> Surroundings {
    var found = Surroundings()
    var position = start == 0 ? 0 : start - 1
    while let (leaf, first) = draft.find(endingAbove: position) {
      for index in first..<leaf.count {
        if leaf.start(index) > end { return found }
        let record = leaf.record(index)
        if record.end == start {
          found.before = record
        } else {
          if record.start < start { found.cutAtStart = record }
          if record.start == end {
            found.after = record
          } else {
            found.isFree = false
            if record.end > end { found.cutAtEnd = record }
          }
        }
        position = record.end
      }
    }
    return found
  }

  /// Removes what is mapped in `start..<end`, and splits the VMAs at its edges.
  ///
  /// - Returns: false, and nothing is changed, if that cuts a hole into one VMA and there may not be
  ///   one more.
  /// - Source: `do_vmi_align_munmap`.
  mutating func removeRange(_ start: UInt64, _ end: UInt64, mapCountMax: Int) -> Bool {
    let around = surroundings(start, end)
    if around.isFree { return true }
    if around.cutsHole && draft.mapCount >= mapCountMax { return false }
    var items = Items()
    if let cut = around.cutAtStart { items.append(cut.part(cut.start, start)) }
    if let cut = around.cutAtEnd { items.append(cut.part(end, cut.end)) }
    replace(start, end, with: items)
    return true
  }
}

/// What is around the edges of a range.
struct Surroundings {
  /// The VMA that ends where the range starts.
  var before: Record?
  /// The VMA that starts before the range and ends in it or behind it.
  var cutAtStart: Record?
  /// The VMA that starts in the range or before it, and ends behind it.
  var cutAtEnd: Record?
  /// The VMA that starts where the range ends.
  var after: Record?
  /// Whether nothing is mapped in the range.
  var isFree = true

  /// Whether the range lies within one VMA, with something left at both sides.
  var cutsHole: Bool {
    guard let first = cutAtStart, let last = cutAtEnd else { return false }
    return first.start == last.start
  }
}
