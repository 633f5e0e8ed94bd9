// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

/// How a mirror follows its process.
public struct MirrorConfiguration: Sendable, Hashable {
  /// Where the proc file system is mounted.
  public var root: FilePath = "/proc"
  /// The sources of changes that may be used, the best one first. ``ProcessMirror/source`` is the
  /// one in use, and ``ProcessMirror/unavailableSources`` says why the mirror uses none of those
  /// before it.
  public var sources: [MirrorSource] = [.systemCalls, .mappings, .polling]
  /// The time between two readings of the whole text while the mirror is run. Values below 0.1 ms
  /// count as 0.1 ms.
  public var interval: Duration = .seconds(1)
  /// How far back ``ProcessMirror/lookup(_:at:)`` can answer.
  public var history = MirrorHistoryLimits()
  /// How the mirror uses the kernel's perf events.
  public var perf = PerfOptions()

  /// Creates the default configuration: all sources, one reading a second, no history.
  public init() {}
}

/// Limits on how many earlier versions a mirror keeps.
///
/// A version costs the memory of the nodes that have been replaced since.
public struct MirrorHistoryLimits: Sendable, Hashable, Codable {
  /// The most versions to keep, not counting the current one. 0 keeps none.
  public var maximumVersionCount = 0
  /// How long to keep a version after it was replaced.
  public var maximumAge = Duration.seconds(60)
  /// The most bytes that replaced nodes may occupy.
  public var maximumBytes = 16 << 20

  /// Creates limits that keep no earlier versions.
  public init() {}

  /// Creates limits with these values.
  public init(
    maximumVersionCount: Int, maximumAge: Duration = .seconds(60), maximumBytes: Int = 16 << 20
  ) {
    self.maximumVersionCount = maximumVersionCount
    self.maximumAge = maximumAge
    self.maximumBytes = maximumBytes
  }
}

extension Duration {
  /// Whole nanoseconds, from 0 to 292 years.
  var nanosecondsOrLimit: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0 && attoseconds >= 0 else { return 0 }
    let (product, isOver) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return isOver
      ? UInt64(Int64.max)
      : min(product &+ UInt64(attoseconds) / 1_000_000_000, UInt64(Int64.max))
  }
}
