// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

/// What mappings are added up by: the path of their file, or, without one, their name.
///
/// Files that have the same path are one owner: the kernel calls all shared anonymous memory
/// `/dev/zero (deleted)`, and what has been replaced by a new version of itself is marked as
/// deleted, too.
struct Owner: Hashable, Sendable {
  /// As the text shows it; empty for anonymous memory without a name.
  var name: [UInt8]
  var isFile: Bool

  init(name: [UInt8], isFile: Bool) {
    self.name = name
    self.isFile = isFile
  }

  init(_ vma: VMA) { self.init(name: vma.name, isFile: vma.isOfFile) }

  /// For a reader.
  var title: String { name.isEmpty ? "(anonymous)" : Harmless.text(name) }
}

/// How much more, or less, is mapped of an owner than at the start.
struct Growth: Hashable, Sendable {
  var owner: Owner
  /// Bytes mapped now, and how many more than at the start.
  var bytes: UInt64
  var addedBytes: Int64
  /// Mappings now, and how many more than at the start.
  var mappingCount: Int
  var addedMappings: Int
}
