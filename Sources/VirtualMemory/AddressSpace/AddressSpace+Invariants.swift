// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SequenceLocks

extension AddressSpace {
  /// Checks, under the read lock, everything that must be true of the current version, and traps
  /// with the rule that is broken.
  ///
  /// - The tree passes ``IntervalTree/checkInvariants(_:)``, and is the current version's.
  /// - VMAs are page-aligned and within the task's addresses.
  /// - The version's counts are those of the tree; its generation is even, and has been the
  ///   counter's.
  /// - Complexity: O(n).
  package func _checkInvariants() {
    mapLock.withReadLock {
      let version = currentVersion
      var counted = Version()
      let root = unsafe writer.pointee.tree.checkInvariants { record in
        Self.expect(record.start.isPageAligned && record.end.isPageAligned, "VMAs are page-aligned")
        Self.expect(record.end <= configuration.taskSize, "VMAs are in the task's addresses")
        counted.count(adding: record)
      }
      Self.expect(
        unsafe root.root == version.tree.root && root.height == version.tree.height
          && root.maximumEnd == version.tree.maximumEnd, "the tree is the current version")
      Self.expect(counted.mapCount == version.mapCount, "the version counts its VMAs")
      Self.expect(counted.pageCount == version.pageCount, "the version counts its pages")
      Self.expect(
        counted.dataPages == version.dataPages && counted.sharedPages == version.sharedPages
          && counted.filePages == version.filePages
          && counted.executablePages == version.executablePages
          && counted.writableExecutablePages == version.writableExecutablePages,
        "the version counts its pages by kind")
      Self.expect(version.generation % 2 == 0, "a generation is even")
      Self.expect(version.generation <= mapLock.sequence, "a generation was the counter's")
    }
  }

  private static func expect(_ condition: Bool, _ rule: String) {
    if !condition { fatalError("AddressSpace: invariant broken: \(rule)") }
  }

  /// Bytes of nodes: reserved from the system; in use by the current version; and retired, but not
  /// yet reusable.
  package var _poolBytes: (reserved: Int, live: Int, limbo: Int) {
    mapLock.withReadLock {
      let version = currentVersion
      let live =
        unsafe version.tree.root.map { unsafe Self.nodeBytes($0, level: version.tree.height) } ?? 0
      return unsafe (
        writer.pointee.tree.pool.reservedBytes, live, writer.pointee.tree.pool.limboBytes
      )
    }
  }

  private static func nodeBytes(_ node: UnsafeMutableRawPointer, level: Int) -> Int {
    if level == 0 {
      return NodeLayout.blockBytes(NodeLayout.leafClass)
        + NodeLayout.blockBytes(NodeLayout.payloadClass)
    }
    let inner = unsafe InnerNode(node)
    let bytes =
      NodeLayout.blockBytes(NodeLayout.innerClass) + NodeLayout.blockBytes(NodeLayout.boundsClass)
      + NodeLayout.blockBytes(NodeLayout.writerNodeClass)
    return (0..<inner.count).reduce(bytes) {
      unsafe $0 + nodeBytes(inner.child($1), level: level - 1)
    }
  }
}
