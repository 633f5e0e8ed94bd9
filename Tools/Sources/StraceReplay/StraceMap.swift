// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ProcessMaps
internal import VirtualMemory

/// The map of a process at a moment that a trace can't show, as the kernel prints it.
public struct StraceMap: Sendable {
  /// When it was read.
  public enum Moment: Sendable, Hashable {
    /// When `execve` has made it, before the new program does anything.
    case start
    /// When the process calls `exit_group`.
    case end
  }

  /// The thread that called `execve` or `exit_group`.
  public var threadID: Int32
  public var moment: Moment
  /// The line of the trace that was the last one then; `nil` if it is the thread's only map of this
  /// moment.
  public var line: Int?
  /// The text of `/proc/PID/maps`.
  public var text: [UInt8]

  public init(threadID: Int32, moment: Moment, line: Int? = nil, text: [UInt8]) {
    self.threadID = threadID
    self.moment = moment
    self.line = line
    self.text = text
  }
}

/// What `strace` wrote, and the maps that go with it.
public struct StraceRecording: Sendable {
  /// The text of the trace.
  public var trace: [UInt8]
  /// In the order of their moments.
  public var maps: [StraceMap]
  /// The page faults, if they are known; then the trace has times as of `strace -ttt`.
  public var faults: [StraceFault]?
  /// Whether the machine has protection keys, which forbid populating memory that is only
  /// executable.
  public var hasProtectionKeys: Bool

  public init(
    trace: [UInt8], maps: [StraceMap], faults: [StraceFault]? = nil,
    hasProtectionKeys: Bool = false
  ) {
    self.trace = trace
    self.maps = maps
    self.faults = faults
    self.hasProtectionKeys = hasProtectionKeys
  }
}

/// A process's map at its end: the kernel's and the replay's.
public struct StraceComparison: Sendable {
  /// The process, by the number of its first thread.
  public var processID: Int32
  /// What `execve` was called with.
  public var program: String
  /// The kernel's text, but that the inode of shared anonymous memory is 0: the kernel counts them
  /// for all processes together.
  public var kernelText: [UInt8]
  /// The text of the `AddressSpace`, changed in the same way.
  public var modelText: [UInt8]
  /// Calls of other threads of the process between the moment of the kernel's text and the end.
  public internal(set) var lateCallCount = 0

  public var isEqual: Bool { kernelText == modelText }

  /// Whether the texts are equal when neighbours that look like one mapping are taken for one: what
  /// is left of equality when page faults are only assumed.
  public var isEqualButForSplits: Bool { Self.joined(kernelText) == Self.joined(modelText) }

  /// Lines of one text that the other doesn't have: `-` the kernel's, `+` the replay's.
  public var differences: [String] {
    let kernel = kernelText.split(separator: UInt8(ascii: "\n"))
    let model = modelText.split(separator: UInt8(ascii: "\n"))
    var lines: [String] = []
    for change in model.difference(from: kernel) {
      switch change {
      case .remove(_, let line, _): lines.append("- " + String(decoding: line, as: UTF8.self))
      case .insert(_, let line, _): lines.append("+ " + String(decoding: line, as: UTF8.self))
      }
    }
    return lines.sorted { $0.dropFirst(2) < $1.dropFirst(2) }
  }

  /// Neighbouring lines that look like one mapping, as one.
  private struct JoinedLine: Equatable {
    var line: ProcMapsLine
    var name: ArraySlice<UInt8>

    func continues(in next: JoinedLine) -> Bool {
      line.end == next.line.start && line.protection == next.line.protection
        && line.isShared == next.line.isShared && line.device == next.line.device
        && line.inode == next.line.inode && name == next.name
        && (line.inode == 0 || line.offset + (line.end - line.start) == next.line.offset)
    }
  }

  private static func joined(_ text: [UInt8]) -> [JoinedLine] {
    var joined: [JoinedLine] = []
    for line in (try? ProcMapsParser.parse(text)) ?? [] {
      var next = JoinedLine(line: line, name: text[line.nameRange])
      if let last = joined.last, last.continues(in: next) {
        joined[joined.count - 1].line.end = line.end
      } else {
        // Where in the text it stands doesn't count.
        next.line.number = 0
        next.line.nameRange = 0..<0
        joined.append(next)
      }
    }
    return joined
  }

  /// The text with the inodes of shared anonymous memory replaced by 0.
  static func normalized(_ text: [UInt8]) -> [UInt8] {
    let ending = " /dev/zero (deleted)".utf8
    var result: [UInt8] = []
    for line in text.split(separator: UInt8(ascii: "\n")) {
      if line.suffix(ending.count).elementsEqual(ending) {
        // The fifth field is the inode.
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 4)
        result += fields.prefix(4).joined(separator: [UInt8(ascii: " ")])
        result += " 0".utf8
        result += ending
      } else {
        result += line
      }
      result.append(UInt8(ascii: "\n"))
    }
    return result
  }
}

/// What traces don't tell of files: the device and the inode.
public struct StraceFiles: Sendable {
  struct Identity: Sendable {
    var device: DeviceNumber
    var inode: UInt64
    var usesHugePages: Bool
  }

  private var identities: [[UInt8]: Identity] = [:]
  /// Whether mappings of the files of a device are aligned to huge pages.
  private var devices: [DeviceNumber: Bool] = [:]
  private let usesFileSystem: Bool

  /// Takes what `maps` say, in any of which a file may be named; and asks the file system for
  /// others.
  ///
  /// - Parameter usesFileSystem: whether to ask. Not for a trace of another machine.
  public init(namedIn maps: [StraceMap], usesFileSystem: Bool = true) {
    self.usesFileSystem = usesFileSystem
    if usesFileSystem { devices = Self.mountedDevices() }
    for map in maps {
      // A map that can't be read is reported when it is replayed.
      for line in (try? ProcMapsParser.parse(map.text)) ?? [] where line.inode != 0 {
        identities[Array(map.text[line.nameRange])] = Identity(
          device: line.device, inode: line.inode, usesHugePages: usesHugePages(line.device))
      }
    }
  }

  /// The identity of `file`; all zeros if nobody knows it.
  func identity(of file: StraceFile) -> Identity {
    let name = Self.escaped(file.path) + (file.isDeleted ? Array(" (deleted)".utf8) : [])
    if let identity = identities[name] { return identity }
    if usesFileSystem, !file.isDeleted, let (device, inode) = FileStatus.read(file.path) {
      return Identity(device: device, inode: inode, usesHugePages: usesHugePages(device))
    }
    return Identity(
      device: DeviceNumber(major: 0, minor: 0), inode: 0, usesHugePages: true)
  }

  /// The path as the text of a map has it.
  private static func escaped(_ path: [UInt8]) -> [UInt8] {
    path.flatMap { $0 == UInt8(ascii: "\n") ? Array("\\012".utf8) : [$0] }
  }

  /// What is known of no mount counts as a usual file system of disks.
  private func usesHugePages(_ device: DeviceNumber) -> Bool { devices[device] ?? true }

  private static func mountedDevices() -> [DeviceNumber: Bool] {
    var devices: [DeviceNumber: Bool] = [:]
    let text = String(decoding: FileStatus.contents("/proc/self/mountinfo"), as: UTF8.self)
    for line in text.split(separator: "\n") {
      // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS … - TYPE …
      let fields = line.split(separator: " ")
      let numbers = fields.dropFirst(2).first?.split(separator: ":") ?? []
      guard numbers.count == 2, let major = UInt32(numbers[0]), let minor = UInt32(numbers[1]),
        let separator = fields.firstIndex(of: "-"), separator + 1 < fields.endIndex
      else { continue }
      devices[DeviceNumber(major: major, minor: minor)] =
        ["ext4", "xfs", "btrfs"].contains(fields[separator + 1])
    }
    return devices
  }
}
