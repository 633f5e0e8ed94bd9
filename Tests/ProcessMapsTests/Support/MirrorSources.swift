// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import TestSupport
import VirtualMemory

/// What this machine has of the sources of changes.
enum MirrorSources {
  /// The machine's; where tracefs isn't mounted, as a process finds it that mounts it for itself.
  static let tracepoints: SystemCallTracepoints? =
    SystemCallTracepoints(tracefs: nil) ?? mountedPrivately()

  /// A configuration that uses nothing else than `source`.
  static func configuration(
    _ source: MirrorSource, every interval: Duration = .milliseconds(2)
  ) -> MirrorConfiguration {
    var configuration = MirrorConfiguration()
    configuration.sources = [source]
    configuration.interval = interval
    configuration.perf.tracepoints = tracepoints
    return configuration
  }

  /// Whether the kernel has the ioctl, as from 6.11 on.
  static var hasQuery: Bool {
    (try? KernelMaps().query(0, matching: .coveringOrNext)) != nil
  }

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
    guard let result = try? runProcess("unshare", ["--mount", "sh", "-c", script]) else {
      return nil
    }
    let numbers = result.standardOutput.split(separator: "\n").compactMap { UInt64($0) }
    guard numbers.count == 2 else { return nil }
    return SystemCallTracepoints(allCalls: .init(enter: numbers[0], exit: numbers[1]))
  }
}
