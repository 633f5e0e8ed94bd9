// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

extension ProcessMirror {
  /// Opens the first source that works; `nil` for polling. Also returns those that don't.
  static func openSource(
    _ configuration: MirrorConfiguration, pid: Int32?, folder: FilePath?
  ) -> ((any ChangeRecords)?, [UnavailableSource]) {
    var unavailable: [UnavailableSource] = []
    for source in configuration.sources {
      guard source != .polling else { break }
      func note(_ reason: String) {
        unavailable.append(UnavailableSource(source: source, reason: reason))
      }
      guard let pid, let folder else {
        note("the process of an adopted file isn't known")
        continue
      }
      guard ProcessFolder.hasOwnNumbers(configuration.root) else {
        note("\(configuration.root) has the numbers of another PID namespace")
        continue
      }
      guard ProcessFolder.firstThread(of: folder) == pid else {
        note("\(pid) isn't the number of a process, but of one of its threads")
        continue
      }
      var tracepoints: SystemCallTracepoints?
      if source == .systemCalls {
        tracepoints = configuration.perf.tracepoints ?? SystemCallTracepoints(tracefs: nil)
        if tracepoints == nil || tracepoints == SystemCallTracepoints() {
          note(
            "the numbers of the tracepoints aren't known: tracefs isn't mounted or can't be read")
          continue
        }
      }
      do throws(PerfSource.SourceError) {
        return (
          try PerfSource(
            pid: pid, folder: folder, tracepoints: tracepoints, configuration.perf), unavailable
        )
      } catch {
        note(error.reason)
      }
    }
    return (nil, unavailable)
  }
}
