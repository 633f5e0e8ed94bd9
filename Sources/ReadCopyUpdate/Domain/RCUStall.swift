// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _SystemShims

/// A grace period, or a deferred call, that takes too long, and what holds it up.
public struct RCUStall: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The flavor's name, or the one given to the domain.
  public let domainName: String
  /// The domain's name with its type's name, for messages.
  let title: String
  /// How long this grace period has been waited for.
  public let duration: Duration
  /// The readers whose sections it waits for, at most 16. Empty if the sections have ended
  /// meanwhile, or if they belong to threads that C code registered and that never read through
  /// this library. For a ``SleepableRCU``, a single entry stands for all.
  public internal(set) var readers: [RCUStalledReader]
  /// The symbol or file offset of a deferred call or a `deinit` that doesn't return, if that is
  /// what takes too long instead of a grace period. ``duration`` is then how long it has been
  /// running, and ``readers`` is empty.
  public let runningCall: String?
  /// The number of retirements that wait.
  public let pendingCount: Int
  /// The bytes that wait, as stated by the callers.
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

/// A reader that a grace period waits for.
public enum RCUStalledReader: Sendable, Hashable, Codable, CustomStringConvertible {
  /// A thread that is inside `nesting` nested read sections.
  case inside(Thread, nesting: Int)
  /// A thread of `qsbr` that is outside of sections, but has announced no quiescent state.
  case notQuiescent(Thread)
  /// `count` sections of a ``SleepableRCU``, which belong to no thread.
  case sections(count: Int)

  /// A thread of this process.
  public struct Thread: Sendable, Hashable, Codable {
    /// The kernel's thread ID, as returned by `gettid` and listed in `/proc/self/task`.
    public let id: Int32
    /// The thread's name, as set by `pthread_setname_np`; empty if the thread has ended. A name
    /// that comes from a queue, such as `oot.default-qos`, belongs to a thread of Dispatch or Swift
    /// Concurrency: a block or a task holds the section open. Threads inherit the name of the
    /// thread that started them.
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
  /// The running thread with this ID, with its current name.
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
/// is retired meanwhile. The monitor watches each thread's word in liburcu from outside, so readers
/// pay nothing. It reports a stall once it has lasted for the threshold, and again each time its
/// duration has doubled.
///
/// ```swift
/// RCU.stallMonitor = RCUStallMonitor(threshold: .seconds(1)) { stall in
///   logger.warning("\(stall)")
/// }
/// ```
///
/// - Source: the CPU stall warnings of Linux's RCU.
public struct RCUStallMonitor: Sendable {
  /// Called with each stall.
  public typealias Handler = @Sendable (RCUStall) -> Void

  let thresholdNanoseconds: UInt64?
  let handler: Handler

  /// A monitor that calls `handler`.
  ///
  /// - Parameter threshold: how long a grace period may take; at least a millisecond. The monitor
  ///   checks about four times in that time.
  /// - Parameter handler: runs on the monitor's thread, which serves all domains. It must not block
  ///   or wait for a grace period.
  /// - Precondition: the threshold is at least a millisecond.
  public init(threshold: Duration, handler: @escaping Handler) {
    require(
      threshold >= .milliseconds(1),
      "RCUStallMonitor: the threshold must be at least a millisecond")
    let (seconds, attoseconds) = threshold.components
    let nanoseconds = min(seconds, 1 << 32) * 1_000_000_000 + attoseconds / 1_000_000_000
    thresholdNanoseconds = UInt64(nanoseconds)
    self.handler = handler
  }

  /// The default monitor: writes one line to standard error after ten seconds, and another each
  /// time the duration has doubled.
  public init() { self = .standardError(threshold: .seconds(10)) }

  /// A monitor that writes one line per report to standard error.
  ///
  /// - Precondition: the threshold is at least a millisecond.
  public static func standardError(threshold: Duration) -> RCUStallMonitor {
    RCUStallMonitor(threshold: threshold) { writeError($0.description) }
  }

  /// A monitor that watches nothing.
  public static let disabled = RCUStallMonitor(thresholdNanoseconds: nil, handler: { _ in })

  private init(thresholdNanoseconds: UInt64?, handler: @escaping Handler) {
    self.thresholdNanoseconds = thresholdNanoseconds
    self.handler = handler
  }
}

/// Aids for finding what uses memory after its grace period.
public enum RCUDebugging {
  /// Whether memory is overwritten with the word `0xdeaddeaddeaddead` before it is given back. A
  /// reader that has kept an address past its section then finds that value instead of old
  /// contents.
  ///
  /// By default, this is true if the environment has `SWIFT_URCU_POISON=1` when the process starts.
  /// It is always on under ThreadSanitizer, which reports a race between these stores and such a
  /// reader's loads.
  ///
  /// - Threads: any; takes effect for what is reclaimed afterwards.
  /// - Complexity: if off, one load per reclaimed allocation.
  public static var poisonsReclaimedMemory: Bool {
    get { sysshims_poisons() }
    set { sysshims_set_poisons(newValue) }
  }
}

/// Writes one line to standard error, in one piece.
func writeError(_ message: String) {
  var line = "swift-urcu: " + message + "\n"
  line.withUTF8 { bytes in
    guard let base = bytes.baseAddress else { return }
    unsafe base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
      unsafe sysshims_write_error($0, bytes.count)
    }
  }
}
