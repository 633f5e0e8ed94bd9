// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory

/// One line of the text of `/proc/PID/maps`.
public struct ProcMapsLine: Sendable, Hashable, Codable {
  /// The line's number, counted from 1.
  public var number: Int
  /// The first address.
  public var start: UInt64
  /// The address after the last one.
  public var end: UInt64
  /// The access that is allowed.
  public var protection: Protection
  /// Whether the mapping is shared: `s` in the line, not `p`.
  public var isShared: Bool
  /// The offset in the file at which the mapping starts, in bytes.
  public var offset: UInt64
  /// The file's device; 0:0 if there is no file.
  public var device: DeviceNumber
  /// The file's inode; 0 if there is no file.
  public var inode: UInt64
  /// The bytes of the text that contain the name; empty if there is no name.
  public var nameRange: Range<Int>

  /// The addresses from ``start`` to ``end``.
  public var range: Range<UInt64> { start..<end }

  /// Creates a line with these fields.
  public init(
    number: Int, start: UInt64, end: UInt64, protection: Protection, isShared: Bool,
    offset: UInt64, device: DeviceNumber, inode: UInt64, nameRange: Range<Int>
  ) {
    self.number = number
    self.start = start
    self.end = end
    self.protection = protection
    self.isShared = isShared
    self.offset = offset
    self.device = device
    self.inode = inode
    self.nameRange = nameRange
  }
}

/// Describes what is wrong with a text that should be that of `/proc/PID/maps`.
public struct ProcMapsError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// The number of the line, counted from 1.
  public var line: Int
  /// The number of the byte in the line, counted from 1.
  public var column: Int
  /// What was expected there, with the rule that was broken, if any.
  public var expected: String
  /// What was found there.
  public var found: String
  /// Whether the line is well-formed, but begins below the end of the previous one. The kernel
  /// prints such a line only if the process changes its map while the text is produced, so another
  /// reading may succeed.
  public var isOverlap: Bool

  /// Creates an error with these fields.
  public init(line: Int, column: Int, expected: String, found: String, isOverlap: Bool = false) {
    self.isOverlap = isOverlap
    self.line = line
    self.column = column
    self.expected = expected
    self.found = found
  }

  public var description: String {
    "line \(line), column \(column): expected \(expected), found \(found)"
  }
}
