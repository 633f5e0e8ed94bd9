// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

/// Where the pages of a mapping come from.
public enum Backing: Sendable, Hashable {
  /// Zeroed memory: `MAP_ANONYMOUS`.
  case anonymous
  /// A file, from an offset in bytes, which must be a multiple of the page.
  case file(MappedFile, offset: UInt64 = 0)
}

/// An open file, as mappings see it: the kernel's `struct file` with its path.
///
/// Two mappings merge only if they have the same `MappedFile`, since opening a path twice gives two
/// files. Immutable; shared by any number of mappings and address spaces.
///
/// - Threads: any.
@safe
public final class MappedFile: Sendable {
  let object: MapObject

  /// A path is shorter than this, in bytes. Programs can't use paths from `PATH_MAX`, 4,096, on,
  /// but they exist, by steps through deep folders, and the kernel's text has all of them.
  package static var maximumPathBytes: Int { 1 << 16 }

  /// What the descriptor was opened for.
  public enum Access: Sendable, Hashable, Codable {
    /// `O_RDONLY`: a shared mapping can't be made writable.
    case readOnly
    /// `O_RDWR`.
    case readWrite
    /// `O_WRONLY`: can't be mapped at all.
    case writeOnly
  }

  /// Describes a file.
  ///
  /// - Parameters:
  ///   - path: the path as bytes, not necessarily UTF-8, without NUL; at most 65,535 of them.
  ///     A query's answer has room for 4,095.
  ///   - device: the device of the file system.
  ///   - inode: the inode number.
  ///   - access: what the file was opened for.
  ///   - isDeleted: whether it has been unlinked; the text then shows ` (deleted)` after the path.
  ///   - buildID: the build ID of an ELF file, at most 20 bytes; empty if there is none.
  ///   - byteCount: the size of the file in bytes. Pages behind its end can't be used.
  ///   - usesHugePages: whether long mappings are aligned to huge pages, as for the common file
  ///     systems of disks (ext4, xfs, btrfs), but not for tmpfs and overlayfs.
  /// - Precondition: the path and the build ID are as described.
  /// - Complexity: O(length of the path).
  public init(
    path: some Collection<UInt8>, device: DeviceNumber, inode: UInt64,
    access: Access = .readWrite, isDeleted: Bool = false, buildID: [UInt8] = [],
    byteCount: UInt64 = .max, usesHugePages: Bool = true
  ) {
    require(path.count < Self.maximumPathBytes, "MappedFile: a path must have at most 65,535 bytes")
    require(!path.contains(0), "MappedFile: a path must not contain NUL")
    require(buildID.count <= 20, "MappedFile: a build ID must have at most 20 bytes")
    var name = Array(path)
    if isDeleted { name += " (deleted)".utf8 }
    object = MapObject(
      kind: .file, device: device, inode: inode, name: name, access: access, buildID: buildID,
      usesHugePages: usesHugePages, byteCount: byteCount)
  }

  /// Describes a file whose path is a string.
  ///
  /// - Parameters and precondition: as for the initialiser that takes the path's bytes.
  public convenience init(
    path: String, device: DeviceNumber, inode: UInt64, access: Access = .readWrite,
    isDeleted: Bool = false, buildID: [UInt8] = [], byteCount: UInt64 = .max,
    usesHugePages: Bool = true
  ) {
    self.init(
      path: path.utf8, device: device, inode: inode, access: access, isDeleted: isDeleted,
      buildID: buildID, byteCount: byteCount, usesHugePages: usesHugePages)
  }

  deinit { object.release() }
}

/// Two files are equal if they are the same object, since mappings compare them by identity.
extension MappedFile: Hashable {
  public static func == (left: MappedFile, right: MappedFile) -> Bool { left === right }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
