// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage
internal import ReadCopyUpdate
internal import SequenceLocks
internal import Synchronization

extension AddressSpace {
  /// The VMA at `address` by the rules of `PROCMAP_QUERY`, without its name.
  ///
  /// Considers the first VMA that ends above the address, which need not be aligned. The VMA
  /// matches if it passes all filters and covers the address; with ``QueryFlags/coveringOrNext``,
  /// it needn't cover the address. If it fails a filter, the query fails, or, with
  /// ``QueryFlags/coveringOrNext``, tries the next VMA. `[vsyscall]` is never found.
  ///
  /// - Throws: `EINVAL` for unknown flags; `ENOENT` if nothing matches.
  /// - Threads: any. With ``ReadingStrategy/snapshot``, it never waits, allocates nothing and
  ///   counts no references.
  /// - Complexity: O(log n), and O(VMAs that fail a filter).
  public func query(
    _ address: UInt64, matching flags: QueryFlags = [], by strategy: ReadingStrategy = .snapshot
  ) throws(Errno) -> QueryResult {
    guard flags.rawValue & ~QueryFlags.known == 0 else { throw .invalidArgument }
    // In the usual case, the result isn't copied together with those of the other strategies.
    if strategy == .snapshot {
      let found = RCU.withReadSection { _ in currentVersion.query(address, flags) }
      guard let found else { throw .noSuchFileOrDirectory }
      return found
    }
    let found =
      strategy == .locked ? queryLocked(address, flags) : querySpeculatively(address, flags)
    guard let found else { throw .noSuchFileOrDirectory }
    return found
  }

  // Functions of their own, so that the code for a snapshot stays small.
  @inline(never)
  private func queryLocked(_ address: UInt64, _ flags: QueryFlags) -> QueryResult? {
    mapLock.withReadLock { currentVersion.query(address, flags) }
  }

  @inline(never)
  private func querySpeculatively(_ address: UInt64, _ flags: QueryFlags) -> QueryResult? {
    var found: QueryResult?
    speculate { version, _ in found = version.query(address, flags) }
    return found
  }

  /// The VMA that covers `address`, or `nil`: a query without flags.
  ///
  /// - Threads: any, and signal handlers on threads that have looked something up before: it takes
  ///   no lock, allocates nothing and counts no references.
  /// - Complexity: O(log n).
  public func lookup(_ address: UInt64) -> QueryResult? {
    RCU.withReadSection { _ in currentVersion.query(address, []) }
  }

  /// The VMAs at many addresses, all from one version.
  ///
  /// - Returns: for each address, the VMA that covers it, or `nil`.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(addresses × log n), in one read section, which doesn't hold up what is changed
  ///   later.
  public func lookup(_ addresses: [UInt64]) -> [QueryResult?] {
    var results = [QueryResult?](repeating: nil, count: addresses.count)
    withSnapshotVersion { version in
      for index in addresses.indices { results[index] = version.query(addresses[index], []) }
    }
    return results
  }

  /// ``query(_:matching:by:)`` with the name and the build ID.
  ///
  /// - Throws: as ``query(_:matching:by:)``.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(log n + name); allocates the copies, outside of the section.
  public func namedQuery(
    _ address: UInt64, matching flags: QueryFlags = [], by strategy: ReadingStrategy = .snapshot
  ) throws(Errno) -> NamedQueryResult {
    guard flags.rawValue & ~QueryFlags.known == 0 else { throw .invalidArgument }
    var pinned: PinnedAnswer?
    switch strategy {
    case .snapshot:
      RCU.withReadSection { _ in
        // After a failed pin, this loads another version: the last reference to the object is gone,
        // so the version that shows it is no longer current.
        repeat {
          pinned = pinnedAnswer(in: currentVersion, address, flags)
        } while pinned?.isPinned == false
      }
    case .locked:
      mapLock.withReadLock { pinned = pinnedAnswer(in: currentVersion, address, flags) }
    case .speculative:
      speculate { version, isStillValid in
        // Pinned in an earlier attempt.
        pinned?.release()
        pinned = pinnedAnswer(in: version, address, flags, pinIf: isStillValid)
      }
    }
    guard let pinned else { throw .noSuchFileOrDirectory }
    defer { pinned.release() }
    return pinned.copied()
  }

  /// Runs `body` until the counter doesn't change meanwhile; after some failures, under the lock.
  ///
  /// - Parameter body: runs in a read section or under the lock, perhaps more than once. It
  ///   receives a function that tells whether the counter has been unchanged so far.
  private func speculate(_ body: (Version, () -> Bool) -> Void) {
    for _ in 0..<ReadingStrategy.maximumSpeculationAttempts {
      let isValid = RCU.withReadSection { _ -> Bool in
        guard let speculation = mapLock.beginSpeculation() else { return false }
        body(currentVersion) { mapLock.validate(speculation) }
        return mapLock.validate(speculation)
      }
      if isValid { return }
      speculationRetryCount.add(1, ordering: .relaxed)
    }
    speculationFallbackCount.add(1, ordering: .relaxed)
    mapLock.withReadLock { body(currentVersion) { true } }
  }
}

// MARK: - Names

/// An answer, and the object from which its name and build ID are copied. The object is pinned, so
/// that it outlives the section.
struct PinnedAnswer {
  var result: QueryResult
  var object: MapObject
  var isPinned: Bool

  func release() {
    if isPinned { object.release() }
  }

  func copied() -> NamedQueryResult {
    let name = unsafe object.isAnonymousName ? object.displayNameBytes : object.nameBytes
    return unsafe NamedQueryResult(
      result: result, name: Array(name), buildID: Array(object.buildIDBytes))
  }
}

extension AddressSpace {
  /// The answer, pinned. `isPinned` is false if the answer is no longer valid, or if its object was
  /// about to be freed.
  private func pinnedAnswer(
    in version: Version, _ address: UInt64, _ flags: QueryFlags,
    pinIf isValid: () -> Bool = { true }
  ) -> PinnedAnswer? {
    guard let record = version.tree.match(address, flags) else { return nil }
    var answer = PinnedAnswer(
      result: version.result(of: record), object: labels.object(of: record, in: version),
      isPinned: false)
    answer.isPinned = isValid() && answer.object.pin()
    return answer
  }
}

// MARK: - Matching

extension Version {
  @inline(__always)
  func query(_ address: UInt64, _ flags: QueryFlags) -> QueryResult? {
    guard let (leaf, index) = tree.candidate(address, flags) else { return nil }
    let access = leaf.plainAccess(index)
    if access != 0 && flags.rawValue & QueryFlags.filters & ~access == 0 {
      return QueryResult(
        start: leaf.start(index), end: leaf.end(index), flags: QueryFlags(rawValue: access),
        pageSize: .page, offset: 0, inode: 0, device: DeviceNumber(major: 0, minor: 0),
        generation: generation)
    }
    // Not `map(result(of:))`, since that method would become a closure on the heap.
    guard let record = tree.match(leaf, index, flags) else { return nil }
    return result(of: record)
  }

  @inline(__always)
  func result(of record: Record) -> QueryResult {
    var result = QueryResult(
      start: record.start, end: record.end,
      flags: QueryFlags(rawValue: record.flags.queryBits), pageSize: .page, offset: 0, inode: 0,
      device: DeviceNumber(major: 0, minor: 0), generation: generation)
    if let object = MapObject(word: record.object), object.isFile {
      result.offset = record.pageOffset &* .page
      result.inode = unsafe object.header.pointee.inode
      result.device = unsafe object.header.pointee.device
    }
    return result
  }
}

extension Tree {
  /// The first VMA that may match: it ends above `address`, and covers it if it must.
  @inline(__always)
  fileprivate func candidate(_ address: UInt64, _ flags: QueryFlags) -> (leaf: Leaf, index: Int)? {
    guard let (leaf, index) = find(endingAfter: address) else { return nil }
    guard leaf.start(index) <= address || flags.contains(.coveringOrNext) else { return nil }
    return (leaf, index)
  }

  /// - Source: `query_matching_vma`.
  func match(_ address: UInt64, _ flags: QueryFlags) -> Record? {
    guard let (leaf, index) = candidate(address, flags) else { return nil }
    return match(leaf, index, flags)
  }

  /// The VMA at `index` of `leaf`, or a later one if a filter rejects it.
  @inline(__always)
  fileprivate func match(_ leaf: Leaf, _ index: Int, _ flags: QueryFlags) -> Record? {
    let record = leaf.record(index)
    if record.passes(flags) { return record }
    return flags.contains(.coveringOrNext) ? matchNext(after: record.end, flags) : nil
  }

  /// The first VMA that ends above `position` and passes the filters.
  @inline(never)
  private func matchNext(after position: UInt64, _ flags: QueryFlags) -> Record? {
    var position = position
    while let (leaf, first) = find(endingAfter: position) {
      for index in first..<leaf.count {
        let record = leaf.record(index)
        if record.passes(flags) { return record }
        position = record.end
      }
    }
    return nil
  }
}

extension Record {
  @inline(__always)
  func passes(_ flags: QueryFlags) -> Bool {
    let asked = flags.rawValue & 0xf
    guard self.flags.queryBits & asked == asked else { return false }
    guard flags.contains(.fileBacked) else { return true }
    return MapObject(word: object)?.isFile ?? false
  }
}
