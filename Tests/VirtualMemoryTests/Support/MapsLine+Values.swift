// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import VirtualMemory

/// What a line says, in the library's terms.
extension MapsLine {
  init(_ result: QueryResult) {
    self.init(
      start: result.start, end: result.end,
      permissions: Permissions(
        isReadable: result.flags.contains(.readable),
        isWritable: result.flags.contains(.writable),
        isExecutable: result.flags.contains(.executable),
        isShared: result.flags.contains(.shared)))
    offset = result.offset
    major = result.device.major
    minor = result.device.minor
    inode = result.inode
  }

  var device: DeviceNumber { DeviceNumber(major: major, minor: minor) }

  var isShared: Bool { permissions.isShared }

  var protection: Protection {
    var result: Protection = []
    if permissions.isReadable { result.insert(.read) }
    if permissions.isWritable { result.insert(.write) }
    if permissions.isExecutable { result.insert(.execute) }
    return result
  }

  /// What a query may ask for.
  var flags: QueryFlags {
    var result: QueryFlags = []
    if permissions.isReadable { result.insert(.readable) }
    if permissions.isWritable { result.insert(.writable) }
    if permissions.isExecutable { result.insert(.executable) }
    if permissions.isShared { result.insert(.shared) }
    return result
  }
}
