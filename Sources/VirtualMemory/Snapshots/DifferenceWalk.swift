// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Two walks side by side, through an older version and a newer one, which skip what both share.
///
/// Why no shared subtree is opened: a node has the same records, hence the same range, and the same
/// level in every tree. Nodes of one level of one tree don't overlap. So if the cursors stand at
/// different subtrees that overlap, the one at the higher level isn't in the other tree at that
/// place, and if both are at the same level, neither is in the other's tree: they may be opened.
/// Both cursors reach a shared subtree before either has opened it: the cursor that gets there
/// first waits, since its item is above the other's, or beyond its end.
@safe
struct DifferenceWalk {
  enum Step {
    /// Only the older version has this VMA.
    case removed(Record)
    /// Only the newer version has this VMA.
    case added(Record)
    /// Both versions have a VMA with this range, in nodes that they don't share, or that look
    /// different though they are shared.
    case both(Record, Record)
    case end
  }

  private var old: TreeCursor
  private var new: TreeCursor
  private let relabeled: RelabeledAddresses

  /// - Safety: the versions must outlive it.
  init(from old: Version, to new: Version) {
    self.old = TreeCursor(old.tree)
    self.new = TreeCursor(new.tree)
    relabeled = RelabeledAddresses(old, new)
  }

  var openedCount: Int { old.openedCount + new.openedCount }

  /// The next VMA that may differ.
  mutating func next() -> Step {
    while true {
      switch (old.item, new.item) {
      case (nil, nil): return .end
      case (let item?, nil):
        if let record = take(&old, item) { return .removed(record) }
      case (nil, let item?):
        if let record = take(&new, item) { return .added(record) }
      case (let oldItem?, let newItem?):
        if let step = advance(oldItem, newItem) { return step }
      }
    }
  }

  /// One step while both cursors stand at something; `nil` if it didn't produce anything yet.
  private mutating func advance(_ oldItem: TreeCursor.Item, _ newItem: TreeCursor.Item) -> Step? {
    // An item that lies wholly before the other is on one side only.
    if oldItem.end <= newItem.start { return take(&old, oldItem).map { .removed($0) } }
    if newItem.end <= oldItem.start { return take(&new, newItem).map { .added($0) } }
    if oldItem.level >= 0 || newItem.level >= 0 {
      passOrOpen(oldItem, newItem)
      return nil
    }
    if oldItem.start == newItem.start && oldItem.end == newItem.end {
      defer {
        old.skip()
        new.skip()
      }
      return .both(old.record, new.record)
    }
    // They overlap: what is added comes after everything removed that it overlaps.
    return take(&old, oldItem).map { .removed($0) }
  }

  /// Handles two items that overlap, at least one of which is a subtree.
  private mutating func passOrOpen(_ oldItem: TreeCursor.Item, _ newItem: TreeCursor.Item) {
    if unsafe oldItem.node == newItem.node && !relabeled.touch(oldItem.start, oldItem.end) {
      old.skip()
      new.skip()
      return
    }
    if oldItem.level >= newItem.level { old.open() }
    if newItem.level >= oldItem.level { new.open() }
  }

  /// If `cursor` stands at a VMA, passes it and returns it. If it stands at a subtree, opens that
  /// and returns `nil`.
  private func take(_ cursor: inout TreeCursor, _ item: TreeCursor.Item) -> Record? {
    guard item.level < 0 else {
      cursor.open()
      return nil
    }
    defer { cursor.skip() }
    return cursor.record
  }
}

/// Where the same VMA may have different names in two versions: `[heap]` and `[stack]` aren't in
/// the tree, but follow from the version's numbers.
struct RelabeledAddresses {
  // A VMA can be `[heap]` in only one of the versions only if it intersects what lies between the
  // two starts or between the two ends.
  private let breakStarts: Range<UInt64>
  private let breakEnds: Range<UInt64>
  private let stackStarts: (UInt64, UInt64)?

  init(_ old: Version, _ new: Version) {
    breakStarts =
      min(old.breakStart, new.breakStart)..<max(old.breakStart, new.breakStart)
    breakEnds = min(old.breakEnd, new.breakEnd)..<max(old.breakEnd, new.breakEnd)
    stackStarts =
      old.stackStart == new.stackStart ? nil : (old.stackStart, new.stackStart)
  }

  /// Whether the names of VMAs in `start..<end` may differ.
  func touch(_ start: UInt64, _ end: UInt64) -> Bool {
    func intersects(_ range: Range<UInt64>) -> Bool {
      !range.isEmpty && start < range.upperBound && range.lowerBound < end
    }
    if intersects(breakStarts) || intersects(breakEnds) { return true }
    guard let (first, second) = stackStarts else { return false }
    // A stack's start may be at its VMA's end.
    return start <= first && first <= end || start <= second && second <= end
  }
}
