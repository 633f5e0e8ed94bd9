// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import MapScripts

/// A script with the answers that a kernel gave to it, on a machine that may be of another kind
/// than this one.
///
/// As text it is the script, with each operation's answer in comments behind it, line by line:
///
/// ```
/// mlock 0x100000 0x1000
/// #= ERR ENOMEM
/// ```
///
/// A file has many, each of which starts with its `window` line.
struct RecordedScript: Sendable, CustomStringConvertible {
  var name: String
  var script: MapScript
  /// By operation.
  var answers: [String]

  var description: String { name }

  var text: String {
    let lines = script.description.split(separator: "\n").map(String.init)
    let headerCount = lines.count - script.operations.count
    var text = lines[..<headerCount].map { $0 + "\n" }.joined()
    for (line, answer) in zip(lines[headerCount...], answers) {
      text += line + "\n"
      for part in answer.split(separator: "\n") { text += Self.mark + part + "\n" }
    }
    return text
  }

  private static let mark = "#= "

  /// The recordings of a file in the folder `Recorded`.
  static func load(_ name: String) throws -> [RecordedScript] {
    let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    var scripts: [[Substring]] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("# ") {
      if line.hasPrefix("window ") { scripts.append([]) }
      scripts[scripts.count - 1].append(line)
    }
    return try scripts.enumerated().map { index, lines in
      try RecordedScript(name: "\(name) \(index + 1)", lines)
    }
  }

  static let folder =
    ((#filePath as NSString).deletingLastPathComponent as NSString)
    .appendingPathComponent("../Recorded")

  init(name: String, script: MapScript, answers: [String]) {
    self.name = name
    self.script = script
    self.answers = answers
  }

  private init(name: String, _ lines: [Substring]) throws {
    self.name = name
    script = try MapScript(parsing: lines.joined(separator: "\n"))
    answers = script.lineNumbers.map { number in
      lines[number...].prefix { $0.hasPrefix(Self.mark) }
        .map { $0.dropFirst(Self.mark.count) }.joined(separator: "\n")
    }
  }
}
