// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A new leaf, or two neighbours, filled from the lowest record on.
struct NewLeaves {
  let first: Leaf
  /// `nil` if there is only one.
  let second: Leaf?
  /// The number of records that the first leaf gets.
  private let firstCount: Int
  private var count = 0

  fileprivate init(_ first: Leaf, _ firstCount: Int, _ second: Leaf?) {
    self.first = first
    self.firstCount = firstCount
    self.second = second
  }

  fileprivate mutating func append(_ leaf: Leaf, _ range: Range<Int>) {
    for index in range { append(leaf.record(index)) }
  }

  /// Appends the records of `leaf`, with `items` in place of those in `range`.
  fileprivate mutating func append(
    _ leaf: Leaf, _ range: Range<Int>, _ items: borrowing Replacement
  ) {
    append(leaf, 0..<range.lowerBound)
    for index in 0..<items.count { append(items[index]) }
    append(leaf, range.upperBound..<leaf.count)
  }

  private mutating func append(_ record: Record) {
    if count < firstCount {
      first.setRecord(count, record)
    } else {
      second?.setRecord(count &- firstCount, record)
    }
    count &+= 1
  }

  /// Sets the number of records in each leaf, as the last step.
  fileprivate func finish() {
    assert(second == nil ? count == firstCount : count > firstCount)
    first.finish(min(count, firstCount))
    second?.finish(count &- firstCount)
  }

  func append(to list: inout ChildSummaries) {
    list.append(first.summary)
    if let second { list.append(second.summary) }
  }
}

extension IntervalTree {
  private mutating func makeLeaves(_ total: Int, _ firstCount: Int) -> NewLeaves {
    let first = makeLeaf()
    return NewLeaves(first, firstCount, firstCount < total ? makeLeaf() : nil)
  }

  /// Two leaves with the records of `leaf`, with `items` in place of those in `range`. They have
  /// more records than one leaf can hold.
  mutating func split(_ leaf: Leaf, _ range: Range<Int>, _ items: borrowing Replacement)
    -> NewLeaves
  {
    let total = leaf.count - range.count + items.count
    let minimumCount = NodeLayout.minimumLeafCount
    let firstCount =
      isRun(leaf, range)
      ? min(max(range.lowerBound + items.count, minimumCount), total - minimumCount)
      : (total + 1) / 2
    var new = makeLeaves(total, firstCount)
    new.append(leaf, range, items)
    new.finish()
    discard(leaf)
    return new
  }

  /// Whether what replaces `range` continues, upwards or downwards, from what was inserted last.
  ///
  /// In such a run, the next record will be on the same side. Splitting the leaf there instead of
  /// in the middle leaves a full leaf behind, instead of one that stays half empty.
  private mutating func isRun(_ leaf: Leaf, _ range: Range<Int>) -> Bool {
    let (first, last) = (range.lowerBound, range.upperBound)
    if first > 0 && leaf.end(first - 1) == lastSplice.upperBound { return true }
    if first < last && lastSplice.contains(leaf.start(first)) { return true }
    return last < leaf.count && leaf.start(last) == lastSplice.lowerBound
  }

  /// One or two leaves with the records of `leaf`, with `items` in place of those in `range`, and
  /// the records of its neighbour.
  ///
  /// - Parameter isLeft: whether the neighbour is above `leaf`.
  mutating func join(
    _ leaf: Leaf, _ range: Range<Int>, _ items: borrowing Replacement, with neighbour: Leaf,
    isLeft: Bool
  ) -> NewLeaves {
    let total = leaf.count - range.count + items.count + neighbour.count
    var new = makeLeaves(total, total > NodeLayout.leafCapacity ? (total + 1) / 2 : total)
    if !isLeft { new.append(neighbour, 0..<neighbour.count) }
    new.append(leaf, range, items)
    if isLeft { new.append(neighbour, 0..<neighbour.count) }
    new.finish()
    discard(leaf)
    discard(neighbour)
    return new
  }
}
