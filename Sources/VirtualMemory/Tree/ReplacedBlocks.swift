// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// Blocks of nodes that have been replaced, and the write sections that made them.
struct ReplacedBlocks: ~Copyable {
  /// Addresses, with the size classes in the low bits.
  private(set) var words = BlockStack()
  private var edits = BlockStack()

  @inline(__always)
  mutating func push(_ word: UInt, _ edit: UInt64) {
    words.push(word)
    edits.push(UInt(edit))
  }

  mutating func removeAll() {
    words.removeAll()
    edits.removeAll()
  }

  /// Takes out the blocks that were made by the write section `newest` or one before it.
  mutating func take(madeUpTo newest: UInt64) -> [(word: UInt, edit: UInt64)] {
    var taken: [(word: UInt, edit: UInt64)] = []
    var kept = ReplacedBlocks()
    for index in 0..<words.count {
      let (word, edit) = (words[index], UInt64(edits[index]))
      if edit <= newest { taken.append((word, edit)) } else { kept.push(word, edit) }
    }
    self = kept
    return taken
  }
}
