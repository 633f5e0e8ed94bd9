// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// What a command prints, which is found in `PATH`. Ends the program if it fails.
///
/// - Parameter input: what it reads.
func output(of command: [String], input: String = "") -> String {
  do {
    return try run(command, input)
  } catch {
    let name = command.joined(separator: " ")
    fail("\(name): \((error as? ToolFailure)?.text ?? error.localizedDescription)", code: 69)
  }
}

private struct ToolFailure: Error {
  var text: String
}

private func run(_ command: [String], _ input: String) throws -> String {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "check-machine-code-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  // Files: pipes to and from a process can fill up, each waiting for the other.
  let (inputFile, outputFile) = (folder.appending(path: "in"), folder.appending(path: "out"))
  try Data(input.utf8).write(to: inputFile)
  try Data().write(to: outputFile)
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = command
  process.standardInput = try FileHandle(forReadingFrom: inputFile)
  process.standardOutput = try FileHandle(forWritingTo: outputFile)
  try process.run()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw ToolFailure(text: "ended with \(process.terminationStatus)")
  }
  return String(decoding: try Data(contentsOf: outputFile), as: UTF8.self)
}
