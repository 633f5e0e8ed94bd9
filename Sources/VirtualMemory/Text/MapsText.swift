// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The parts of a line of `/proc/PID/maps` that are rendered once per object instead of once per
/// dump.
///
/// `start-end perms offset major:minor inode␠[padding name]\n`. The header, up to the space after
/// the inode, is padded to column 72; another space and the name follow. A header that is already
/// that long is followed by just the space.
enum MapsText {
  /// The 0-based column where a name starts if the header leaves room.
  static let nameColumn = 73
  /// The number of columns before the device, for addresses of 12 digits and an offset of 8:
  /// `7f0000000000-7f0000001000 r--p 00000000 `.
  static let usualPrefixCount = 40

  /// `major:minor inode␠`
  static func deviceInode(device: DeviceNumber, inode: UInt64) -> [UInt8] {
    var bytes = hex(UInt64(device.major), minimumDigits: 2)
    bytes.append(UInt8(ascii: ":"))
    bytes += hex(UInt64(device.minor), minimumDigits: 2)
    bytes.append(UInt8(ascii: " "))
    bytes += String(inode).utf8
    bytes.append(UInt8(ascii: " "))
    return bytes
  }

  /// What follows a prefix of `prefixCount` columns: device, inode, padding, name, newline.
  static func tail(prefixCount: Int, deviceInode: [UInt8], name: [UInt8]) -> [UInt8] {
    var bytes = deviceInode
    if !name.isEmpty {
      let padding = paddingCount(headerCount: prefixCount + deviceInode.count)
      bytes += [UInt8](repeating: UInt8(ascii: " "), count: padding)
      bytes += name
    }
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  /// The number of spaces between a header of `headerCount` columns and the name.
  static func paddingCount(headerCount: Int) -> Int { max(1, nameColumn - headerCount) }

  /// Shows a newline in a path as `\012`; nothing else is escaped.
  static func escapingNewlines(_ name: [UInt8]) -> [UInt8] {
    guard name.contains(UInt8(ascii: "\n")) else { return name }
    return name.flatMap { $0 == UInt8(ascii: "\n") ? Array("\\012".utf8) : [$0] }
  }

  static func hex(_ value: UInt64, minimumDigits: Int) -> [UInt8] {
    let digits = Array(String(value, radix: 16).utf8)
    return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, minimumDigits - digits.count))
      + digits
  }
}
