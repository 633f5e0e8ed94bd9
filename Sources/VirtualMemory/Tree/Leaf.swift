// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

/// A leaf: up to 32 records in ascending order. It stores their ranges, and their slots in a
/// separate block, the ``Payload``, which stores the rest.
///
/// Most changes insert or remove one record. Then only the ranges are copied, and an inserted
/// record takes a slot of the payload that no leaf has used yet. So several consecutive versions of
/// a leaf share a payload, until it has no slot left.
///
/// - Safety: made only from the address of a leaf block. Immutable once published; before that,
///   only the writer that made it calls the mutating functions.
@safe
struct Leaf: Node {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  static var arrayBytes: Int { NodeLayout.leafArrayBytes }
  static var headerOffset: Int { NodeLayout.leafHeader }

  @inline(__always) func end(_ index: Int) -> UInt64 { word(0, index) }
  @inline(__always) func start(_ index: Int) -> UInt64 { word(1, index) }

  /// The payload, which only this leaf uses, and leaves that it has replaced.
  @inline(__always)
  var payload: Payload {
    get {
      // Safety: the payload of a reachable leaf is reachable.
      unsafe Payload(
        base.load(fromByteOffset: Self.headerOffset &+ 16, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set {
      unsafe base.storeBytes(
        of: newValue.base, toByteOffset: Self.headerOffset &+ 16, as: UnsafeMutableRawPointer.self)
    }
  }

  /// The write section that made the payload.
  @inline(__always)
  var payloadTransaction: UInt64 {
    get { unsafe base.load(fromByteOffset: Self.headerOffset &+ 24, as: UInt64.self) }
    nonmutating set {
      unsafe base.storeBytes(of: newValue, toByteOffset: Self.headerOffset &+ 24, as: UInt64.self)
    }
  }

  /// The number of slots that are used by this leaf or by leaves that it has replaced: the first
  /// ones.
  @inline(__always)
  var usedSlotCount: Int {
    get { Int(unsafe base.load(fromByteOffset: Self.headerOffset &+ 4, as: UInt32.self)) }
    nonmutating set {
      unsafe base.storeBytes(
        of: UInt32(truncatingIfNeeded: newValue), toByteOffset: Self.headerOffset &+ 4,
        as: UInt32.self)
    }
  }

  /// The slot of the record at `index` in the payload.
  ///
  /// It lies next to the payload's address, in a cache line that is loaded while the ranges are
  /// searched.
  @inline(__always)
  func slot(_ index: Int) -> Int { Int(slotByte(index) & Self.slotMask) }

  /// Three bits of the record at `index` that are known without reading the payload:
  /// ``Record/tag``.
  @inline(__always)
  func tag(_ index: Int) -> UInt64 { UInt64(slotByte(index) &>> 5) }

  // The low bits of a slot byte are the slot; the tag is above them.
  private static var slotMask: UInt8 { 31 }

  @inline(__always)
  private func slotByte(_ index: Int) -> UInt8 {
    unsafe base.load(fromByteOffset: NodeLayout.leafSlots &+ index, as: UInt8.self)
  }

  @inline(__always)
  private func setSlot(_ index: Int, _ slot: Int, _ tag: UInt64) {
    unsafe base.storeBytes(
      of: UInt8(truncatingIfNeeded: UInt64(slot) | tag &<< 5),
      toByteOffset: NodeLayout.leafSlots &+ index, as: UInt8.self)
  }

  @inline(__always)
  func record(_ index: Int) -> Record {
    payload.record(slot(index), start(index), end(index))
  }

  /// Stores `record` at `index`, in the payload's next slot.
  @inline(__always)
  func setRecord(_ index: Int, _ record: Record) {
    let slot = usedSlotCount
    assert(slot < NodeLayout.leafCapacity)
    payload.set(slot, record)
    usedSlotCount = slot &+ 1
    setWord(0, index, record.end)
    setWord(1, index, record.start)
    setSlot(index, slot, record.tag)
  }

  /// Fills `payload`, which is new, with the records' contents, except for those in `range`, and
  /// adopts it.
  func move(to payload: Payload, _ transaction: UInt64, except range: Range<Int>) {
    let old = self.payload
    var used = 0
    for index in 0..<count where !range.contains(index) {
      payload.copy(used, from: slot(index), of: old)
      setSlot(index, used, tag(index))
      used &+= 1
    }
    self.payload = payload
    payloadTransaction = transaction
    usedSlotCount = used
  }

  /// Takes over the records of `other`, except for those in `range`, and shares its payload. In
  /// their place, leaves room for `replacementCount` other records.
  ///
  /// This isn't a copy followed by a shift, since loads that straddle earlier stores wait until
  /// these have reached the cache.
  @inline(__always)
  func copyRanges(of other: Self, _ range: Range<Int>, replacementCount: Int) {
    let last = range.upperBound
    let newLast = range.lowerBound &+ replacementCount
    let transaction = transaction
    // In ascending order: what is written beyond one part is overwritten with the next. Copies
    // whole arrays and then what moves, in the same number of steps for both: a number of steps
    // that the processor can't predict costs more than the steps.
    let movedCount = NodeLayout.leafCapacity &- max(last, newLast)
    let (starts, slots) = (NodeLayout.leafArrayBytes, NodeLayout.leafSlots)
    unsafe copyWords(other.base, to: base, NodeLayout.leafCapacity)
    unsafe copyWords(other.base + last &* 8, to: base + newLast &* 8, movedCount)
    unsafe copyWords(other.base + starts, to: base + starts, NodeLayout.leafCapacity)
    unsafe copyWords(
      other.base + (starts &+ last &* 8), to: base + (starts &+ newLast &* 8), movedCount)
    unsafe copySlots(other.base + slots, to: base + slots)
    unsafe copySlots(other.base + (slots &+ last), to: base + (slots &+ newLast))
    count = other.count &- range.count &+ replacementCount
    usedSlotCount = other.usedSlotCount
    self.transaction = transaction
    payload = other.payload
    payloadTransaction = other.payloadTransaction
    if newLast < last { pad(from: NodeLayout.leafCapacity &- (last &- newLast)) }
  }

  /// Copies `count` words, and up to seven more.
  @inline(__always)
  private func copyWords(
    _ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int
  ) {
    var offset = 0
    while offset < count &* 8 {
      let words = unsafe source.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
      unsafe target.storeBytes(of: words, toByteOffset: offset, as: SIMD8<UInt64>.self)
      offset &+= 64
    }
  }

  /// Copies all the slots of a leaf.
  @inline(__always)
  private func copySlots(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    let slots = unsafe source.loadUnaligned(as: SIMD32<UInt8>.self)
    unsafe target.storeBytes(of: slots, as: SIMD32<UInt8>.self)
  }

  /// The number of records that end at or below `address`, which is the index of the first record
  /// that doesn't.
  @inline(__always)
  func rank(_ address: UInt64) -> Int {
    let first = firstOfFour(address) { word(0, $0 &* 4 &+ 3) }
    return first &+ rankInFour(address, from: first)
  }

  /// Starts to prefetch what a change copies, but a search doesn't read.
  @inline(__always)
  func prefetchForCopy() {
    let offset = NodeLayout.leafArrayBytes
    unsafe sysshims_prefetch(
      UInt(bitPattern: base) &+ UInt(offset), NodeLayout.blockBytes(NodeLayout.leafClass) &- offset)
  }

  /// Moves the records from `index` on by `shift` positions.
  func shift(from index: Int, by shift: Int) {
    unsafe moveBytes(base + (NodeLayout.leafSlots + index), by: shift, count - index)
    shiftWords(from: index, by: shift)
  }

  @inline(__always)
  var asChild: Child { unsafe Child(node: base, writerNode: nil) }

  /// The leaf as a child, with what its parent must know.
  var summary: ChildSummary {
    let last = count - 1
    var gap: UInt64 = 0
    for index in 0..<last { gap = max(gap, start(index + 1) - end(index)) }
    return ChildSummary(child: asChild, start: start(0), end: end(last), gap: gap)
  }
}

/// The contents of a leaf's records besides their ranges, by slots.
///
/// Only the writer knows which slots are used: the leaf that it works on counts them. A slot is
/// written once, before a leaf that refers to it is published, and then never changes. Readers of
/// earlier leaves don't read it.
///
/// - Safety: as ``Leaf``.
@safe
struct Payload {
  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  @inline(__always)
  private func word(_ slot: Int, _ index: Int) -> UInt64 {
    unsafe base.load(fromByteOffset: slot &* NodeLayout.slotBytes &+ index &* 8, as: UInt64.self)
  }

  @inline(__always)
  private func setWord(_ slot: Int, _ index: Int, _ value: UInt64) {
    unsafe base.storeBytes(
      of: value, toByteOffset: slot &* NodeLayout.slotBytes &+ index &* 8, as: UInt64.self)
  }

  @inline(__always)
  func record(_ slot: Int, _ start: UInt64, _ end: UInt64) -> Record {
    Record(
      start: start, end: end,
      words: Record.Words(first: word(slot, 0), second: word(slot, 1), third: word(slot, 2)))
  }

  @inline(__always)
  func set(_ slot: Int, _ record: Record) {
    setWord(slot, 0, record.words.first)
    setWord(slot, 1, record.words.second)
    setWord(slot, 2, record.words.third)
  }

  @inline(__always)
  func copy(_ slot: Int, from otherSlot: Int, of other: Self) {
    for index in 0..<3 { setWord(slot, index, other.word(otherSlot, index)) }
  }
}
