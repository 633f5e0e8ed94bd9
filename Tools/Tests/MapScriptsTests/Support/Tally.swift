// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// How many scripts and operations were compared, and how the operations ended.
struct Tally: CustomStringConvertible {
  private(set) var scriptCount = 0
  private(set) var refusedCount = 0
  /// By operation, then by its result without numbers: `OK`, `OK OUTSIDE`, `ERR ENOMEM`.
  private var counts: [ScriptOperationKind: [String: Int]] = [:]

  var operationCount: Int { counts.values.reduce(0) { $0 + $1.values.reduce(0, +) } }

  mutating func add(_ script: MapScript, _ comparison: Comparison) {
    scriptCount += 1
    if comparison.refusedIndex != nil { refusedCount += 1 }
    let last = comparison.refusedIndex ?? comparison.difference?.index
    let end = last.map { $0 + 1 } ?? comparison.kernel.count
    for (operation, result) in zip(script.operations, comparison.kernel[..<end]) {
      counts[operation.kind, default: [:]][Self.outcome(operation, result), default: 0] += 1
    }
  }

  func count(of kind: ScriptOperationKind, _ outcome: String) -> Int {
    counts[kind]?[outcome] ?? 0
  }

  private static func outcome(_ operation: ScriptOperation, _ result: Substring) -> String {
    if case .dump = operation { return "OK" }
    return result.hasPrefix("OK ") && result != "OK OUTSIDE" ? "OK" : String(result)
  }

  var description: String {
    let lines = ScriptOperationKind.allCases.compactMap { kind -> String? in
      guard let outcomes = counts[kind] else { return nil }
      let parts = outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
        "\($0.value) \($0.key)"
      }
      return "  \(kind.rawValue): " + parts.joined(separator: ", ")
    }
    return """
      \(scriptCount) scripts with \(operationCount) operations compared with the kernel, \
      \(refusedCount) of them to a part
      \(lines.joined(separator: "\n"))
      """
  }
}
