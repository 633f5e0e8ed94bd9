// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

/// Numbers and bytes of mappings, by kind and by owner.
///
/// A tally is made once of all mappings, and then follows the changes: an update costs what has
/// changed, not what is mapped.
struct Tally: Sendable, Hashable {
  struct Count: Sendable, Hashable {
    var mappings = 0
    var bytes: UInt64 = 0
  }

  private(set) var total = Count()
  private(set) var byKind: [MappingKind: Count] = [:]
  private(set) var byOwner: [Owner: Count] = [:]

  init() {}

  init(_ mappings: some Sequence<VMA>) {
    for vma in mappings { add(vma) }
  }

  mutating func apply(_ change: MapsDifference.Change) {
    switch change {
    case .removed(let vma): remove(vma)
    case .added(let vma): add(vma)
    case .changed(let old, let new):
      remove(old)
      add(new)
    }
  }

  private mutating func add(_ vma: VMA) {
    total.add(vma)
    byKind[MappingKind(vma), default: Count()].add(vma)
    byOwner[Owner(vma), default: Count()].add(vma)
  }

  private mutating func remove(_ vma: VMA) {
    total.remove(vma)
    Self.remove(vma, from: &byKind, MappingKind(vma))
    Self.remove(vma, from: &byOwner, Owner(vma))
  }

  private static func remove<Key>(_ vma: VMA, from counts: inout [Key: Count], _ key: Key) {
    var count = counts[key] ?? Count()
    count.remove(vma)
    counts[key] = count.mappings == 0 ? nil : count
  }

  /// What differs by owner from an earlier tally, the greatest difference first.
  func growth(since start: Tally) -> [Growth] {
    var growth: [Growth] = []
    for owner in Set(byOwner.keys).union(start.byOwner.keys) {
      let now = byOwner[owner] ?? Count()
      let then = start.byOwner[owner] ?? Count()
      guard now != then else { continue }
      growth.append(
        Growth(
          owner: owner, bytes: now.bytes, addedBytes: Int64(now.bytes) - Int64(then.bytes),
          mappingCount: now.mappings, addedMappings: now.mappings - then.mappings))
    }
    return growth.sorted { left, right in
      let (leftSize, rightSize) = (left.addedBytes.magnitude, right.addedBytes.magnitude)
      if leftSize != rightSize { return leftSize > rightSize }
      return left.owner.name.lexicographicallyPrecedes(right.owner.name)
    }
  }
}

extension Tally.Count {
  fileprivate mutating func add(_ vma: VMA) {
    mappings += 1
    bytes += vma.byteCount
  }

  fileprivate mutating func remove(_ vma: VMA) {
    mappings -= 1
    bytes -= vma.byteCount
  }
}
