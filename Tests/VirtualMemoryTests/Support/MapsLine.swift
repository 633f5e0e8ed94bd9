// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

/// One line of the kernel's text, taken apart. Trusts it: for tests.
struct MapsLine: Hashable, CustomStringConvertible {
  var start: UInt64
  var end: UInt64
  /// As in the text: `rw-p`.
  var permissions: String
  var offset: UInt64
  var device: DeviceNumber
  var inode: UInt64
  var name: String

  init(_ line: some StringProtocol) {
    let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
    let range = fields[0].split(separator: "-").map { UInt64($0, radix: 16)! }
    let numbers = fields[3].split(separator: ":").map { UInt32($0, radix: 16)! }
    start = range[0]
    end = range[1]
    permissions = String(fields[1])
    offset = UInt64(fields[2], radix: 16)!
    device = DeviceNumber(major: numbers[0], minor: numbers[1])
    inode = UInt64(fields[4])!
    name = fields.count > 5 ? String(fields[5].drop { $0 == " " }) : ""
  }

  var protection: Protection {
    var result: Protection = []
    if permissions.contains("r") { result.insert(.read) }
    if permissions.contains("w") { result.insert(.write) }
    if permissions.contains("x") { result.insert(.execute) }
    return result
  }

  var isShared: Bool { permissions.hasSuffix("s") }

  static func parse(_ text: String) -> [MapsLine] {
    text.split(separator: "\n").map { MapsLine($0) }
  }

  var description: String {
    "\(String(start, radix: 16))-\(String(end, radix: 16)) \(permissions) "
      + "\(String(offset, radix: 16)) \(inode) \(name)"
  }
}
