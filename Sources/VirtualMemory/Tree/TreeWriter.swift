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
  /// The draft's root as the writer has it, if it is an inner node.
  private var rootBranch: UnsafeMutableRawPointer?
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
    unsafe rootBranch = nil
  }

  /// The root of the draft's tree; `nil` if nothing is mapped.
  @inline(__always)
  var root: Child? {
    mutating get {
      guard let node = unsafe draft.tree.root else { return nil }
      return unsafe Child(node: node, branch: rootBranch)
    }
    set {
      unsafe draft.tree.root = newValue?.node
      unsafe rootBranch = newValue?.branch
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

  /// With bounds and an inner node of its own, and no child.
  mutating func makeBranch() -> Branch {
    let branch = unsafe Branch(pool.allocate(sizeClass: NodeLayout.branchClass))
    branch.bounds = makeBounds()
    branch.adopt(makeInner(), edit)
    return branch
  }

  private mutating func makeInner() -> Inner {
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

  /// Gives `branch` an inner node that no reader has seen, if it hasn't one.
  @inline(__always)
  mutating func renew(_ branch: Branch) {
    if branch.innerEdit == edit { return }
    let (old, oldEdit) = (branch.inner, branch.innerEdit)
    branch.adopt(makeInner(), edit)
    branch.writeChildren()
    unsafe discard(old.base, oldEdit, NodeLayout.innerClass)
  }

  /// Puts another child at `index`. The bounds are copied only if the child's range is another.
  mutating func replaceChild(of branch: Branch, _ index: Int, _ edge: Edge) {
    renew(branch)
    let bounds = branch.bounds
    if bounds.hasRange(index, of: edge) {
      branch.replace(index, edge.child)
      branch.setGap(index, edge.gap)
      return
    }
    renewBounds(of: branch)
    branch.replace(index, edge)
  }

  /// Puts one leaf in the place of the children in `range`, or two.
  mutating func replaceChildren(of branch: Branch, _ range: Range<Int>, _ leaves: NewLeaves) {
    renew(branch)
    renewBounds(of: branch)
    branch.replace(range, leaves.first.edge, leaves.second?.edge)
  }

  /// Gives `branch`, whose inner node no reader has seen, such bounds, if it hasn't them.
  @inline(__always)
  private mutating func renewBounds(of branch: Branch) {
    let bounds = branch.bounds
    if bounds.edit == edit { return }
    let new = makeBounds()
    new.copyContents(of: bounds)
    branch.adopt(new)
    discard(bounds)
  }

  /// The draft no longer uses `leaf`, nor its payload.
  mutating func discard(_ leaf: Leaf) {
    unsafe discard(leaf.payload.base, leaf.payloadEdit, NodeLayout.payloadClass)
    unsafe discard(leaf.base, leaf.edit, NodeLayout.leafClass)
  }

  /// Nor `branch`, nor what readers see of it.
  mutating func discard(_ branch: Branch) {
    unsafe discard(branch.inner.base, branch.innerEdit, NodeLayout.innerClass)
    discard(branch.bounds)
    unsafe pool.free(branch.base, sizeClass: NodeLayout.branchClass)
  }

  private mutating func discard(_ bounds: Bounds) {
    unsafe discard(bounds.base, bounds.edit, NodeLayout.boundsClass)
  }

  @inline(__always)
  private mutating func discard(
    _ block: UnsafeMutableRawPointer, _ blockEdit: UInt64, _ sizeClass: Int
  ) {
    if blockEdit == edit {
      unsafe pool.free(block, sizeClass: sizeClass)
    } else {
      unsafe replaced.push(block, blockEdit, sizeClass, isRecent: pool.isRecent(blockEdit))
    }
  }

  /// Nor all of the subtree at `child`.
  ///
  /// - Parameter removed: is called with each of its leaves before.
  mutating func discardSubtree(
    _ child: Child, _ removed: (inout TreeWriter, Leaf) -> Void = { _, _ in }
  ) {
    guard let branch = child.asBranch else {
      removed(&self, child.asLeaf)
      discard(child.asLeaf)
      return
    }
    for index in 0..<branch.bounds.count { discardSubtree(branch.child(index), removed) }
    discard(branch)
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
    require(count < Self.capacity, "EdgeList: the bound on a step is wrong")
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
      require(
        bytes.count >= capacity * MemoryLayout<Edge>.stride,
        "EdgeList: the memory is smaller than the list")
      var list = unsafe EdgeList(bytes.bindMemory(to: Edge.self))
      return body(&list)
    }
  }
}
