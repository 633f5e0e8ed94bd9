// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What `docc` found, from the file that its option `--diagnostics-file` names.
public struct DocCDiagnostics: Sendable, Decodable {
  var diagnostics: [Diagnostic]

  struct Diagnostic: Sendable, Decodable {
    var severity: String
  }

  /// How many errors and warnings there are.
  public var warningCount: Int {
    diagnostics.count { $0.severity == "warning" || $0.severity == "error" }
  }
}
