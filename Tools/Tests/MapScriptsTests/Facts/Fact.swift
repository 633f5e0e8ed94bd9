// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing
import MapScripts

/// Something that Linux does, as a script that shows it.
///
/// The script's addresses are those of a window at 0x100000: page 0 is at 0x100000, page 16 at
/// 0x110000. What stands behind `#=` is the result that the line must have. That of a dump is
/// written short: `0-3 rw-p` for pages 0, 1 and 2; a file's name and page follow: `4-5 r--s A@1`;
/// or `[heap]`.
///
/// A fact holds on every machine, or on those of the kind that its script names: then the kernel is
/// asked where it is of that kind.
struct Fact: Sendable, CustomTestStringConvertible {
  /// The machines that a fact is about.
  enum Machine: Sendable {
    case any
    case withExecuteOnlyKeys
    case withoutExecuteOnlyKeys
  }

  var name: String
  var machine: Machine
  var text: String

  init(
    _ name: String, on machine: Machine = .any, window: String = "window 0x100000 0x40000",
    _ text: String
  ) {
    self.name = name
    self.machine = machine
    self.text = window + "\n" + text
  }

  var testDescription: String { name }

  /// Performs the script on both sides, and compares what they say with each other and with what
  /// the script expects.
  func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
    var script = try MapScript(parsing: text)
    let expected = expectations(script)
    for hasKeys in [false, true] where holds(withKeys: hasKeys) {
      script.hasExecuteOnlyKeys = hasKeys
      check(modelResults(script), expected, script, "the model", sourceLocation)
    }
    guard KernelSide.canJudge, holds(withKeys: KernelSide.hasExecuteOnlyKeys) else { return }
    script.hasExecuteOnlyKeys = KernelSide.hasExecuteOnlyKeys
    let comparison = try compare(script)
    #expect(comparison.refusedIndex == nil, sourceLocation: sourceLocation)
    check(comparison.kernel, expected, script, "the kernel", sourceLocation)
    if let difference = comparison.difference {
      Issue.record("\(name):\n\(difference)", sourceLocation: sourceLocation)
    }
  }

  private func holds(withKeys hasKeys: Bool) -> Bool {
    switch machine {
    case .any: true
    case .withExecuteOnlyKeys: hasKeys
    case .withoutExecuteOnlyKeys: !hasKeys
    }
  }

  /// What the script says about the result of each operation, if it does.
  private func expectations(_ script: MapScript) -> [String?] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return script.lineNumbers.map { number in
      let parts = lines[number - 1].split(separator: "#= ", maxSplits: 1)
      return parts.count == 2 ? String(parts[1]) : nil
    }
  }

  private func check(
    _ results: Results, _ expected: [String?], _ script: MapScript, _ side: String,
    _ sourceLocation: SourceLocation
  ) {
    for (index, operation) in script.operations.enumerated() {
      guard let text = expected[index] else { continue }
      let result = index < results.count ? results[index] : "nothing"
      let short = operation == .dump ? Self.short(result, script.window.base) : String(result)
      if short != text {
        Issue.record(
          "\(name): \(side), line \(script.lineNumbers[index]): \(operation): \(short), not \(text)",
          sourceLocation: sourceLocation)
      }
    }
  }

  /// A dump as the scripts write it.
  private static func short(_ dump: Substring, _ base: UInt64) -> String {
    let lines = dump.split(separator: "\n").dropLast().map { line -> String in
      let line = MapsLine(line)
      let pages = [line.start, line.end].map { (Int64($0) - Int64(base)) / 4096 }
      let short = "\(pages[0])-\(pages[1]) \(line.permissions)"
      if line.name.isEmpty { return short }
      guard let file = line.name.split(separator: "/").last, line.name.hasPrefix("/") else {
        return "\(short) \(line.name)"
      }
      let name = line.name == "/dev/zero (deleted)" ? "shm" : file
      return "\(short) \(name)@\(line.offset / 4096)"
    }
    return lines.isEmpty ? "nothing" : lines.joined(separator: ", ")
  }
}
