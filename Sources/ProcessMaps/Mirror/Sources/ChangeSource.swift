// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

/// A source of changes: the means by which a mirror learns that its process has changed its map.
public enum MirrorSource: Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
  /// The mirror only reads the text from time to time. This works for every process that may be
  /// read.
  case polling
  /// The kernel reports mappings that are created, replaced or protected, new programs, and stacks
  /// that grow (perf's `MMAP2` records). It doesn't report what is unmapped, moved, shrunk, split
  /// by `madvise` or named: the next reading finds that.
  case mappings
  /// The kernel reports the same as for ``mappings``, and also the system calls that change a map
  /// in other ways. Only the next reading finds changes without a 64-bit system call of the process
  /// itself: those by other processes, by `userfaultfd` and by 32-bit calls.
  case systemCalls

  public var description: String {
    switch self {
    case .polling: "polling"
    case .mappings: "mappings"
    case .systemCalls: "system calls"
    }
  }
}

/// A source of changes that a mirror would have preferred, and why it can't be used.
public struct UnavailableSource: Sendable, Hashable, CustomStringConvertible {
  /// The source.
  public var source: MirrorSource
  /// What failed, with the error, as text for a log.
  public var reason: String

  /// Creates a source with the reason why it can't be used.
  public init(source: MirrorSource, reason: String) {
    self.source = source
    self.reason = reason
  }

  public var description: String { "\(source): \(reason)" }
}

/// The numbers of the kernel's tracepoints that report system calls. Those who may read tracefs
/// find them there. They don't change until the system is rebooted.
public struct SystemCallTracepoints: Sendable, Hashable, Codable {
  /// A pair of tracepoints: where a system call begins, and where it ends.
  public struct Pair: Sendable, Hashable, Codable {
    /// The number of the tracepoint where the call begins.
    public var enter: UInt64
    /// The number of the tracepoint where the call ends.
    public var exit: UInt64

    /// Creates a pair with these numbers.
    public init(enter: UInt64, exit: UInt64) {
      self.enter = enter
      self.exit = exit
    }
  }

  /// The tracepoints of all system calls, `raw_syscalls:sys_enter` and `sys_exit`. They are for
  /// processes that may trace the kernel (`CAP_PERFMON`, or `perf_event_paranoid` at most 0). If
  /// these are set, the mirror doesn't use ``singleCalls``.
  public var allCalls: Pair?
  /// The tracepoints of single system calls, such as `syscalls:sys_enter_munmap` and
  /// `sys_exit_munmap`. They are for all other processes that may use perf. Changes by calls that
  /// aren't listed are found by the next reading, which alone confirms answers.
  public var singleCalls: [Pair]

  /// Creates tracepoints with these numbers.
  public init(allCalls: Pair? = nil, singleCalls: [Pair] = []) {
    self.allCalls = allCalls
    self.singleCalls = singleCalls
  }

  /// The system calls that change a map without leaving a mapping that the kernel reports.
  static let callNames = [
    "munmap", "mremap", "brk", "madvise", "mlock", "mlock2", "munlock", "prctl", "shmdt",
  ]

  /// Reads the numbers from the tracefs of this machine.
  ///
  /// - Parameter folder: where tracefs is mounted; `nil` for the usual places.
  /// - Returns: `nil` if tracefs can't be read.
  /// - Complexity: three system calls for each number.
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

/// A source of changes with descriptors to wait for and records to take.
protocol ChangeRecords: Sendable {
  /// Which source this is.
  var source: MirrorSource { get }
  /// The descriptors, which become readable at the next change after ``arm()``.
  var descriptors: [Int32] { get }
  /// Takes the records, and adds what they report to `dirty`. Only one thread at a time may call
  /// this.
  func take(into dirty: inout DirtyRanges)
  /// Whether the last ``take(into:)`` took everything that had happened before it. Called by the
  /// thread that takes.
  var isComplete: Bool { get }
  /// Whether any more records may come. Any thread may call this.
  var isAlive: Bool { get }
  /// Makes the next record wake whoever waits for the descriptors. Records from before this call
  /// may be left, and must be taken once more.
  func arm()
  /// Undoes ``arm()``, while the loop polls for records anyway: a wake-up costs the process much
  /// more than a record.
  func disarm()
}
