// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation

/// What the figures were measured on.
struct Machine: Encodable {
  var kernel: String
  var cores: Int
  var processor: String
  var liburcu: String
  /// A line for each known peer: its version, or that it was left out.
  var peers: [String]

  var text: String {
    """
    kernel: Linux \(kernel)
    cores: \(cores)
    processor: \(processor)
    liburcu: \(liburcu)
    \(peers.joined(separator: "\n"))
    """
  }

  static func current(peers: [String]) -> Machine {
    var names = utsname()
    uname(&names)
    let release = withUnsafeBytes(of: &names.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return Machine(
      kernel: release, cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)), processor: processorModel(),
      liburcu: liburcuVersion(), peers: peers)
  }

  private static func processorModel() -> String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let model = line?.split(separator: ":", maxSplits: 1).last
    return model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  }

  /// The version by pkg-config, and the file that is loaded, whose name has the version of the
  /// binary interface: the library itself doesn't tell.
  private static func liburcuVersion() -> String {
    var parts: [String] = []
    if let version = output(of: ["pkg-config", "--modversion", "liburcu-bp"]) {
      parts.append(version)
    }
    if let path = baselines_liburcu_path() {
      let file = URL(fileURLWithPath: String(cString: path)).resolvingSymlinksInPath()
      parts.append("(\(file.lastPathComponent))")
    }
    return parts.isEmpty ? "unknown" : parts.joined(separator: " ")
  }

  private static func output(of command: [String]) -> String? {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
