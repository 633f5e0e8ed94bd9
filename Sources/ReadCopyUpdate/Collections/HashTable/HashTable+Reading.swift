// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

extension RCUDomain.HashTable where Value: ~Copyable {
  /// The value for `key`, valid until the section ends; `nil` if there is none. If the key has
  /// duplicates, the one that was inserted first.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the releasing stores of each insertion: the value
  ///   is seen as its writer left it.
  /// - Threads: any that may read.
  /// - Complexity: O(1) on average: a cache line of the table, and the element's own. No lock, no
  ///   allocation, and no reference counting except in `Key`'s own `==` and `hash(into:)`.
  @inlinable
  @_lifetime(copy section)
  public borrowing func lookup(
    _ key: Key, in section: RCUDomain.ReadSection
  ) -> RCUDomain.Ref<Value>? {
    section.checkIsOpen()
    guard let node = unsafe find(key, hash: key.hashValue) else { return nil }
    return unsafe RCUDomain.Ref(node, in: section)
  }

  /// Calls `body` with every value for `key`, in insertion order.
  ///
  /// - Memory ordering: as ``lookup(_:in:)``.
  /// - Complexity: O(values of the key and of those in the same bucket).
  @inlinable
  public borrowing func forEachValue<E: Error>(
    forKey key: Key, in section: RCUDomain.ReadSection,
    _ body: (RCUDomain.Ref<Value>) throws(E) -> Void
  ) throws(E) {
    section.checkIsOpen()
    _ = try unsafe find(key, hash: key.hashValue) { node throws(E) in
      try body(unsafe RCUDomain.Ref(node, in: section))
      return false
    }
  }

  /// Calls `body` with every element, in no particular order.
  ///
  /// An element that is in the table during the whole walk is seen exactly once. If it is replaced
  /// meanwhile, exactly one of its values is seen. An element that is added or removed meanwhile
  /// may or may not be seen: a walk is not a snapshot. `body` may change the table.
  ///
  /// - Memory ordering: as ``lookup(_:in:)``.
  /// - Complexity: O(elements + buckets). The section stays open for as long.
  @inlinable
  public borrowing func forEach<E: Error>(
    in section: RCUDomain.ReadSection, _ body: (Entry) throws(E) -> Void
  ) throws(E) {
    section.checkIsOpen()
    let array = unsafe storage.pointee.array
    for index in 0..<array.count {
      try unsafe forEachNode(inBucket: index, of: array) { node throws(E) in
        try body(unsafe Entry(node, in: section))
      }
    }
  }

  /// A key and its value, valid inside the read section that walks the table.
  @safe
  public struct Entry: ~Escapable {
    @usableFromInline let node: UnsafeMutableRawPointer
    #if DEBUG
      @usableFromInline let section: RCUDomain.ReadSection
    #endif

    /// - Safety: `node` stays initialised until `section` ends.
    @usableFromInline
    @inline(__always)
    @_lifetime(copy section)
    @unsafe
    init(_ node: UnsafeMutableRawPointer, in section: RCUDomain.ReadSection) {
      unsafe self.node = node
      #if DEBUG
        self.section = section
      #endif
    }

    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        section.checkIsOpen()
      #endif
    }

    /// The key, in place.
    @inlinable
    @safe
    public var key: Key {
      // Safety: the section keeps the node alive, and keys and published values are never changed.
      // These are coroutines for the reason given in Ref.
      @inline(__always)
      _read {
        checkIsOpen()
        yield unsafe Node.trailer(node).pointee.key
      }
    }

    /// The value, in place.
    @inlinable
    @safe
    public var value: Value {
      @inline(__always)
      _read {
        checkIsOpen()
        yield unsafe Node.element(node).pointee
      }
    }
  }

  // MARK: - Nodes

  /// The first node for `key`. Inside a read section.
  @inlinable
  @inline(__always)
  borrowing func find(_ key: Key, hash: Int) -> UnsafeMutableRawPointer? {
    unsafe find(key, hash: hash) { _ in true }
  }

  /// The first node for `key` that `isWanted`. Inside a read section.
  @inlinable
  @inline(__always)
  borrowing func find<E: Error>(
    _ key: Key, hash: Int, _ isWanted: (UnsafeMutableRawPointer) throws(E) -> Bool
  ) throws(E) -> UnsafeMutableRawPointer? {
    let pattern = _TableLine.pattern(of: hash)
    var array = unsafe storage.pointee.array
    var line = array.line(for: hash)
    while true {
      // Pairs with the releasing stores of control words in `_TableStorage`.
      let control = unsafe line.control.pointee.load(ordering: .acquiring)
      var matches = _TableLine.matches(of: pattern, in: control)
      while matches != 0 {
        let node = unsafe line.node(matches)
        if unsafe Node.trailer(node).pointee.key == key {
          if unsafe try isWanted(node) { return unsafe node }
        }
        matches &= matches &- 1
      }
      if control & _TableLine.isMoved != 0 {
        array = array.next
        line = array.line(for: hash)
      } else if let next = line.next {
        line = next
      } else {
        return nil
      }
    }
  }

  /// Calls `body` with the nodes of a bucket, wherever they have moved. Inside a read section.
  ///
  /// - Parameter origin: the lowest bits of the hashes of the nodes that are wanted, and a mask for
  ///   these; `nil` for all.
  @inlinable
  borrowing func forEachNode<E: Error>(
    inBucket index: Int, of array: _TableArray, from origin: (bits: Int, mask: Int)? = nil,
    _ body: (UnsafeMutableRawPointer) throws(E) -> Void
  ) throws(E) {
    var line = array.line(at: index)
    var control = unsafe line.control.pointee.load(ordering: .acquiring)
    if control & _TableLine.isMoved != 0 {
      let next = array.next
      var bucket = index & next.mask
      while bucket < next.count {
        try unsafe forEachNode(
          inBucket: bucket, of: next, from: origin ?? (index, array.mask), body)
        bucket &+= array.count
      }
      return
    }
    while true {
      var places = control & _TableLine.occupied
      while places != 0 {
        let node = unsafe line.node(places)
        let hash = unsafe Node.trailer(node).pointee.hash
        if origin.map({ hash & $0.mask == $0.bits }) ?? true { try unsafe body(node) }
        places &= places &- 1
      }
      guard let next = line.next else { return }
      line = next
      control = unsafe line.control.pointee.load(ordering: .acquiring)
    }
  }
}

@available(*, unavailable, message: "an Entry belongs to the read section of one thread")
extension RCUDomain.HashTable.Entry: Sendable where Value: ~Copyable {}
