// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// A block that the current version no longer uses, but a snapshot does.
struct HeldNode {
  /// The block's address as a tagged word; see ``TaggedBlock``.
  let word: UInt
  /// The write section that made it.
  let transaction: UInt64
  /// The objects of a leaf's VMAs, each with a reference. Stored here, since the leaf's payload may
  /// be reused before the leaf is.
  private let objects: [UInt]

  private var sizeClass: Int { TaggedBlock.sizeClass(word) }
  var blockBytes: Int { NodeLayout.blockBytes(sizeClass) }

  /// Takes a reference to each object of a leaf's VMAs. Called by the writer before it releases the
  /// references of the version that it has replaced.
  init(_ word: UInt, _ transaction: UInt64) {
    self.word = word
    self.transaction = transaction
    guard TaggedBlock.sizeClass(word) == NodeLayout.leafClass,
      // Safety: the word was made from a leaf's address.
      let leaf = unsafe UnsafeMutableRawPointer(bitPattern: TaggedBlock.address(word)).map({
        unsafe Leaf($0)
      })
    else {
      objects = []
      return
    }
    objects = (0..<leaf.count).map { leaf.record($0).object }.filter { $0 != 0 }
    for object in objects { MapObject(word: object)?.retain() }
  }

  func releaseObjects() {
    for object in objects { MapObject(word: object)?.release() }
  }
}

extension MemoryMap {
  /// After publishing and before retiring, holds those replaced nodes that a snapshot sees.
  mutating func holdReplaced(for pins: SnapshotPins) {
    guard let newest = pins.newest(before: draft.transaction) else { return }
    let held = tree.replaced.take(madeUpTo: newest).map { HeldNode($0.word, $0.transaction) }
    if !held.isEmpty { pins.hold(held, for: newest) }
  }
}
