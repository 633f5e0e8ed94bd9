// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import Testing

/// A running `maps-server`, which ends with this object.
final class ServerProgram {
  let pid: pid_t
  let folder: String
  var socket: String { folder + "/http" }
  private var isReaped = false

  /// What it writes to standard error.
  private let errors: String

  init(_ arguments: [String] = [], usesSocket: Bool = true) throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("maps-server-\(UUID().uuidString.prefix(8))").path
    errors = folder + "/errors"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let strings =
      [Self.path, "serve"] + (usesSocket ? ["--socket", folder + "/http"] : []) + arguments
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
    try #require(posix_spawn(&child, Self.path, &actions, &attributes, &words, environ) == 0)
    pid = child
  }

  /// The program as it was built with the tests.
  static var path: String {
    let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests ?? "").deletingLastPathComponent()
      .appendingPathComponent("maps-server").path
  }

  /// Where it listens, if it doesn't on a socket; `nil` if it doesn't say so within a minute.
  var address: String? {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      let text = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
      if let match = text.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+)/) {
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

  var client: Client { Client(socket: socket) }
  func connect() throws -> Connection { try client.connect() }
  func get(_ path: String) throws -> Answer { try client.get(path) }

  func end(_ signal: Int32 = SIGTERM) -> Int32 {
    kill(pid, signal)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    isReaped = true
    return status
  }

  var residentBytes: Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8)) ?? ""
    let fields = text.split(separator: " ")
    return fields.count > 1 ? Int(fields[1])! * 4096 : 0
  }
}
