// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import Testing

/// A program that serves, as it was built with the tests. It ends with this object.
package final class ServerProgram {
  package let pid: pid_t
  package let folder: String
  package var socket: String { folder + "/http" }
  private var isReaped = false

  /// What it writes to standard error.
  private let errors: String
  package var output: String { (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "" }

  /// Starts a program.
  ///
  /// - Parameter usesSocket: whether it is told to listen on a Unix socket of its own.
  package init(_ name: String, _ arguments: [String] = [], usesSocket: Bool = true) throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("server-\(UUID().uuidString.prefix(8))").path
    errors = folder + "/errors"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = Self.path(of: name)
    let strings = [path] + arguments + (usesSocket ? ["--socket", folder + "/http"] : [])
    var words: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in 1...2 as ClosedRange<Int32> {
      posix_spawn_file_actions_addopen(
        &actions, stream, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The threads of tests block signals.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var child: pid_t = 0
    try #require(posix_spawn(&child, path, &actions, &attributes, &words, environ) == 0)
    pid = child
  }

  /// Where a program is.
  package static func path(of name: String) -> String {
    let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests ?? "").deletingLastPathComponent()
      .appendingPathComponent(name).path
  }

  /// Where it listens, if it doesn't on a socket; `nil` if it doesn't say so within a minute.
  package var address: String? {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if let match = output.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+)/) {
        return "http://127.0.0.1:\(match.1)/"
      }
      usleep(20_000)
    }
    return nil
  }

  deinit {
    if !isReaped {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  package var client: Client { Client(socket: socket) }
  package func connect() throws -> Connection { try client.connect() }
  package func get(_ path: String) throws -> Answer { try client.get(path) }

  package func end(_ signal: Int32 = SIGTERM) -> Int32 {
    kill(pid, signal)
    return waitForEnd()
  }

  package func waitForEnd() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    isReaped = true
    return status
  }

  package var residentBytes: Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8)) ?? ""
    let fields = text.split(separator: " ")
    return fields.count > 1 ? Int(fields[1])! * 4096 : 0
  }
}
