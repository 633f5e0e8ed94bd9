// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import TestSupport
import VirtualMemory

/// A process that does nothing and is stopped, with its text.
final class StoppedChild {
  private let process: StoppedProcess
  /// The kernel's text.
  let text: String
  let lines: [MapsLine]

  init() throws {
    process = try StoppedProcess()
    text = Self.contents(Self.path(process.processID, "maps"))
    lines = MapsLine.parse(text)
  }

  /// A descriptor of its `/proc/PID/maps`; the caller closes it.
  func openMaps() -> Int32 {
    let descriptor = unsafe open(Self.path(process.processID, "maps"), O_RDONLY)
    precondition(descriptor >= 0, "StoppedChild: no maps")
    return descriptor
  }

  /// Its address space as a model.
  ///
  /// - Parameter buildID: of the file that is mapped at an address.
  func model(buildID: (UInt64) -> [UInt8] = { _ in [] }) -> AddressSpace {
    var layout = ImportedLayout()
    let fields = Self.fields(process.processID)
    // Fields 28 and 47 of the manual page, which counts from 1 and has two before these.
    layout.stackStart = UInt64(fields[25])
    if let heap = lines.first(where: { $0.name == "[heap]" }) {
      layout.breakRange = UInt64(fields[44])!..<heap.end
    }
    layout.gateProtection = lines.first { $0.name == "[vsyscall]" }?.protection
    var files: [String: MappedFile] = [:]
    let mappings = lines.filter { $0.name != "[vsyscall]" }.map { line in
      var source = ImportedMapping.Source.anonymous
      if line.name.hasPrefix("/") {
        let file =
          files[line.name]
          ?? MappedFile(
            path: line.name, device: line.device, inode: line.inode, buildID: buildID(line.start))
        files[line.name] = file
        source = .file(file, offset: line.offset)
      } else if line.name.hasPrefix("[anon:") {
        source = .namedAnonymous(Array(line.name.dropFirst(6).dropLast().utf8))
      } else if line.name.hasPrefix("[v") {
        source = .special(Array(line.name.utf8))
      }
      return ImportedMapping(
        start: line.start, end: line.end, protection: line.protection, isShared: line.isShared,
        growsDown: line.name == "[stack]", source: source)
    }
    return AddressSpace(importing: mappings, layout: layout)
  }

  /// The fields of `stat` from the state on.
  private static func fields(_ pid: Int32) -> [Substring] {
    let stat = contents(path(pid, "stat"))
    return stat[stat.index(stat.lastIndex(of: ")")!, offsetBy: 2)...].split(separator: " ")
  }

  private static func path(_ pid: Int32, _ name: String) -> String { "/proc/\(pid)/\(name)" }

  private static func contents(_ path: String) -> String {
    String(decoding: contentsOfFile(path), as: UTF8.self)
  }
}
