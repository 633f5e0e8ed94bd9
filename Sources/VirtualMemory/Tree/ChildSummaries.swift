// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// A short list of children on the stack.
@safe
struct ChildSummaries {
  private let base: UnsafeMutablePointer<ChildSummary>
  private(set) var count = 0

  /// The largest number that any step gathers: the children of one node, two of which may have
  /// become four, or those of two nodes, one of which has too few.
  private static var capacity: Int {
    NodeLayout.innerCapacity + max(2, NodeLayout.minimumInnerCount - 1)
  }

  /// - Safety: `storage` holds `capacity` entries and outlives the list.
  init(_ storage: UnsafeMutableBufferPointer<ChildSummary>) {
    unsafe base = storage.baseAddress.unsafelyUnwrapped
  }

  subscript(index: Int) -> ChildSummary {
    get {
      assert(index >= 0 && index < count)
      return unsafe base[index]
    }
    nonmutating set {
      assert(index >= 0 && index < count)
      unsafe base[index] = newValue
    }
  }

  mutating func append(_ summary: ChildSummary) {
    require(count < Self.capacity, "ChildSummaries: the bound on a step is wrong")
    unsafe (base + count).initialize(to: summary)
    count += 1
  }

  mutating func removeAll() { count = 0 }

  /// Replaces the two entries from `index` on by `list`, which holds one or two.
  mutating func replacePair(at index: Int, with list: ChildSummaries) {
    self[index] = list[0]
    if list.count == 2 {
      self[index + 1] = list[1]
    } else {
      for position in index + 2..<max(count, index + 2) { self[position - 1] = self[position] }
      count -= 1
    }
  }

  /// Runs `body` with an empty list.
  static func with<R>(_ body: (inout ChildSummaries) -> R) -> R {
    // Not a temporary allocation, since one above 1,024 bytes isn't on the stack.
    var words = InlineArray<200, UInt64>(repeating: 0)
    return unsafe withUnsafeMutableBytes(of: &words) { bytes in
      require(
        bytes.count >= capacity * MemoryLayout<ChildSummary>.stride,
        "ChildSummaries: the memory is smaller than the list")
      var list = unsafe ChildSummaries(bytes.bindMemory(to: ChildSummary.self))
      return body(&list)
    }
  }
}
