// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

/// What tells a mirror that its process has changed its map.
public enum MirrorSource: Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
  /// Nothing: the text is read every now and then. Works for whatever can be read.
  case polling
  /// The kernel reports mappings as they are made, mapped over or protected, new programs and the
  /// growth of stacks (perf's `MMAP2`); not what is unmapped, moved, shrunk, split by `madvise` or
  /// named: the next reading finds that.
  case mappings
  /// The kernel reports these, and the system calls that change a map in other ways. What has no
  /// system call of the process is left to the next reading: what other processes do to it,
  /// `userfaultfd`, and 32-bit calls.
  case systemCalls

  public var description: String {
    switch self {
    case .polling: "polling"
    case .mappings: "mappings"
    case .systemCalls: "system calls"
    }
  }
}

/// A source that a mirror would rather have used, and why it can't.
public struct UnavailableSource: Sendable, Hashable, CustomStringConvertible {
  /// The source.
  public var source: MirrorSource
  /// What failed, and with which error, for a log.
  public var reason: String

  public var description: String { "\(source): \(reason)" }
}

/// The numbers of the kernel's tracepoints that report system calls, which tracefs has for those
/// who may read it. They stay the same until the machine starts anew.
public struct SystemCallTracepoints: Sendable, Hashable, Codable {
  /// Two tracepoints: one where a call begins, and one where it ends.
  public struct Pair: Sendable, Hashable, Codable {
    /// The number of the tracepoint where a call begins.
    public var enter: UInt64
    /// The number of the one where it ends.
    public var exit: UInt64

    /// The pair with these numbers.
    public init(enter: UInt64, exit: UInt64) {
      self.enter = enter
      self.exit = exit
    }
  }

  /// Those of all calls, `raw_syscalls:sys_enter` and `sys_exit`: for processes that may trace the
  /// kernel (`CAP_PERFMON`, or `perf_event_paranoid` at most 0).
  public var allCalls: Pair?
  /// Those of single calls, such as `syscalls:sys_enter_munmap` and `sys_exit_munmap`, for all
  /// others, as far as perf is allowed to them. Calls that are left out are seen by the next
  /// reading.
  public var singleCalls: [Pair]

  /// The tracepoints with these numbers.
  public init(allCalls: Pair? = nil, singleCalls: [Pair] = []) {
    self.allCalls = allCalls
    self.singleCalls = singleCalls
  }

  /// The calls that change a map, and of which the kernel doesn't report the mapping that they
  /// leave.
  static let callNames = [
    "munmap", "mremap", "brk", "madvise", "mlock", "mlock2", "munlock", "prctl", "shmdt",
  ]

  /// What this machine's tracefs says.
  ///
  /// - Parameter folder: where tracefs is mounted; `nil` for the usual places.
  /// - Returns: `nil` if it can't be read.
  public init?(tracefs folder: FilePath?) {
    let folders: [FilePath] =
      folder.map { [$0] } ?? ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
    for folder in folders {
      let events = folder.appending("events")
      let all = Self.pair(events.appending("raw_syscalls"), call: "")
      let single = Self.callNames.compactMap {
        Self.pair(events.appending("syscalls"), call: "_\($0)")
      }
      if all != nil || !single.isEmpty {
        self.init(allCalls: all, singleCalls: single)
        return
      }
    }
    return nil
  }

  private static func pair(_ folder: FilePath, call: String) -> Pair? {
    func number(_ name: String) -> UInt64? {
      guard let text = try? ProcessFolder.contents(of: folder.appending(name).appending("id"))
      else { return nil }
      return UInt64(String(decoding: text, as: UTF8.self).prefix { $0.isNumber })
    }
    guard let enter = number("sys_enter\(call)"), let exit = number("sys_exit\(call)") else {
      return nil
    }
    return Pair(enter: enter, exit: exit)
  }
}

/// A source of changes that has descriptors to wait for and records to take.
protocol ChangeRecords: Sendable {
  var source: MirrorSource { get }
  /// Become readable when something has happened, after ``arm()``.
  var descriptors: [Int32] { get }
  /// Takes what has happened. One thread at a time.
  func take(into dirty: inout DirtyRanges)
  /// Whether all that has happened before the last ``take(into:)`` was in what it took. Used as it
  /// is.
  var isComplete: Bool { get }
  /// Lets the descriptors tell of the next record. What happened before may have to be taken still.
  func arm()
  /// Stops that: for as long as records are looked for anyway. Telling costs the process much more
  /// than a record.
  func disarm()
}
