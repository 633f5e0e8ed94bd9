// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Foundation
internal import Glibc

/// How a child process ended and what it wrote.
package struct ProcessResult: Sendable {
  package let status: Int32
  package let standardOutput: String
  package let standardError: String
}

/// Runs a program, found in `PATH` unless it is a path, and waits for its end.
///
/// Not by Foundation's `Process`: it learns of the end when all copies of a socket are closed, and
/// a child that another test forks meanwhile keeps one for as long as it lives.
///
/// - Returns: as its status what it exited with; 128 and the signal if one ended it.
package func runProcess(
  _ program: String, _ arguments: [String], environment: [String: String]? = nil
) throws -> ProcessResult {
  let output = try OutputFile()
  let errors = try OutputFile()
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  unsafe posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY, 0)
  unsafe posix_spawn_file_actions_addopen(&actions, 2, errors.path, O_WRONLY, 0)
  let variables = ProcessInfo.processInfo.environment.merging(environment ?? [:]) { $1 }
  let words = CStrings([program] + arguments)
  let settings = CStrings(variables.map { "\($0.key)=\($0.value)" })
  var child: pid_t = 0
  let error = unsafe posix_spawnp(
    &child, program, &actions, nil, words.pointers, settings.pointers)
  withExtendedLifetime((words, settings)) {}
  guard error == 0 else {
    throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EINVAL)
  }
  var status: Int32 = 0
  while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
  let signal = status & 0x7f
  return ProcessResult(
    status: signal == 0 ? status >> 8 & 0xff : 128 + signal, standardOutput: try output.text(),
    standardError: try errors.text())
}

/// An array of C strings that ends with NULL.
@safe
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    unsafe pointers = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() {
      unsafe (pointers + index).initialize(to: strdup(string))
    }
    unsafe (pointers + strings.count).initialize(to: nil)
  }

  deinit {
    for index in 0..<count { unsafe free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}

/// A temporary file for a child's output: unlike a pipe it can't fill up.
private struct OutputFile {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("swift-urcu-" + UUID().uuidString).path
    try Data().write(to: URL(fileURLWithPath: path))
  }

  func text() throws -> String {
    defer { try? FileManager.default.removeItem(atPath: path) }
    return String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
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
