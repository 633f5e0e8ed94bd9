// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The writer's side of an address space: Linux's rules about VMAs, on an ``IntervalTree`` of them.
/// It is what `struct mm_struct` is to the kernel.
///
/// Used by one thread at a time, under the address space's write lock. Between write sections,
/// `draft` and `tree` equal the published version. In a write section, operations change both, and
/// ``AddressSpace`` then publishes them.
///
/// The rules are in extensions, one for each family of kernel functions. They use records and
/// ranges, and never nodes. They keep only a ``Place`` in the tree, until the next change.
@safe
struct MemoryMap: ~Copyable {
  let configuration: AddressSpaceConfiguration
  var limits = ResourceLimits()
  var tree = IntervalTree()
  /// The numbers of the next version. Its `tree` is set only on publication; until then, use
  /// ``tree``.
  var draft = Version()
  /// Whether the draft or the tree differs from the published version.
  var isChanged = false
  /// Objects to which the tree has given up a reference; they are released after publication.
  var released = WordStack()
  /// The number of shared anonymous mappings made so far, which gives them their inode numbers.
  var sharedMemoryCount: UInt64 = 0
  /// The last number given to an `anon_vma`.
  var lastAnonVMA: UInt32 = 0

  init(configuration: AddressSpaceConfiguration) {
    require(
      MemoryLayout<Version>.size <= NodeLayout.versionBytes, "MemoryMap: a version is too large")
    self.configuration = configuration
  }

  // MARK: Publishing

  /// Makes a block that holds the version described by the draft and the tree.
  @unsafe
  mutating func makeVersion() -> UnsafeMutableRawPointer {
    draft.tree = tree.root
    let block = unsafe tree.makeVersionBlock()
    unsafe block.initializeMemory(as: Version.self, repeating: draft, count: 1)
    return unsafe block
  }
}
