// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import ProcessMaps

/// What this machine has of the sources of changes.
enum MirrorSources {
  /// The machine's; where tracefs isn't mounted, as a process finds it that mounts it for itself.
  static let tracepoints: SystemCallTracepoints? =
    SystemCallTracepoints(tracefs: nil) ?? mountedPrivately()

  /// Whether `mirror`, which was told to use nothing else, uses the source; says so if not.
  static func isAvailable(_ source: MirrorSource, _ mirror: ProcessMirror) -> Bool {
    if mirror.source == source { return true }
    print("skipped: the mirror's source \(mirror.unavailableSources)")
    return false
  }

  /// Needs the right to mount: `nil` without it.
  private static func mountedPrivately() -> SystemCallTracepoints? {
    let script = """
      mount -t tracefs none /sys/kernel/tracing 2>/dev/null || exit 1
      cd /sys/kernel/tracing/events/raw_syscalls && cat sys_enter/id sys_exit/id
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
    process.arguments = ["--mount", "sh", "-c", script]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let numbers = text.split(separator: "\n").compactMap { UInt64($0) }
    guard numbers.count == 2 else { return nil }
    return SystemCallTracepoints(allCalls: .init(enter: numbers[0], exit: numbers[1]))
  }
}
