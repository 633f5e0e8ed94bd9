// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

/// How a mirror follows its process.
public struct MirrorConfiguration: Sendable, Hashable {
  /// Where the proc file system is mounted.
  public var root: FilePath = "/proc"
  /// The sources of changes that may be used, the best first. ``ProcessMirror/source`` says which
  /// one is, and ``ProcessMirror/unavailableSources`` why none before it.
  public var sources: [MirrorSource] = [.systemCalls, .mappings, .polling]
  /// The time from one reading of the whole text to the next, while the mirror is run.
  public var interval: Duration = .seconds(1)
  /// How much of the past ``ProcessMirror/lookup(_:at:)`` can answer about.
  public var history = MirrorHistoryLimits()
  /// How the kernel's perf events are used.
  public var perf = PerfOptions()

  /// All sources, one reading a second, no history.
  public init() {}
}

/// How much of a mirror's past is kept.
///
/// A version that is kept costs the nodes that were replaced since.
public struct MirrorHistoryLimits: Sendable, Hashable, Codable {
  /// The most versions, the current one apart. 0 keeps none.
  public var maximumVersionCount = 0
  /// How long a version is kept after it was replaced.
  public var maximumAge = Duration.seconds(60)
  /// The most bytes that replaced nodes may take.
  public var maximumBytes = 16 << 20

  /// Keeps nothing.
  public init() {}

  /// Keeps so many versions, for so long.
  public init(
    maximumVersionCount: Int, maximumAge: Duration = .seconds(60), maximumBytes: Int = 16 << 20
  ) {
    self.maximumVersionCount = maximumVersionCount
    self.maximumAge = maximumAge
    self.maximumBytes = maximumBytes
  }
}
