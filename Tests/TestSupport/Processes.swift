// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Foundation

/// How a child process ended and what it wrote.
package struct ProcessResult: Sendable {
  package let status: Int32
  package let standardOutput: String
  package let standardError: String
}

/// Runs a program, found in `PATH` unless it is a path, and waits for its end.
package func runProcess(
  _ program: String, _ arguments: [String], environment: [String: String]? = nil
) throws -> ProcessResult {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program.contains("/") ? program : "/usr/bin/env")
  process.arguments = program.contains("/") ? arguments : [program] + arguments
  if let environment {
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  }
  let output = try OutputFile()
  let errors = try OutputFile()
  process.standardOutput = output.handle
  process.standardError = errors.handle
  process.standardInput = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  return ProcessResult(
    status: process.terminationStatus, standardOutput: try output.text(),
    standardError: try errors.text())
}

/// A temporary file for a child's output: unlike a pipe it can't fill up.
private struct OutputFile {
  let handle: FileHandle
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("swift-urcu-" + UUID().uuidString)
    try Data().write(to: url)
    handle = try FileHandle(forUpdating: url)
  }

  func text() throws -> String {
    defer { try? FileManager.default.removeItem(at: url) }
    try handle.close()
    return String(decoding: try Data(contentsOf: url), as: UTF8.self)
  }
}

/// Compiles C sources to a program with the compiler of the toolchain, or the system's.
package func compileC(
  source: String, to program: String, flags: [String] = []
) throws -> ProcessResult {
  let file = program + ".c"
  try source.write(toFile: file, atomically: true, encoding: .utf8)
  let arguments = ["-std=gnu11", "-O1", "-Wall", "-o", program, file] + flags
  for compiler in ["clang", "cc", "gcc"] {
    let result = try runProcess(compiler, arguments)
    // `env` ends with 127 for a program it can't find.
    if result.status != 127 { return result }
  }
  return ProcessResult(
    status: 127, standardOutput: "", standardError: "no C compiler: clang, cc or gcc")
}

/// A fresh folder that is removed after `body`.
package func withTemporaryDirectory<R>(_ body: (String) throws -> R) throws -> R {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("swift-urcu-" + UUID().uuidString, isDirectory: true)
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url.path)
}
