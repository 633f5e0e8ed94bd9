// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

// MARK: - Text

extension MapsSnapshot {
  /// The text of `/proc/PID/maps`, whole.
  ///
  /// - Complexity: O(VMAs), and the allocations of a new buffer; see ``dump(into:)``.
  public func maps() -> MapsBuffer {
    var buffer = MapsBuffer()
    dump(into: &buffer)
    return buffer
  }

  /// Writes the text of `/proc/PID/maps` into `buffer`, replacing what it holds. For the text in
  /// chunks, make a ``MapsReader`` of the snapshot.
  ///
  /// - Complexity: O(VMAs). Allocates only when the buffer must grow.
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
  /// ``AddressSpace/query(_:_:_:)`` on this version.
  ///
  /// - Throws: `EINVAL` for unknown flags, `ENOENT` if nothing matches.
  /// - Complexity: O(log n), and O(VMAs that fail a filter).
  public func query(_ address: UInt64, _ flags: QueryFlags = []) throws(Errno) -> QueryResult {
    guard flags.rawValue & ~QueryFlags.known == 0 else { throw .invalidArgument }
    guard let found = withVersion({ $0.query(address, flags) }) else {
      throw .noSuchFileOrDirectory
    }
    return found
  }

  /// ``AddressSpace/namedQuery(_:_:_:)`` on this version: with the name and the build id.
  ///
  /// - Throws: as ``query(_:_:)``.
  /// - Complexity: O(log n + name); allocates the copies.
  public func namedQuery(
    _ address: UInt64, _ flags: QueryFlags = []
  ) throws(Errno) -> NamedQueryResult {
    guard flags.rawValue & ~QueryFlags.known == 0 else { throw .invalidArgument }
    let found = withVersion { version -> NamedQueryResult? in
      guard let record = version.tree.match(address, flags) else { return nil }
      // The version keeps the object: nothing to pin.
      let answer = PinnedAnswer(
        result: version.result(of: record), object: space.labels.object(of: record, in: version),
        isPinned: false)
      return answer.copied()
    }
    guard let found else { throw .noSuchFileOrDirectory }
    return found
  }

  /// The VMA at `address`, or `nil`: the query that covers, without filters.
  ///
  /// - Threads: any, and signal handlers: no lock, no allocation.
  /// - Complexity: O(log n).
  public func lookup(_ address: UInt64) -> QueryResult? {
    withVersion { $0.query(address, []) }
  }

  /// The answers for many addresses.
  ///
  /// - Returns: per address the VMA that covers it, or `nil`.
  /// - Complexity: O(addresses × log n).
  public func lookup(_ addresses: [UInt64]) -> [QueryResult?] {
    withVersion { version in addresses.map { version.query($0, []) } }
  }
}

// MARK: - Sequence

/// The VMAs in ascending order, without `[vsyscall]`, each copied when it is asked for.
extension MapsSnapshot: Sequence {
  /// Goes through the VMAs of a snapshot, which it keeps.
  @safe
  public struct Iterator: IteratorProtocol {
    private let snapshot: MapsSnapshot
    private var position: UInt64 = 0
    // Of the leaf that the last VMA was in, what follows it.
    private var leaf: Leaf?
    private var index = 0

    fileprivate init(_ snapshot: MapsSnapshot) { self.snapshot = snapshot }

    /// - Complexity: O(name); O(log n) at a leaf's end, every 32 VMAs at most.
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
