// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// A child process for the program to watch. It is ended with this.
final class WatchedChild: Sendable {
  let id: Int32

  /// Starts `command`, and waits until `line` is in its file `/proc/PID/stat`.
  init(_ command: [String] = ["sleep", "1000"], until line: String = "(sleep) S") throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    id = process.processIdentifier
    Self.wait { (Self.text("/proc/\(process.processIdentifier)/stat") ?? "").contains(line) }
  }

  deinit { end() }

  // Not a signal that may be blocked: children inherit that of the threads that tests run on.
  func end() { kill(id, SIGKILL) }

  /// Ends the child as soon as a process has its maps open.
  func endWhenWatched() {
    let (id, maps) = (id, "/proc/\(id)/maps")
    Thread.detachNewThread {
      Self.wait { Self.isOpen(maps) }
      kill(id, SIGKILL)
    }
  }

  /// Waits for a state that no one signals.
  static func wait(until condition: () -> Bool) {
    while !condition() { usleep(50_000) }
  }

  static func text(_ file: String) -> String? {
    (try? Data(contentsOf: URL(fileURLWithPath: file))).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func isOpen(_ file: String) -> Bool {
    let manager = FileManager.default
    let processes = (try? manager.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { Int($0) != nil }.contains { process in
      let folder = "/proc/\(process)/fd"
      return ((try? manager.contentsOfDirectory(atPath: folder)) ?? []).contains { descriptor in
        (try? manager.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")) == file
      }
    }
  }
}
