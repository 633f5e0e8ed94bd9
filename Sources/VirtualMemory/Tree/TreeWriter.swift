// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The writer's side of an address space: the version it works on, and the pool of its nodes.
///
/// Used by one thread at a time, under the address space's write lock. Between two write sections
/// `draft` equals the published version. In a write section operations change `draft` and path-copy
/// nodes; ``AddressSpace`` then publishes `draft` and retires what it replaced. A node that was made
/// in the section itself is changed in place or given back at once: no reader has seen it.
///
/// Functions that only look are `mutating`, too: others would be given a copy of the whole structure.
@safe
struct TreeWriter: ~Copyable {
  let configuration: AddressSpaceConfiguration
  var limits = ResourceLimits()
  var pool = NodePool<BulletproofFlavor>(blockBytes: NodeLayout.blockBytes)
  var draft = Version()
  /// The bounds of the draft's root, if it is an inner node.
  private var rootBounds: UnsafeMutableRawPointer?
  /// The number of the open write section; nodes made in it carry it.
  var edit: UInt64 = 1
  /// To the leaf that was located last.
  let path = Path()
  /// Whether the draft differs from the published version.
  var isChanged = false
  /// Blocks of the published version that the draft doesn't use: retired after the draft is published,
  /// never before.
  var replaced = ReplacedBlocks()
  /// Objects that the draft refers to once less: released after it is published.
  var released = BlockStack()
  /// Shared anonymous mappings made so far: their inode numbers.
  var sharedMemoryCount: UInt64 = 0
  /// From the first start to the last end of what was last put in.
  var lastSplice: Range<UInt64> = 0..<0
  /// The last number given to an `anon_vma`.
  var lastAnonymousArea: UInt32 = 0

  init(configuration: AddressSpaceConfiguration) {
    self.configuration = configuration
    unsafe rootBounds = nil
  }

  /// The root of the draft's tree; `nil` if nothing is mapped.
  @inline(__always)
  var root: Child? {
    mutating get {
      guard let node = unsafe draft.tree.root else { return nil }
      return unsafe Child(node: node, bounds: rootBounds)
    }
    set {
      unsafe draft.tree.root = newValue?.node
      unsafe rootBounds = newValue?.bounds
    }
  }

  /// With a payload of its own, and no VMA.
  mutating func makeLeaf() -> Leaf {
    let leaf = makeLeafBlock()
    leaf.payload = makePayload()
    leaf.payloadEdit = edit
    leaf.usedSlotCount = 0
    return leaf
  }

  private mutating func makeLeafBlock() -> Leaf {
    let leaf = unsafe Leaf(pool.allocate(sizeClass: NodeLayout.leafClass))
    leaf.edit = edit
    return leaf
  }

  private mutating func makePayload() -> Payload {
    unsafe Payload(pool.allocate(sizeClass: NodeLayout.payloadClass))
  }

  /// Bounds with an inner node of their own.
  mutating func makeInner() -> Bounds {
    let bounds = makeBounds()
    bounds.adopt(makeInnerBlock(), edit)
    return bounds
  }

  private mutating func makeInnerBlock() -> Inner {
    unsafe Inner(pool.allocate(sizeClass: NodeLayout.innerClass))
  }

  private mutating func makeBounds() -> Bounds {
    let bounds = unsafe Bounds(pool.allocate(sizeClass: NodeLayout.boundsClass))
    bounds.edit = edit
    return bounds
  }

  /// The leaf with `items` in the place of the VMAs in `range`: the leaf itself if this write section made
  /// it, else a copy that takes its place. The payload too is copied only if it has too few slots left.
  mutating func replaceRecords(of leaf: Leaf, _ range: Range<Int>, _ items: borrowing Items) -> Leaf
  {
    var new = leaf
    if leaf.edit != edit {
      new = makeLeafBlock()
      new.copyRanges(of: leaf, range, replacementCount: items.count)
      unsafe discard(leaf.base, leaf.edit, NodeLayout.leafClass)
    } else if items.count != range.count {
      leaf.shift(from: range.upperBound, by: items.count &- range.count)
    }
    if new.usedSlotCount &+ items.count > NodeLayout.leafCapacity {
      let (payload, payloadEdit) = (new.payload, new.payloadEdit)
      let gap = range.lowerBound..<range.lowerBound &+ items.count
      new.move(to: makePayload(), edit, except: gap)
      unsafe discard(payload.base, payloadEdit, NodeLayout.payloadClass)
    }
    for index in 0..<items.count { new.setRecord(range.lowerBound &+ index, items[index]) }
    return new
  }

  /// Makes the inner node of `bounds` one that no reader has seen, if it isn't yet.
  @inline(__always)
  mutating func copyForChange(_ bounds: Bounds) {
    if bounds.innerEdit == edit { return }
    let (old, oldEdit) = (bounds.inner, bounds.innerEdit)
    bounds.adopt(makeInnerBlock(), edit)
    bounds.writeChildren()
    unsafe discard(old.base, oldEdit, NodeLayout.innerClass)
  }

  /// Puts another child at `index`.
  ///
  /// - Returns: `bounds`, if this write section made them or the child's range is the same; else a copy that
  ///   takes their place.
  mutating func replaceChild(of bounds: Bounds, _ index: Int, _ edge: Edge) -> Bounds {
    copyForChange(bounds)
    if bounds.hasRange(index, of: edge) {
      bounds.replace(index, edge.child)
      bounds.setGap(index, edge.gap)
      return bounds
    }
    var new = bounds
    if bounds.edit != edit {
      new = makeBounds()
      new.takePlace(of: bounds, edit)
      unsafe discard(bounds.base, bounds.edit, NodeLayout.boundsClass)
    }
    new.replace(index, edge)
    return new
  }

  /// The draft no longer uses `leaf`, nor its payload.
  mutating func discard(_ leaf: Leaf) {
    unsafe discard(leaf.payload.base, leaf.payloadEdit, NodeLayout.payloadClass)
    unsafe discard(leaf.base, leaf.edit, NodeLayout.leafClass)
  }

  /// Nor an inner node and its bounds.
  mutating func discard(_ bounds: Bounds) {
    unsafe discard(bounds.inner.base, bounds.innerEdit, NodeLayout.innerClass)
    unsafe discard(bounds.base, bounds.edit, NodeLayout.boundsClass)
  }

  @inline(__always)
  private mutating func discard(
    _ block: UnsafeMutableRawPointer, _ blockEdit: UInt64, _ sizeClass: Int
  ) {
    if blockEdit == edit {
      unsafe pool.free(block, sizeClass: sizeClass)
    } else {
      unsafe replaced.push(block, blockEdit, sizeClass)
    }
  }

  /// Nor all of the subtree at `child`.
  ///
  /// - Parameter removed: is called with each of its leaves before.
  mutating func discardSubtree(
    _ child: Child, _ removed: (inout TreeWriter, Leaf) -> Void = { _, _ in }
  ) {
    guard let bounds = unsafe child.bounds.map({ unsafe Bounds($0) }) else {
      let leaf = unsafe Leaf(child.node)
      removed(&self, leaf)
      discard(leaf)
      return
    }
    for index in 0..<bounds.count { discardSubtree(bounds.child(index), removed) }
    discard(bounds)
  }
}

/// A short list of children on the stack.
@safe
struct EdgeList {
  private let base: UnsafeMutablePointer<Edge>
  private(set) var count = 0

  /// The most that any step gathers: the children of one node, of which two may have become four, or of
  /// two nodes of which one has too few.
  private static var capacity: Int {
    NodeLayout.innerCapacity + max(2, NodeLayout.innerCountMin - 1)
  }

  /// - Safety: `storage` holds `capacity` edges and outlives the list.
  init(_ storage: UnsafeMutableBufferPointer<Edge>) {
    unsafe base = storage.baseAddress.unsafelyUnwrapped
  }

  subscript(index: Int) -> Edge {
    get {
      assert(index >= 0 && index < count)
      return unsafe base[index]
    }
    nonmutating set {
      assert(index >= 0 && index < count)
      unsafe base[index] = newValue
    }
  }

  mutating func append(_ edge: Edge) {
    precondition(count < Self.capacity, "EdgeList: the bound on a step is wrong")
    unsafe (base + count).initialize(to: edge)
    count += 1
  }

  mutating func removeAll() { count = 0 }

  /// Puts `list` in the place of the two edges from `index` on; it holds one or two.
  mutating func replacePair(at index: Int, with list: EdgeList) {
    self[index] = list[0]
    if list.count == 2 {
      self[index + 1] = list[1]
    } else {
      for position in index + 2..<max(count, index + 2) { self[position - 1] = self[position] }
      count -= 1
    }
  }

  /// Runs `body` with an empty list.
  static func with<R>(_ body: (inout EdgeList) -> R) -> R {
    // Not a temporary allocation, which is none on the stack past 1,024 bytes.
    var words = InlineArray<200, UInt64>(repeating: 0)
    return unsafe withUnsafeMutableBytes(of: &words) { bytes in
      precondition(bytes.count >= capacity * MemoryLayout<Edge>.stride)
      var list = unsafe EdgeList(bytes.bindMemory(to: Edge.self))
      return body(&list)
    }
  }
}
