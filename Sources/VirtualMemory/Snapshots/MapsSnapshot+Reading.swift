// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

// MARK: - Text

extension MapsSnapshot {
  /// The whole text of `/proc/PID/maps`.
  ///
  /// - Complexity: O(VMAs), and the allocations of a new buffer; see ``dump(into:)``.
  public func mapsText() -> MapsBuffer {
    var buffer = MapsBuffer()
    dump(into: &buffer)
    return buffer
  }

  /// Writes the text of `/proc/PID/maps` to `buffer`, replacing its contents. To get the text in
  /// chunks, make a ``MapsReader`` of the snapshot.
  ///
  /// - Complexity: O(VMAs). Allocates only if the buffer must grow.
  public func dump(into buffer: inout MapsBuffer) {
    var position: UInt64 = 0
    buffer.count = 0
    buffer.generation = generation
    while true {
      var formatter = unsafe ChunkFormatter(
        out: buffer.memory + buffer.count, capacity: buffer.capacity - buffer.count, limit: .max,
        wanted: .max, position: position)
      format(&formatter)
      buffer.count += formatter.count
      if formatter.state == .end { return }
      position = formatter.position
      buffer.grow()
    }
  }

  /// Formats one chunk.
  func format(_ formatter: inout ChunkFormatter) {
    withVersion { formatter.append($0, space.labels) }
  }
}

// MARK: - Queries

extension MapsSnapshot {
  /// ``AddressSpace/query(_:matching:by:)`` on this version.
  ///
  /// - Throws: `EINVAL` for unknown flags; `ENOENT` if nothing matches.
  /// - Complexity: O(log n), and O(VMAs that fail a filter).
  public func query(
    _ address: UInt64, matching flags: QueryFlags = []
  ) throws(Errno) -> QueryResult {
    guard flags.rawValue & ~QueryFlags.known == 0 else { throw .invalidArgument }
    guard let found = withVersion({ $0.query(address, flags) }) else {
      throw .noSuchFileOrDirectory
    }
    return found
  }

  /// ``AddressSpace/namedQuery(_:matching:by:)`` on this version, with the name and the build ID.
  ///
  /// - Throws: as ``query(_:matching:)``.
  /// - Complexity: O(log n + name); allocates the copies.
  public func namedQuery(
    _ address: UInt64, matching flags: QueryFlags = []
  ) throws(Errno) -> NamedQueryResult {
    guard flags.rawValue & ~QueryFlags.known == 0 else { throw .invalidArgument }
    let found = withVersion { version -> NamedQueryResult? in
      guard let record = version.tree.match(address, flags) else { return nil }
      // The version keeps the object alive, so nothing needs to be pinned.
      let answer = PinnedAnswer(
        result: version.result(of: record), object: space.labels.object(of: record, in: version),
        isPinned: false)
      return answer.copied()
    }
    guard let found else { throw .noSuchFileOrDirectory }
    return found
  }

  /// The VMA that covers `address`, or `nil`: a query without flags.
  ///
  /// - Threads: any; signal handlers too: it takes no lock and allocates nothing.
  /// - Complexity: O(log n).
  public func lookup(_ address: UInt64) -> QueryResult? {
    withVersion { $0.query(address, []) }
  }

  /// The VMAs at many addresses.
  ///
  /// - Returns: for each address, the VMA that covers it, or `nil`.
  /// - Complexity: O(addresses × log n).
  public func lookup(_ addresses: [UInt64]) -> [QueryResult?] {
    withVersion { version in addresses.map { version.query($0, []) } }
  }
}

// MARK: - Collection

/// The VMAs in ascending order, without `[vsyscall]`. Each is copied when it is accessed.
extension MapsSnapshot: Collection {
  /// The position of a VMA, or the position after the last one.
  public struct Index: Sendable, Hashable, Comparable {
    /// The VMA's first address; the largest number for the position after the last VMA.
    let start: UInt64

    public static func < (left: Index, right: Index) -> Bool { left.start < right.start }
  }

  /// The position of the first VMA.
  ///
  /// - Complexity: O(log n).
  public var startIndex: Index { index(ofFirstEndingAfter: 0) }

  /// The position after the last VMA.
  public var endIndex: Index { Index(start: .max) }

  /// The position of the next VMA.
  ///
  /// - Precondition: `index` is the position of a VMA of this snapshot.
  /// - Complexity: O(log n).
  public func index(after index: Index) -> Index {
    self.index(ofFirstEndingAfter: record(at: index).end)
  }

  /// The VMA at a position.
  ///
  /// - Precondition: `index` is the position of a VMA of this snapshot.
  /// - Complexity: O(log n + name).
  public subscript(index: Index) -> VMA {
    let record = record(at: index)
    return withVersion { version in space.labels.vma(of: record, in: version) }
  }

  /// The position of the VMA that covers an address, or `nil`.
  ///
  /// - Complexity: O(log n).
  public func index(covering address: UInt64) -> Index? {
    let index = index(ofFirstEndingAfter: address)
    return index.start <= address && index != endIndex ? index : nil
  }

  private func index(ofFirstEndingAfter address: UInt64) -> Index {
    withVersion { version in
      guard let (leaf, index) = version.tree.find(endingAfter: address) else { return endIndex }
      return Index(start: leaf.start(index))
    }
  }

  private func record(at index: Index) -> Record {
    let record = withVersion { version -> Record? in
      guard let (leaf, found) = version.tree.find(endingAfter: index.start) else { return nil }
      let record = leaf.record(found)
      return record.start == index.start ? record : nil
    }
    guard let record else {
      fatalError("MapsSnapshot: the index is not the position of a VMA of this snapshot")
    }
    return record
  }

  /// Iterates over the VMAs of a snapshot, and keeps the snapshot alive.
  @safe
  public struct Iterator: IteratorProtocol {
    private let snapshot: MapsSnapshot
    private var position: UInt64 = 0
    // In the leaf of the last VMA, what follows that VMA.
    private var leaf: Leaf?
    private var index = 0

    fileprivate init(_ snapshot: MapsSnapshot) { self.snapshot = snapshot }

    /// - Complexity: O(name), and O(log n) at the end of each leaf.
    public mutating func next() -> VMA? {
      snapshot.withVersion { version in
        if leaf == nil, let found = version.tree.find(endingAfter: position) {
          (leaf, index) = (found.leaf, found.index)
        }
        guard let leaf else { return nil }
        let record = leaf.record(index)
        position = record.end
        index += 1
        if index == leaf.count { self.leaf = nil }
        return snapshot.space.labels.vma(of: record, in: version)
      }
    }
  }

  public func makeIterator() -> Iterator { Iterator(self) }

  public var underestimatedCount: Int { count }
}
