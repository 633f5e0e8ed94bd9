// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// The blocks of nodes that have been replaced.
struct ReplacedBlocks: ~Copyable {
  /// Tagged words; see ``TaggedBlock``.
  private(set) var words = WordStack()
  /// The write sections that made the payloads among the blocks, in the same order. Other blocks
  /// store their transaction themselves.
  private var payloadTransactions = WordStack()

  /// - Parameter isRecent: whether a block that this write section made is recent in its pool.
  /// - Safety: `address` is the address of a node's block of this class, which the write section
  ///   `transaction` made.
  @unsafe
  @inline(__always)
  mutating func push(
    _ address: UnsafeMutableRawPointer, _ transaction: UInt64, _ sizeClass: Int, isRecent: Bool
  ) {
    unsafe words.push(TaggedBlock.make(address, sizeClass, isRecent: isRecent))
    if sizeClass == NodeLayout.payloadClass { payloadTransactions.push(UInt(transaction)) }
  }

  /// The same for a version, which comes last.
  @unsafe
  @inline(__always)
  mutating func push(version: UnsafeMutableRawPointer, isRecent: Bool) {
    unsafe words.push(TaggedBlock.make(version, NodeLayout.versionClass, isRecent: isRecent))
  }

  mutating func removeAll() {
    words.removeAll()
    payloadTransactions.removeAll()
  }

  /// Removes and returns the blocks that the write section `newest`, or an earlier one, made.
  ///
  /// - Precondition: no version is among the blocks.
  mutating func take(madeUpTo newest: UInt64) -> [(word: UInt, transaction: UInt64)] {
    var taken: [(word: UInt, transaction: UInt64)] = []
    var kept = ReplacedBlocks()
    var payloadCount = 0
    for index in 0..<words.count {
      let word = words[index]
      let sizeClass = TaggedBlock.sizeClass(word)
      // Safety: the word was made from a block's address.
      let address = unsafe UnsafeMutableRawPointer(bitPattern: TaggedBlock.address(word))
        .unsafelyUnwrapped
      let transaction: UInt64
      switch sizeClass {
      case NodeLayout.leafClass: transaction = unsafe Leaf(address).transaction
      case NodeLayout.innerClass: transaction = unsafe InnerNode(address).transaction
      case NodeLayout.boundsClass: transaction = unsafe Bounds(address).transaction
      default:
        require(sizeClass == NodeLayout.payloadClass, "ReplacedBlocks: a version is held")
        transaction = UInt64(payloadTransactions[payloadCount])
        payloadCount += 1
      }
      if transaction <= newest {
        taken.append((word, transaction))
      } else {
        unsafe kept.push(address, transaction, sizeClass, isRecent: TaggedBlock.isRecent(word))
      }
    }
    self = kept
    return taken
  }
}
