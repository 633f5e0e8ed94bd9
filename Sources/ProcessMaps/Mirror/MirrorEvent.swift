// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
public import SystemPackage
public import VirtualMemory

/// Something that the operators of a service want to know about a mirror.
public struct MirrorEvent: Sendable, Hashable, CustomStringConvertible {
  /// What has happened.
  public enum Kind: Sendable, Hashable {
    /// The mirror has attached to its process, and uses this source of changes. The better sources
    /// that it can't use are listed with the reasons.
    case attached(MirrorSource, unavailable: [UnavailableSource])
    /// The source has lost records: the mirror reads the whole text instead.
    case recordsLost
    /// The kernel has ended the records of this source: the mirror polls from now on.
    case sourceEnded(MirrorSource)
    /// The process changes its map faster than the mirror can read it. Reported once, until a
    /// reading is confirmed again.
    case contended
    /// The process has started another program, which the mirror follows.
    case programStarted
    /// The text couldn't be read while the mirror was run; it will be read again. Reported once for
    /// each error, until a reading succeeds.
    case readingFailed(Errno)
    /// The mirror has ended: it won't change any more.
    case ended(MapsUpdate.End)
  }

  /// The process; `nil` if the mirror adopted a file.
  public var pid: Int32?
  /// What has happened.
  public var kind: Kind

  /// Creates an event, for tests of what handles events.
  public init(pid: Int32?, kind: Kind) {
    self.pid = pid
    self.kind = kind
  }

  public var description: String {
    let process = pid.map { "process \($0)" } ?? "a process by its file"
    return "\(process): \(kind.text)"
  }
}

extension MirrorEvent.Kind {
  fileprivate var text: String {
    switch self {
    case .attached(let source, let unavailable) where unavailable.isEmpty:
      "attached, by \(source)"
    case .attached(let source, let unavailable):
      "attached, by \(source) (\(unavailable.map(\.description).joined(separator: "; ")))"
    case .recordsLost: "records lost, reading the whole text"
    case .sourceEnded(let source): "the kernel has ended the records of \(source), polling"
    case .contended: "changes faster than it can be read"
    case .programStarted: "another program"
    case .readingFailed(let error): "can't be read now: \(error)"
    case .ended(.exited): "exited"
    case .ended(.replaced): "another program, which can't be followed"
    case .ended(.detached): "detached"
    }
  }
}

/// How much work a mirror has done, or all mirrors of a service together.
public struct MirrorStatistics: Sendable, Hashable, Codable {
  /// How often the mirror was refreshed, by readings or by what its source reported.
  public internal(set) var refreshCount = 0
  /// How often the whole text was read.
  public internal(set) var readingCount = 0
  /// How many of the refreshes have changed the copy.
  public internal(set) var changeCount = 0
  /// How many of the refreshes ended contended.
  public internal(set) var contendedCount = 0
  /// How often records of the source were lost.
  public internal(set) var lostRecordsCount = 0
}

/// The counters behind ``MirrorStatistics``.
final class MirrorCounters: Sendable {
  // Statistics: incremented by any thread that refreshes, and read by any thread. Relaxed.
  private let refreshes = Atomic(0)
  private let readings = Atomic(0)
  private let changes = Atomic(0)
  private let contended = Atomic(0)
  private let lost = Atomic(0)

  func count(_ refresh: MirrorRefresh) {
    refreshes.add(1, ordering: .relaxed)
    if refresh.readingCount > 0 { readings.add(refresh.readingCount, ordering: .relaxed) }
    if refresh.isChanged { changes.add(1, ordering: .relaxed) }
    if refresh.state == .contended { contended.add(1, ordering: .relaxed) }
  }

  func countLostRecords() { lost.add(1, ordering: .relaxed) }

  var statistics: MirrorStatistics {
    MirrorStatistics(
      refreshCount: refreshes.load(ordering: .relaxed),
      readingCount: readings.load(ordering: .relaxed),
      changeCount: changes.load(ordering: .relaxed),
      contendedCount: contended.load(ordering: .relaxed),
      lostRecordsCount: lost.load(ordering: .relaxed))
  }
}

/// Whom a mirror tells what happens to it.
struct MirrorObserver: Sendable {
  /// Told of each event, while no lock of the mirror is held.
  var onEvent: @Sendable (MirrorEvent) -> Void = { _ in }
  /// The counters of all mirrors of a service; `nil` if the mirror isn't in one.
  var counters: MirrorCounters?
}
