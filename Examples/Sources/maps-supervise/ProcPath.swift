// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import SystemPackage

/// Finds out whose maps a path means.
enum ProcPath {
  /// The process whose maps file `path` is, as the thread `caller` sees it; `nil` if it is another
  /// file.
  ///
  /// - Parameters:
  ///   - path: what was passed to `open`.
  ///   - folder: the descriptor from which a relative path starts; `AT_FDCWD` for the working
  ///     directory.
  static func process(of path: String, from folder: Int32, caller: Int32) -> Int32? {
    // Most paths end otherwise: nothing is looked up for them.
    guard path.hasSuffix("maps") else { return nil }
    var whole = FilePath(path)
    if whole.isRelative {
      let link = folder == AT_FDCWD ? "/proc/\(caller)/cwd" : "/proc/\(caller)/fd/\(folder)"
      guard let base = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else {
        return nil
      }
      whole = FilePath(base).appending(path)
    }
    let parts = whole.lexicallyNormalized().components.map(\.string)
    guard parts.count > 2, parts[0] == "proc", parts.last == "maps" else { return nil }
    guard parts.count == 3 || parts.count == 5 && parts[2] == "task" else { return nil }
    switch parts[1] {
    case "self": return firstThread(of: caller)
    case "thread-self": return parts.count == 3 ? firstThread(of: caller) : nil
    default: return Int32(parts[parts.count - 2]).flatMap(firstThread) ?? Int32(parts[1])
    }
  }

  /// The process that has a thread.
  private static func firstThread(of thread: Int32) -> Int32? {
    guard let status = try? String(contentsOfFile: "/proc/\(thread)/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Tgid:\t") })
    else { return nil }
    return Int32(line.dropFirst(6))
  }
}
