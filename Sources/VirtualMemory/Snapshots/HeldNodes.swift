// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

// Nodes as ``TreeWriter/replaced`` holds them: addresses with the size class in the low bits.
extension NodeLayout {
  private static var sizeClassMask: UInt { 7 }

  /// The write section that made the node.
  static func edit(of node: UInt) -> UInt64 {
    switch Int(node & sizeClassMask) {
    case leafClass: unsafe Leaf(address(of: node)).edit
    case boundsClass: unsafe Bounds(address(of: node)).edit
    default: unsafe Inner(address(of: node)).edit
    }
  }

  static func blockBytes(of node: UInt) -> Int { blockBytes(Int(node & sizeClassMask)) }

  /// The node, if it is a leaf.
  static func leaf(of node: UInt) -> Leaf? {
    isLeaf(node) ? unsafe Leaf(address(of: node)) : nil
  }

  private static func isLeaf(_ node: UInt) -> Bool { node & sizeClassMask == UInt(leafClass) }

  /// Safety: the word was made of a block's address.
  @unsafe
  private static func address(of node: UInt) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: node & ~sizeClassMask).unsafelyUnwrapped
  }
}

extension Leaf {
  /// Takes a reference to what each VMA refers to. By the writer, before it releases those of the
  /// version that it has replaced.
  func retainObjects() {
    for index in 0..<count { MapObject(word: record(index).object)?.retain() }
  }

  func releaseObjects() {
    for index in 0..<count { MapObject(word: record(index).object)?.release() }
  }
}

extension TreeWriter {
  /// After publishing, and before retiring: keeps those of the replaced nodes that a snapshot sees.
  mutating func holdReplaced(for pins: SnapshotPins) {
    guard let newest = pins.newest(before: draft.edit) else { return }
    let held = replaced.remove { NodeLayout.edit(of: $0) <= newest }
    for node in held { NodeLayout.leaf(of: node)?.retainObjects() }
    if !held.isEmpty { pins.hold(held, for: newest) }
  }
}
