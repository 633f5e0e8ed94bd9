// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory

/// One line of `/proc/PID/maps`, as it stands in the text.
public struct ProcMapsLine: Sendable, Hashable, Codable {
  /// The line's number, from 1.
  public var number: Int
  /// The first address.
  public var start: UInt64
  /// The address after the last one.
  public var end: UInt64
  /// The access allowed.
  public var protection: Protection
  /// Whether the line says `s`, not `p`.
  public var isShared: Bool
  /// Where the mapping starts in its file, in bytes.
  public var offset: UInt64
  /// The file's device; 0:0 without a file.
  public var device: DeviceNumber
  /// The file's inode; 0 without a file.
  public var inode: UInt64
  /// Where the name is in the text, in bytes; empty if there is none.
  public var nameRange: Range<Int>

  /// The addresses, ``start`` to ``end``.
  public var range: Range<UInt64> { start..<end }

  /// A line with these fields.
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

/// What is wrong with a text that should be that of `/proc/PID/maps`.
public struct ProcMapsError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// The byte in the line, from 1.
  public var column: Int
  /// What should be there, and the rule if there is one to break.
  public var expected: String
  /// What is there.
  public var found: String
  /// Whether the line is well-formed, but begins below the end of the line before. No kernel prints
  /// that of a map that stays as it is: the process changed its map while the text was made, and
  /// another reading may succeed.
  public var isOverlap: Bool

  /// An error with these fields.
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
