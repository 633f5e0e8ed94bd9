// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The writer's side of an address space: Linux's rules about VMAs, on an ``IntervalTree`` of them.
/// What `struct mm_struct` is to the kernel.
///
/// Used by one thread at a time, under the address space's write lock. Between two write sections
/// `draft` and `tree` equal the published version. In a write section operations change both;
/// ``AddressSpace`` then publishes them.
///
/// The rules are in extensions, one for each family of the kernel's functions. They know records
/// and ranges, and no node; what they keep of the tree is a ``Place``, until they change something.
@safe
struct MemoryMap: ~Copyable {
  let configuration: AddressSpaceConfiguration
  var limits = ResourceLimits()
  var tree = IntervalTree()
  /// The numbers of the version to come. Its `tree` is set when it is published: until then, ask
  /// ``tree``.
  var draft = Version()
  /// Whether the draft or the tree differs from the published version.
  var isChanged = false
  /// Objects that the tree refers to once less: released after it is published.
  var released = WordStack()
  /// Shared anonymous mappings made so far: their inode numbers.
  var sharedMemoryCount: UInt64 = 0
  /// The last number given to an `anon_vma`.
  var lastAnonVMA: UInt32 = 0

  init(configuration: AddressSpaceConfiguration) {
    require(
      MemoryLayout<Version>.size <= NodeLayout.versionBytes, "MemoryMap: a version is too large")
    self.configuration = configuration
  }

  // MARK: Publishing

  /// A block with the version that the draft and the tree make.
  @unsafe
  mutating func makeVersion() -> UnsafeMutableRawPointer {
    draft.tree = tree.root
    let block = unsafe tree.makeVersionBlock()
    unsafe block.initializeMemory(as: Version.self, repeating: draft, count: 1)
    return unsafe block
  }
}
