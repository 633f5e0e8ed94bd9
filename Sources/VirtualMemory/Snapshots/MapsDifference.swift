// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What differs between two versions of an address space: a sequence of changes, made as it is
/// read.
///
/// VMAs correspond if they have the same range. One that is in both versions and shows the same is
/// not mentioned; one that is in both and shows something else is ``Change/changed(from:to:)``; all
/// others are ``Change/removed(_:)`` or ``Change/added(_:)``. So a VMA that is cut in two is
/// removed, and two are added. What counts is what the text shows: changes without a trace in a
/// ``VMA``, as of a lock or of accounting, are none. `[vsyscall]` is left out.
///
/// The order is by address, and what is removed comes before what takes its place: whoever applies
/// the changes one after the other to a copy of the older map never has two VMAs that overlap, and
/// in the end has the newer map exactly.
///
/// Nodes are compared by identity before their contents are: parts that the versions share are not
/// looked at.
///
/// - Complexity: O(1) to make. To read: O(changed VMAs × height), if the versions are of one
///   address space; O(VMAs) if not.
public struct MapsDifference: Sequence, Sendable {
  /// One change.
  public enum Change: Sendable, Hashable, Codable {
    /// The older version has this VMA; the newer has none with its range.
    case removed(VMA)
    /// The newer version has this VMA; the older has none with its range.
    case added(VMA)
    /// Both have a VMA with this range, and they look different.
    case changed(from: VMA, to: VMA)
  }

  /// The version that the changes start from.
  public let from: MapsSnapshot
  /// The version that they lead to.
  public let to: MapsSnapshot

  init(from: MapsSnapshot, to: MapsSnapshot) {
    self.from = from
    self.to = to
  }

  public func makeIterator() -> Iterator { Iterator(from, to) }

  /// Reads the changes.
  public struct Iterator: IteratorProtocol {
    private var walk: DifferenceWalk
    private let from: MapsSnapshot
    private let to: MapsSnapshot

    fileprivate init(_ from: MapsSnapshot, _ to: MapsSnapshot) {
      self.from = from
      self.to = to
      walk = from.withVersion { old in
        to.withVersion { new in DifferenceWalk(from: old, to: new) }
      }
    }

    public mutating func next() -> Change? {
      // The cursors read nodes that the snapshots keep: both live through all of this.
      from.withVersion { old in
        to.withVersion { new in
          while true {
            switch walk.next() {
            case .end:
              return nil
            case .removed(let record):
              return .removed(from.space.labels.vma(of: record, in: old))
            case .added(let record):
              return .added(to.space.labels.vma(of: record, in: new))
            case .both(let oldRecord, let newRecord):
              if let change = changed(oldRecord, old, newRecord, new) { return change }
            }
          }
        }
      }
    }

    /// The change from one VMA to one with the same range; `nil` if they look the same.
    private func changed(
      _ oldRecord: Record, _ old: Version, _ newRecord: Record, _ new: Version
    ) -> Change? {
      // What most neighbours of a change are: no copies are made to find out.
      let oldObject = from.space.labels.object(of: oldRecord, in: old)
      let newObject = to.space.labels.object(of: newRecord, in: new)
      if oldRecord.flags == newRecord.flags && oldRecord.pageOffset == newRecord.pageOffset
        && oldObject.word == newObject.word
      {
        return nil
      }
      let oldVMA = from.space.labels.vma(of: oldRecord, in: old)
      let newVMA = to.space.labels.vma(of: newRecord, in: new)
      return oldVMA == newVMA ? nil : .changed(from: oldVMA, to: newVMA)
    }

    /// Nodes read so far, of both versions; for tests.
    package var _openedCount: Int { walk.openedCount }
  }
}

extension AddressSpace {
  /// What changed from one version to another, as ``MapsDifference`` tells it.
  ///
  /// ```swift
  /// for change in AddressSpace.difference(from: before, to: after) {
  ///   switch change {
  ///   case .removed(let vma): index.remove(vma.start)
  ///   case .added(let vma): index.insert(vma)
  ///   case .changed(_, let vma): index.replace(vma)
  ///   }
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - from: where the changes start. It need not be the older one: the reverse difference
  ///     undoes.
  ///   - to: where they lead. It may be of another address space, as of a forked one: the result
  ///     is right too, but both are read whole.
  public static func difference(
    from: MapsSnapshot, to: MapsSnapshot
  ) -> MapsDifference {
    MapsDifference(from: from, to: to)
  }
}
