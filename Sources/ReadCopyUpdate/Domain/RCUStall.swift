// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _SystemShims

/// A grace period, or a deferred call, that takes too long, and who holds it up.
public struct RCUStall: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The flavor's name, or the one given to the domain.
  public let domainName: String
  /// The domain's name with its type's, for messages.
  let title: String
  /// How long somebody has been waiting for this grace period.
  public let duration: Duration
  /// The threads whose sections it waits for, at most 16. Empty if the sections ended meanwhile, or
  /// belong to threads that C code registered and that never read through this library. Of a
  /// ``SleepableRCU`` one entry for all.
  public internal(set) var readers: [RCUStalledReader]
  /// What the reclaimer runs, where it isn't a grace period that takes too long but a deferred
  /// call, or a `deinit`, that doesn't return: the symbol of its code, or a place in a file. Then
  /// ``duration`` is how long it has been running, and ``readers`` is empty.
  public let runningCall: String?
  /// Retirements that wait.
  public let pendingCount: Int
  /// Bytes that wait.
  public let pendingBytes: Int

  public var description: String {
    if let runningCall {
      return
        "\(title): a deferred call or a deinit has been running for \(duration): \(runningCall);"
        + " \(pendingCount) retirements with \(pendingBytes) bytes wait"
    }
    let who = readers.isEmpty ? "no thread that is known" : Self.list(readers)
    return "\(title): a grace period has been waiting for \(duration) on \(who);"
      + " \(pendingCount) retirements with \(pendingBytes) bytes wait"
  }

  static func list(_ readers: [RCUStalledReader]) -> String {
    readers.map(\.description).joined(separator: ", ")
  }
}

/// What a grace period waits for.
public enum RCUStalledReader: Sendable, Hashable, Codable, CustomStringConvertible {
  /// A thread that is inside so many nested read sections.
  case inside(Thread, nesting: Int)
  /// A thread that reads by `qsbr`, and is outside of sections, but has announced no quiescent
  /// state.
  case notQuiescent(Thread)
  /// So many sections of a ``SleepableRCU``, which belong to no thread.
  case sections(count: Int)

  /// A thread of this process.
  public struct Thread: Sendable, Hashable, Codable {
    /// The kernel's number of the thread, as `gettid` gives it and `/proc/self/task` lists it.
    public let id: Int32
    /// The thread's name, as `pthread_setname_np` set it; empty if the thread has ended. A thread
    /// that Dispatch or Swift Concurrency made is named after its queue, such as `oot.default-qos`:
    /// then a task or a block holds the section open. Threads inherit the name of the one that
    /// started them.
    public let name: String
  }

  /// The thread, if the grace period waits for one.
  public var thread: Thread? {
    switch self {
    case .inside(let thread, _), .notQuiescent(let thread): thread
    case .sections: nil
    }
  }

  public var description: String {
    switch self {
    case .inside(let thread, let nesting):
      "thread \(thread.id) “\(thread.name)”, \(nesting) nested \(nesting == 1 ? "section" : "sections")"
    case .notQuiescent(let thread):
      "thread \(thread.id) “\(thread.name)”, outside of sections, without a quiescent state"
    case .sections(let count):
      "\(count) open \(count == 1 ? "section" : "sections")"
    }
  }
}

extension RCUStalledReader.Thread {
  /// The thread with this number, with the name that it has now.
  static func running(_ id: Int32) -> Self {
    let descriptor = unsafe open("/proc/self/task/\(id)/comm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return Self(id: id, name: "") }
    defer { close(descriptor) }
    // The kernel's limit is 15 bytes and a newline.
    let name = unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
      guard count > 0 else { return "" }
      return unsafe String(decoding: buffer.prefix(count).prefix { $0 != 0x0a }, as: UTF8.self)
    }
    return Self(id: id, name: name)
  }
}

/// Watches for grace periods that take too long.
///
/// A thread that stays in a read section holds up every grace period, and with it all memory that
/// is retired meanwhile. The monitor looks from outside, at liburcu's own word of each thread:
/// readers pay nothing. A stall is reported when it has lasted for the threshold, and again each
/// time that it has lasted twice as long.
///
/// ```swift
/// RCU.stallMonitor = RCUStallMonitor(threshold: .seconds(1)) { stall in
///   logger.warning("\(stall)")
/// }
/// ```
///
/// - Source: the CPU stall warnings of Linux's RCU.
public struct RCUStallMonitor: Sendable {
  /// What is called with a stall.
  public typealias Handler = @Sendable (RCUStall) -> Void

  let thresholdNanoseconds: UInt64?
  let handler: Handler

  /// A monitor that calls `handler`.
  ///
  /// - Parameter threshold: how long a grace period may take; at least a millisecond. It is looked
  ///   at about four times as often.
  /// - Parameter handler: runs on the monitor's thread, which serves all domains; must not block,
  ///   and not wait for a grace period.
  public init(threshold: Duration, handler: @escaping Handler) {
    require(
      threshold >= .milliseconds(1), "RCUStallMonitor: the threshold is at least a millisecond")
    let (seconds, attoseconds) = threshold.components
    let nanoseconds = min(seconds, 1 << 32) * 1_000_000_000 + attoseconds / 1_000_000_000
    thresholdNanoseconds = UInt64(nanoseconds)
    self.handler = handler
  }

  /// The default: one line on standard error after ten seconds, and when it has lasted longer.
  public init() { self = .standardError(threshold: .seconds(10)) }

  /// One line on standard error.
  public static func standardError(threshold: Duration) -> RCUStallMonitor {
    RCUStallMonitor(threshold: threshold) { writeError($0.description) }
  }

  /// Nothing is watched.
  public static let disabled = RCUStallMonitor(thresholdNanoseconds: nil, handler: { _ in })

  private init(thresholdNanoseconds: UInt64?, handler: @escaping Handler) {
    self.thresholdNanoseconds = thresholdNanoseconds
    self.handler = handler
  }
}

/// Aids for finding what uses memory after its grace period.
public enum RCUDebugging {
  /// Whether memory is overwritten with `0xdeaddeaddeaddead`, word by word, before it is given
  /// back. A reader that kept an address past its section then meets that value, not old contents.
  ///
  /// Default: whether the environment has `SWIFT_URCU_POISON=1` when the process starts. Always on
  /// under ThreadSanitizer, which sees the stores race with such a reader's loads.
  ///
  /// - Threads: any; takes effect for what is reclaimed afterwards.
  /// - Complexity: costs nothing when off but a load per reclaimed allocation.
  public static var poisonsReclaimedMemory: Bool {
    get { sysshims_poisons() }
    set { sysshims_set_poisons(newValue) }
  }
}

/// One line on standard error, in one piece.
func writeError(_ message: String) {
  var line = "swift-urcu: " + message + "\n"
  line.withUTF8 { bytes in
    guard let base = bytes.baseAddress else { return }
    unsafe base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
      unsafe sysshims_write_error($0, bytes.count)
    }
  }
}
