// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The difference between two versions of an address space: a sequence of changes, which is
/// computed while it is read.
///
/// VMAs correspond if they have the same range. A VMA that is in both versions and shows the same
/// isn't reported. If it is in both and shows something else, it is ``Change/changed(from:to:)``.
/// All others are ``Change/removed(_:)`` or ``Change/added(_:)``; so if a VMA is cut in two, one is
/// removed and two are added. Only what the text shows counts: a change that leaves no trace in a
/// ``VMA``, such as of a lock or of accounting, isn't one. `[vsyscall]` is left out.
///
/// Changes are ordered by address, and what is removed comes before what takes its place. Applied
/// one after another to a copy of the older map, they never make two VMAs overlap, and lead exactly
/// to the newer map.
///
/// Nodes are compared by identity before their contents are, so that parts which the versions share
/// aren't read.
///
/// - Threads: any.
/// - Complexity: O(1) to make. Reading it takes O(changed VMAs × height) if the versions belong to
///   the same address space, otherwise O(VMAs).
public struct MapsDifference: Sequence, Sendable {
  /// One change.
  public enum Change: Sendable, Hashable, Codable {
    /// The older version has this VMA; the newer one has none with its range.
    case removed(VMA)
    /// The newer version has this VMA; the older one has none with its range.
    case added(VMA)
    /// Both versions have a VMA with this range, and the two look different.
    case changed(from: VMA, to: VMA)
  }

  /// The version from which the changes start.
  public let from: MapsSnapshot
  /// The version to which the changes lead.
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
      // The cursors read nodes that the snapshots keep; both snapshots stay alive through all of
      // this.
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
      // Most neighbours of a change look the same; this finds out without making copies.
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

    /// The number of nodes of both versions read so far; for tests.
    package var _openedCount: Int { walk.openedCount }
  }
}

extension AddressSpace {
  /// The changes from one version to another, as a ``MapsDifference``.
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
  ///   - from: the version from which the changes start. It needn't be the older one: the reverse
  ///     difference undoes the changes.
  ///   - to: the version to which the changes lead. It may belong to another address space, such as
  ///     a forked one; the result is still correct, but both versions are read as a whole.
  /// - Threads: any.
  /// - Complexity: O(1); see ``MapsDifference``.
  public static func difference(
    from: MapsSnapshot, to: MapsSnapshot
  ) -> MapsDifference {
    MapsDifference(from: from, to: to)
  }
}
