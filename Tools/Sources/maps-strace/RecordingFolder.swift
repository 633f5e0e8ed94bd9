// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import StraceReplay

/// A recording as files of a folder: `trace`; `THREAD-LINE-start.maps` and `THREAD-LINE-end.maps`;
/// `faults`, with time, thread and address on each line; and `machine`, whose only line is
/// `execute-only-keys`, if the machine has protection keys.
struct RecordingFolder {
  let path: String

  func write(_ recording: StraceRecording) throws {
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(recording.trace).write(to: folder.appendingPathComponent("trace"))
    for map in recording.maps {
      let name = "\(map.threadID)-\(map.line ?? 0)-\(map.moment == .start ? "start" : "end").maps"
      try Data(map.text).write(to: folder.appendingPathComponent(name))
    }
    if recording.hasProtectionKeys {
      try Data((Self.keysLine + "\n").utf8).write(to: folder.appendingPathComponent("machine"))
    }
    guard let faults = recording.faults else { return }
    let lines = faults.sorted { $0.time < $1.time }.map { fault in
      "\(fault.time) \(fault.threadID) 0x\(String(fault.address, radix: 16))\n"
    }
    try Data(lines.joined().utf8).write(to: folder.appendingPathComponent("faults"))
  }

  private static let keysLine = "execute-only-keys"

  func read() throws -> StraceRecording {
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    let trace = try Data(contentsOf: folder.appendingPathComponent("trace"))
    var recording = StraceRecording(trace: Array(trace), maps: [])
    for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
      let url = folder.appendingPathComponent(name)
      if name == "faults" {
        recording.faults = try faults(String(contentsOf: url, encoding: .utf8))
      }
      if name == "machine" { recording.hasProtectionKeys = try keys(in: url) }
      let fields = name.split { $0 == "-" || $0 == "." }
      guard fields.count == 4, fields[3] == "maps", let threadID = Int32(fields[0]),
        let line = Int(fields[1])
      else { continue }
      recording.maps.append(
        StraceMap(
          threadID: threadID, moment: fields[2] == "start" ? .start : .end, line: line,
          text: Array(try Data(contentsOf: url))))
    }
    recording.maps.sort { ($0.line ?? 0) < ($1.line ?? 0) }
    return recording
  }

  private func keys(in url: URL) throws -> Bool {
    let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
    for (index, line) in lines.enumerated() where line != Self.keysLine {
      throw StraceError(line: index + 1, value: String(line), rule: .machine)
    }
    return !lines.isEmpty
  }

  private func faults(_ text: String) throws -> [StraceFault] {
    try text.split(separator: "\n").enumerated().map { index, line in
      let fields = line.split(separator: " ")
      guard fields.count == 3, let time = UInt64(fields[0]), let threadID = Int32(fields[1]),
        let address = UInt64(fields[2].dropFirst(2), radix: 16)
      else { throw StraceError(line: index + 1, value: String(line), rule: .number) }
      return StraceFault(time: time, threadID: threadID, address: address)
    }
  }

  /// A trace that is a file of its own, with the maps of its first process.
  static func read(trace: String, initial: String?, final: String?) throws -> StraceRecording {
    let text = try Data(contentsOf: URL(fileURLWithPath: trace))
    let calls = try StraceTrace(parsing: text).calls
    var recording = StraceRecording(trace: Array(text), maps: [])
    for (path, moment) in [(initial, StraceMap.Moment.start), (final, .end)] {
      guard let path, let first = calls.first else { continue }
      recording.maps.append(
        StraceMap(
          threadID: first.threadID, moment: moment,
          text: Array(try Data(contentsOf: URL(fileURLWithPath: path)))))
    }
    return recording
  }
}
