// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import SystemPackage

/// The process that is watched, and what its files tell besides its maps.
struct WatchedProcess: Sendable {
  let pid: Int32
  let mirror: ProcessMirror

  /// - Parameter interval: the time from one reading of the whole text to the next.
  init(pid: Int32, interval: Duration = .milliseconds(500)) throws(WatchFailure) {
    self.pid = pid
    var configuration = MirrorConfiguration()
    configuration.interval = interval
    do {
      mirror = try ProcessMirror(pid: pid, configuration: configuration)
    } catch {
      throw WatchFailure(Self.explanation(of: error, pid: pid))
    }
  }

  /// The command line, or, if the process has none, its name; harmless text.
  var command: String {
    let arguments = Self.contents(of: "/proc/\(pid)/cmdline").split(separator: 0)
    guard arguments.isEmpty else {
      return arguments.map { Harmless.text(Array($0)) }.joined(separator: " ")
    }
    return Harmless.text(Self.contents(of: "/proc/\(pid)/comm").filter { $0 != 0x0a })
  }

  /// `vm.max_map_count`: the most mappings that the kernel lets a process have; `nil` if that can't
  /// be read.
  static var maximumMapCount: Int? {
    let text = String(decoding: contents(of: "/proc/sys/vm/max_map_count"), as: UTF8.self)
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private static func contents(of path: String) -> [UInt8] {
    guard let file = FileHandle(forReadingAtPath: path), let data = try? file.readToEnd() else {
      return []
    }
    return Array(data)
  }

  // MARK: Failures

  /// Why a process can't be watched.
  static func explanation(of error: Errno, pid: Int32) -> String {
    switch error {
    case .noSuchFileOrDirectory, .noSuchProcess:
      if let status = status(of: pid) { return explanation(of: status, pid: pid) }
      if kill(pid, 0) == 0 || errno == EPERM {
        return "process \(pid) is hidden from this user: /proc is mounted with hidepid"
      }
      return "there is no process \(pid)"
    case .permissionDenied, .notPermitted:
      return """
        the maps of process \(pid) may not be read: that takes the process's own user and group, \
        if it may be dumped and has no more capabilities than this program; or CAP_SYS_PTRACE
        """
    case .badMessage:
      return "/proc/\(pid)/maps isn't what Linux writes there"
    default:
      return "the maps of process \(pid) can't be read: \(error)"
    }
  }

  /// Why a process that exists has no maps.
  static func explanation(of status: Status, pid: Int32) -> String {
    if status.isZombie {
      return "process \(pid) is a zombie: it has ended, and has no maps any more"
    }
    if status.isKernelThread {
      return "process \(pid) is a thread of the kernel, which has no address space of its own"
    }
    return "process \(pid) has no maps: it is ending"
  }

  /// What `/proc/PID/stat` tells.
  struct Status: Sendable, Hashable {
    var isZombie: Bool
    var isKernelThread: Bool

    /// - Returns: `nil` if the text isn't one of `stat`.
    init?(_ text: [UInt8]) {
      // The name, in parentheses, may have any byte in it.
      guard let nameEnd = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
      let fields = text[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
      guard fields.count > 6, let flags = UInt64(String(decoding: fields[6], as: UTF8.self)) else {
        return nil
      }
      isZombie = fields[0].first == UInt8(ascii: "Z") || fields[0].first == UInt8(ascii: "X")
      isKernelThread = flags & Self.kernelThreadFlag != 0
    }

    /// `PF_KTHREAD`.
    private static var kernelThreadFlag: UInt64 { 0x20_0000 }
  }

  private static func status(of pid: Int32) -> Status? {
    Status(contents(of: "/proc/\(pid)/stat"))
  }
}

/// What ends the program with a line on standard error.
struct WatchFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
