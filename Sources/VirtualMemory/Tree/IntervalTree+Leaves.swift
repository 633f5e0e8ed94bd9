// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// One new leaf, or two neighbours, filled from the lowest record on.
struct NewLeaves {
  let first: Leaf
  /// `nil` if there is only one.
  let second: Leaf?
  /// How many records the first one gets.
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

  /// What `leaf` has, but `items` in the place of the records in `range`.
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

  /// Says how many records each has, which is the last thing to be done.
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

  /// Two leaves of what `leaf` has, with `items` in the place of the records in `range`: more than
  /// one can have.
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

  /// Whether what takes the place of `range` follows what was put in last, upwards or downwards.
  ///
  /// In such a run the next record comes on the same side: a leaf that is split there, and not in
  /// its middle, leaves a full one behind and not one of which half stays empty.
  private mutating func isRun(_ leaf: Leaf, _ range: Range<Int>) -> Bool {
    let (first, last) = (range.lowerBound, range.upperBound)
    if first > 0 && leaf.end(first - 1) == lastSplice.upperBound { return true }
    if first < last && lastSplice.contains(leaf.start(first)) { return true }
    return last < leaf.count && leaf.start(last) == lastSplice.lowerBound
  }

  /// One leaf or two of what `leaf` has, with `items` in the place of the records in `range`, and
  /// of what its neighbour has.
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
