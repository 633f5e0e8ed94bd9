// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// Blocks of nodes that have been replaced.
struct ReplacedBlocks: ~Copyable {
  /// Addresses, with what ``BlockWord`` says in the low bits.
  private(set) var words = BlockStack()
  /// The write sections that made the payloads among them, in the same order: other blocks say it themselves.
  private var payloadEdits = BlockStack()

  /// - Parameter isRecent: what the pool says of a block that this write section made.
  /// - Safety: `address` is that of a node's block of this class, which the write section `edit` made.
  @unsafe
  @inline(__always)
  mutating func push(
    _ address: UnsafeMutableRawPointer, _ edit: UInt64, _ sizeClass: Int, isRecent: Bool
  ) {
    unsafe words.push(BlockWord.make(address, sizeClass, isRecent: isRecent))
    if sizeClass == NodeLayout.payloadClass { payloadEdits.push(UInt(edit)) }
  }

  /// The same for a version: it is the last one.
  @unsafe
  @inline(__always)
  mutating func push(version: UnsafeMutableRawPointer, isRecent: Bool) {
    unsafe words.push(BlockWord.make(version, NodeLayout.versionClass, isRecent: isRecent))
  }

  mutating func removeAll() {
    words.removeAll()
    payloadEdits.removeAll()
  }

  /// Takes out the blocks that were made by the write section `newest` or one before it.
  ///
  /// - Precondition: no version is among them.
  mutating func take(madeUpTo newest: UInt64) -> [(word: UInt, edit: UInt64)] {
    var taken: [(word: UInt, edit: UInt64)] = []
    var kept = ReplacedBlocks()
    var payloadCount = 0
    for index in 0..<words.count {
      let word = words[index]
      let sizeClass = BlockWord.sizeClass(word)
      // Safety: the word was made of a block's address.
      let address = unsafe UnsafeMutableRawPointer(bitPattern: BlockWord.address(word))
        .unsafelyUnwrapped
      let edit: UInt64
      switch sizeClass {
      case NodeLayout.leafClass: edit = unsafe Leaf(address).edit
      case NodeLayout.innerClass: edit = unsafe InnerNode(address).edit
      case NodeLayout.boundsClass: edit = unsafe Bounds(address).edit
      default:
        require(sizeClass == NodeLayout.payloadClass, "ReplacedBlocks: a version is held")
        edit = UInt64(payloadEdits[payloadCount])
        payloadCount += 1
      }
      if edit <= newest {
        taken.append((word, edit))
      } else {
        unsafe kept.push(address, edit, sizeClass, isRecent: BlockWord.isRecent(word))
      }
    }
    self = kept
    return taken
  }
}
