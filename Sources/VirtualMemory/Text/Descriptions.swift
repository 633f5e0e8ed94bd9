// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// How values are printed: as in `/proc/PID/maps` if they appear there; flags as words.

extension VMA: CustomStringConvertible {
  /// The line of the text without its newline. Anything in the name that isn't UTF-8 is replaced.
  public var description: String {
    let header = MapsText.header(
      start, end, MapsText.permissions(protection, isShared: isShared), offset, device, inode)
    guard !name.isEmpty else { return header }
    let padding = MapsText.paddingCount(headerCount: header.utf8.count)
    return header + String(repeating: " ", count: padding) + nameString
  }
}

extension QueryResult: CustomStringConvertible {
  /// The line of the text without its name, and the generation.
  public var description: String {
    let access = Protection(rawValue: UInt32(truncatingIfNeeded: flags.rawValue & 7))
    let permissions = MapsText.permissions(access, isShared: flags.contains(.shared))
    return MapsText.header(start, end, permissions, offset, device, inode)
      + "generation \(generation)"
  }
}

extension NamedQueryResult: CustomStringConvertible {
  /// The line of the text, the build ID, and the generation.
  public var description: String {
    let name = String(decoding: MapsText.escapingNewlines(name), as: UTF8.self)
    let digits = buildID.map { MapsText.padded($0, 2) }.joined()
    return "\(result)" + (name.isEmpty ? "" : " “\(name)”")
      + (digits.isEmpty ? "" : " build id \(digits)")
  }
}

extension MapsDifference.Change: CustomStringConvertible {
  /// Lines of the text: after `- ` what the older version has, after `+ ` what the newer one has.
  public var description: String {
    switch self {
    case .removed(let vma): "- \(vma)"
    case .added(let vma): "+ \(vma)"
    case .changed(let old, let new): "- \(old)\n+ \(new)"
    }
  }
}

extension DeviceNumber: CustomStringConvertible {
  /// As in the text: `08:01`.
  public var description: String { "\(MapsText.padded(major, 2)):\(MapsText.padded(minor, 2))" }
}

extension MapsText {
  /// A line up to the space after the inode.
  fileprivate static func header(
    _ start: UInt64, _ end: UInt64, _ permissions: String, _ offset: UInt64,
    _ device: DeviceNumber, _ inode: UInt64
  ) -> String {
    "\(padded(start, 8))-\(padded(end, 8)) \(permissions) \(padded(offset, 8)) \(device) \(inode) "
  }

  fileprivate static func permissions(_ protection: Protection, isShared: Bool) -> String {
    (protection.contains(.read) ? "r" : "-") + (protection.contains(.write) ? "w" : "-")
      + (protection.contains(.execute) ? "x" : "-") + (isShared ? "s" : "p")
  }

  fileprivate static func padded(_ value: some UnsignedInteger, _ minimumDigits: Int) -> String {
    String(decoding: hex(UInt64(value), minimumDigits: minimumDigits), as: UTF8.self)
  }
}

// MARK: - Flags

extension Protection: CustomStringConvertible {
  public var description: String {
    describe([
      (.read, "read"), (.write, "write"), (.execute, "execute"),
      (.atomicOperations, "atomicOperations"), (.growsDown, "growsDown"), (.growsUp, "growsUp"),
    ])
  }
}

extension MapFlags: CustomStringConvertible {
  public var description: String {
    describe([
      (.low2GiB, "low2GiB"), (.above4GiB, "above4GiB"), (.growsDown, "growsDown"),
      (.locked, "locked"), (.noReserve, "noReserve"), (.populate, "populate"),
      (.nonBlock, "nonBlock"), (.stack, "stack"), (.sync, "sync"),
    ])
  }
}

extension MmapFlags: CustomStringConvertible {
  public var description: String {
    describe([
      (.sharedValidate, "sharedValidate"), (.shared, "shared"), (.private, "private"),
      (.droppable, "droppable"), (.fixed, "fixed"), (.anonymous, "anonymous"),
      (.low2GiB, "low2GiB"),
      (.above4GiB, "above4GiB"), (.growsDown, "growsDown"), (.locked, "locked"),
      (.noReserve, "noReserve"), (.populate, "populate"), (.nonBlock, "nonBlock"),
      (.stack, "stack"), (.sync, "sync"), (.fixedNoReplace, "fixedNoReplace"),
    ])
  }
}

extension RemapFlags: CustomStringConvertible {
  public var description: String {
    describe([(.mayMove, "mayMove"), (.fixed, "fixed"), (.dontUnmap, "dontUnmap")])
  }
}

extension QueryFlags: CustomStringConvertible {
  public var description: String {
    describe([
      (.readable, "readable"), (.writable, "writable"), (.executable, "executable"),
      (.shared, "shared"), (.coveringOrNext, "coveringOrNext"), (.fileBacked, "fileBacked"),
    ])
  }
}

extension OptionSet where RawValue: FixedWidthInteger, Element == Self {
  /// The names of the flags in the set; flags without a name as a number.
  fileprivate func describe(_ names: [(Self, String)]) -> String {
    var rest = self
    var words: [String] = []
    for (flag, name) in names where rest.isSuperset(of: flag) {
      words.append("." + name)
      rest.subtract(flag)
    }
    if rest.rawValue != 0 { words.append("0x" + String(rest.rawValue, radix: 16)) }
    return "[" + words.joined(separator: ", ") + "]"
  }
}

extension Advice: CustomStringConvertible {
  public var description: String {
    let names: [Int32: String] = [
      0: "normal", 1: "random", 2: "sequential", 3: "willNeed", 4: "dontNeed", 8: "free",
      10: "dontFork", 11: "doFork", 12: "mergeable", 13: "unmergeable", 14: "hugePage",
      15: "noHugePage", 16: "dontDump", 17: "doDump", 18: "wipeOnFork", 19: "keepOnFork",
      20: "cold", 21: "pageOut", 22: "populateRead", 23: "populateWrite", 24: "dontNeedLocked",
    ]
    return names[rawValue].map { "." + $0 } ?? "Advice(\(rawValue))"
  }
}
