// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Foundation
internal import TestSupport
package import Testing

/// An example program, as it was built with the running tests.
package struct ExampleProgram: Sendable {
  private let name: String

  package init(_ name: String) { self.name = name }

  /// Programs run one at a time: their threads want the processors for themselves.
  private static let lock = NSLock()

  /// Runs the program, and expects it to exit with `status`.
  ///
  /// - Parameter file: where its output goes while it runs.
  /// - Returns: its output unless that went to a file, then its errors.
  @discardableResult
  package func run(
    _ arguments: [String] = [], exits status: Int32 = 0, into file: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let result = try Self.lock.withLock {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let program = URL(fileURLWithPath: tests).deletingLastPathComponent()
        .appendingPathComponent(name).path
      guard let file else { return try runProcess(program, arguments) }
      let script = #"exec "$0" "${@:2}" >"$1""#
      return try runProcess("bash", ["-c", script, program, file] + arguments)
    }
    let output = result.standardOutput + result.standardError
    let command = ([name] + arguments).joined(separator: " ")
    #expect(
      result.status == status, "\(command) exited with \(result.status):\n\(output)",
      sourceLocation: sourceLocation)
    return output
  }
}

/// Expects a line of `output` in which `pattern` is found.
package func expectLine(
  _ pattern: String, in output: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let regex = try Regex(pattern)
  #expect(
    output.split(separator: "\n").contains { String($0).firstMatch(of: regex) != nil },
    "no line \(pattern) in:\n\(output)", sourceLocation: sourceLocation)
}
