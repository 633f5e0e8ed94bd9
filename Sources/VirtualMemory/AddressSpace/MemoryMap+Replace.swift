// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SystemPackage

extension MemoryMap {
  /// Replaces the VMAs that intersect `start..<end` by `items`, and updates the counts of VMAs and
  /// pages and the references to objects.
  ///
  /// All operations that change the map are built on it.
  ///
  /// - Precondition: as for ``IntervalTree/replace(_:_:with:at:)``.
  /// - Parameter place: the place of `start`, if it is known.
  /// - Complexity: O(log n), and O(VMAs removed).
  mutating func replace(
    _ start: UInt64, _ end: UInt64, with items: borrowing Replacement, at place: Place? = nil
  ) {
    isChanged = true
    for index in 0..<items.count { account(adding: items[index]) }
    let place = place ?? tree.locate(start)
    if let place { accountRemoval(place.walk, below: end) }
    tree.replace(start, end, with: items, at: place)
  }

  /// Updates the counts for the removal of those VMAs of `walk` that start below `end`.
  @inline(__always)
  mutating func accountRemoval(_ walk: RecordWalk, below end: UInt64) {
    var walk = walk
    while let record = tree.next(&walk, startingBelow: end) { account(removing: record) }
  }

  private mutating func account(adding record: Record) {
    MapObject(word: record.object)?.retain()
    draft.count(adding: record)
  }

  private mutating func account(removing record: Record) {
    if record.object != 0 { released.push(record.object) }
    draft.count(removing: record)
  }

  /// The VMAs at the edges of `start..<end`.
  ///
  /// - Parameter place: the place of `start`. VMAs that it doesn't show take a descent.
  /// - Complexity: O(log n), and O(VMAs in the range).
  mutating func neighbours(_ start: UInt64, _ end: UInt64, at place: Place? = nil) -> Neighbours {
    var walk =
      place?.walk(meeting: start) ?? tree.walk(endingAfter: start == 0 ? 0 : start - 1)
    var found = Neighbours()
    // A VMA that starts at the end counts, too.
    while let record = tree.next(&walk, startingBelow: max(end, end &+ 1)),
      found.add(record, start, end)
    {}
    return found
  }

  /// Unmaps `start..<end`: removes what is mapped there, and cuts the VMAs at its edges.
  ///
  /// - Throws: `ENOMEM`, with nothing changed, if that would cut a hole into a VMA and make one too
  ///   many.
  /// - Source: `do_vmi_align_munmap`.
  mutating func removeRange(_ start: UInt64, _ end: UInt64) throws(Errno) {
    guard let place = tree.locate(start) else { return }
    if place.isWholeRecord(start, end) {
      return replace(start, end, with: Replacement(), at: place)
    }
    let around = neighbours(start, end, at: place)
    if around.isFree { return }
    if around.cutsHole && draft.mapCount >= configuration.maximumMapCount { throw .noMemory }
    replace(start, end, with: around.remains(start, end), at: place)
  }

  /// Splits the VMAs at the edges of `start..<end` that reach beyond it.
  mutating func splitEdges(_ start: UInt64, _ end: UInt64, _ around: Neighbours) {
    if let cut = around.cutAtStart {
      var items = Replacement()
      items.append(cut.part(cut.start, start))
      items.append(cut.part(start, min(end, cut.end)))
      items.append(cut.part(end, cut.end))
      replace(cut.start, cut.end, with: items)
    }
    if let cut = around.cutAtEnd, !around.cutsHole {
      var items = Replacement()
      items.append(cut.part(cut.start, end))
      items.append(cut.part(end, cut.end))
      replace(cut.start, cut.end, with: items)
    }
  }

  /// Inserts `record` in place of what is mapped there, and merges it with its neighbours.
  ///
  /// - Parameter place: the place of its start, if that is known.
  /// - Source: `vma_merge_new_range`.
  mutating func insert(_ record: Record, _ around: Neighbours, at place: Place? = nil) {
    let left = around.cutAtStart.flatMap { $0.part($0.start, record.start) } ?? around.before
    let right = around.cutAtEnd.flatMap { $0.part(record.end, $0.end) } ?? around.after
    let mergedLeft = left.flatMap { record.canMerge(after: $0) ? $0 : nil }
    let mergedRight = right.flatMap {
      record.canMerge(before: $0, mergingAfter: mergedLeft) ? $0 : nil
    }
    var items = Replacement()
    if mergedLeft == nil, let cut = around.cutAtStart {
      items.append(cut.part(cut.start, record.start))
    }
    var merged = mergedLeft?.merged(with: record) ?? record
    if let mergedRight { merged = merged.merged(with: mergedRight) }
    items.append(merged)
    if mergedRight == nil, let cut = around.cutAtEnd { items.append(cut.part(record.end, cut.end)) }
    replace(merged.start, merged.end, with: items, at: place?.moved(downTo: merged.start))
  }

  /// Gives `start..<end` of `record` the flags and the name of `changed`. At an edge that the range
  /// shares with `record`, merges; at other edges, splits, the lower one first.
  ///
  /// - Parameter place: the place of `start`, if it is known.
  /// - Throws: `ENOMEM` if a split would make one VMA too many. The first of two splits stays.
  /// - Source: `vma_modify`.
  mutating func modify(
    _ record: Record, _ start: UInt64, _ end: UInt64, at place: Place? = nil,
    _ change: (inout Record) -> Void
  ) throws(Errno) {
    guard var changed = record.part(start, end) else { return }
    change(&changed)
    let place = place ?? tree.locate(start)
    if let place, record.start == start && record.end == end,
      place.touchesNothing(start, end, butFor: 1)
    {
      return replace(start, end, with: Replacement(changed), at: place)
    }
    // A neighbour that touches the range; there is none if the range ends within `record`.
    let around = neighbours(start, end, at: place)
    let left = around.before.flatMap { changed.canMerge(after: $0) ? $0 : nil }
    let right = around.after.flatMap {
      changed.canMerge(before: $0, mergingAfter: left) ? $0 : nil
    }
    if left == nil && right == nil { try makeRoomForSplits(of: record, start, end) }
    var items = Replacement()
    if left == nil { items.append(record.part(record.start, start)) }
    let merged = left?.merged(with: changed) ?? changed
    items.append(right.map { merged.merged(with: $0) } ?? merged)
    if right == nil { items.append(record.part(end, record.end)) }
    let first = left?.start ?? record.start
    replace(first, right?.end ?? record.end, with: items, at: place?.moved(downTo: first))
  }

  /// Checks that `record` can be split at `start` and `end`. If there is room only for the first of
  /// two splits, that one is made, since the kernel makes it before it finds out.
  ///
  /// - Source: `split_vma`.
  private mutating func makeRoomForSplits(
    of record: Record, _ start: UInt64, _ end: UInt64
  ) throws(Errno) {
    let count = (record.start < start ? 1 : 0) + (end < record.end ? 1 : 0)
    let room = configuration.maximumMapCount - draft.mapCount
    guard count > 0 && room < count else { return }
    if count == 2 && room == 1 {
      var halves = Replacement()
      halves.append(record.part(record.start, start))
      halves.append(record.part(start, record.end))
      replace(record.start, record.end, with: halves)
    }
    throw .noMemory
  }
}

/// The VMAs at the edges of a range.
struct Neighbours {
  /// The VMA that ends where the range starts.
  var before: Record?
  /// The VMA that starts before the range, and ends in it or behind it.
  var cutAtStart: Record?
  /// The VMA that starts before the range or in it, and ends behind it.
  var cutAtEnd: Record?
  /// The VMA that starts where the range ends.
  var after: Record?
  /// The number of pages mapped in the range.
  var pageCount: UInt64 = 0

  /// Takes `record` into account. Records must be passed in order, starting with the first that
  /// ends at `start` or above.
  ///
  /// - Returns: whether the next record may matter, too.
  @inline(__always)
  mutating func add(_ record: Record, _ start: UInt64, _ end: UInt64) -> Bool {
    if record.start > end { return false }
    if record.end == start {
      before = record
      return true
    }
    if record.start < start { cutAtStart = record }
    if record.start == end {
      after = record
    } else {
      pageCount += (min(record.end, end) - max(record.start, start)) / .page
      if record.end > end { cutAtEnd = record }
    }
    return true
  }

  var isFree: Bool { pageCount == 0 }

  /// Whether the range lies within one VMA that reaches beyond both ends.
  var cutsHole: Bool {
    guard let first = cutAtStart, let last = cutAtEnd else { return false }
    return first.start == last.start
  }

  /// The remainders of the VMAs at the edges when `start..<end` is removed.
  func remains(_ start: UInt64, _ end: UInt64) -> Replacement {
    var items = Replacement()
    if let cut = cutAtStart { items.append(cut.part(cut.start, start)) }
    if let cut = cutAtEnd { items.append(cut.part(end, cut.end)) }
    return items
  }
}
