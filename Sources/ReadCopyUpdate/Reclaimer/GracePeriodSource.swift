// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _RCUShims
internal import _SystemShims

/// What a scan of a flavor's reader registry has found.
typealias ReaderScan = rcushims_reader_scan

/// The beginning of a grace period that is polled instead of waited for.
typealias GracePeriodCookie = rcushims_cookie

/// The readers that a domain waits for. Everything that must know whether a reader can still see
/// something asks a source: the reclaimer, block pools, expedited grace periods and the stall
/// monitor.
protocol GracePeriodSource: Sendable {
  /// Used in the name of the reclaimer's thread.
  var name: String { get }
  /// Used in messages.
  var title: String { get }
  /// Whether the calling thread is, or may be, inside a section that a grace period would wait for.
  var isInReadSection: Bool { get }
  /// Blocks until every section that is open now has ended.
  func waitForGracePeriod()
  /// Runs `body`, which blocks, so that the thread holds up no grace period meanwhile.
  func whileBlocked(_ body: () -> Void)
  /// Runs `body`, which may read.
  func asReader(_ body: () -> Void)
  /// Starts a grace period that is polled by scans, without blocking: `start_poll_synchronize_rcu`.
  ///
  /// - Parameter scan: receives the readers that are inside a section.
  /// - Returns: a cookie; its stamp is 0 if the source has no polled grace periods.
  func startGracePeriod(_ scan: inout ReaderScan) -> GracePeriodCookie
  /// Scans the readers, for any number of cookies: `poll_state_synchronize_rcu`.
  func scanReaders() -> ReaderScan
  /// Waits for a moment, and returns whether every section that was open at the call has ended.
  func readersLeaveSoon() -> Bool
  /// The readers that hold up the current grace period.
  func blockingReaders() -> [RCUStalledReader]
  /// Whether this process was forked in a place where its grace periods can't be waited for any
  /// more.
  var wasForkedInsideSection: Bool { get }
  /// Whether the calling thread, about to fork, must not wait for grace periods.
  var mustNotWaitToFork: Bool { get }
  /// Whether a thread may fork while another is in ``waitForGracePeriod()``.
  var allowsForkInGracePeriod: Bool { get }
  /// Called in a child of `fork`, by its only thread.
  func forgetOtherThreads()
}

extension GracePeriodSource {
  var title: String { "RCUDomain<\(name)>" }
  func startGracePeriod(_ scan: inout ReaderScan) -> GracePeriodCookie {
    scan = ReaderScan()
    return GracePeriodCookie()
  }
  func scanReaders() -> ReaderScan { ReaderScan() }
  var mustNotWaitToFork: Bool { wasForkedInsideSection || isInReadSection }
  var allowsForkInGracePeriod: Bool { false }
}

/// The readers of one of liburcu's flavors.
struct FlavorSource: GracePeriodSource {
  let flavor: any RCUFlavor.Type

  var name: String { flavor.name }
  private var number: Int32 { flavor._number }
  var isInReadSection: Bool { flavor._isInReadSection }
  func waitForGracePeriod() { flavor._waitForGracePeriod() }

  func whileBlocked(_ body: () -> Void) {
    guard number == RCUSHIMS_QSBR && rcushims_qsbr_is_between_sections() else { return body() }
    rcushims_qsbr_go_offline()
    defer { rcushims_qsbr_go_online() }
    body()
  }

  func asReader(_ body: () -> Void) {
    if rcushims_is_registered(number) { return body() }
    trapIfForkedInsideSection(wasForkedInsideSection)
    rcushims_register_thread(number)
    // The thread must leave, since liburcu's registry links the threads' own memory.
    defer { rcushims_unregister_thread(number) }
    body()
  }

  func startGracePeriod(_ scan: inout ReaderScan) -> GracePeriodCookie {
    unsafe rcushims_start_grace_period(number, &scan)
  }

  func scanReaders() -> ReaderScan {
    var scan = ReaderScan()
    unsafe rcushims_scan_readers(number, &scan)
    return scan
  }

  func readersLeaveSoon() -> Bool {
    var scan = ReaderScan()
    let cookie = startGracePeriod(&scan)
    return cookie.stamp != 0
      && poll(&scan, for: 2_000_000, every: 20) { $0.hasPassed(cookie) }
  }

  /// Lets the sections that are open now end, if they do so within five milliseconds. This is a
  /// hint, not a grace period: it interrupts no reader, and may miss one.
  func letReadersLeave() {
    var scan = scanReaders()
    let first = GracePeriodCookie(stamp: scan.stamp, interruption: 0)
    // Readers of qsbr announce by themselves, and wake its grace period.
    guard number != RCUSHIMS_QSBR else { return }
    _ = poll(&scan, for: 5_000_000, every: 10) { $0.hasPassed(first) }
  }

  /// The same, but suspends the task instead of blocking the thread.
  func letReadersLeave() async {
    let first = GracePeriodCookie(stamp: scanReaders().stamp, interruption: 0)
    guard number != RCUSHIMS_QSBR else { return }
    let deadline = sysshims_now() + 5_000_000
    while !scanReaders().hasPassed(first), sysshims_now() < deadline {
      try? await Task.sleep(for: .microseconds(10))
    }
  }

  /// Scans until `condition` holds. Returns whether it did within `nanoseconds`: a section that
  /// stays open for longer isn't a short one.
  private func poll(
    _ scan: inout ReaderScan, for nanoseconds: UInt64, every microseconds: UInt32,
    _ condition: (ReaderScan) -> Bool
  ) -> Bool {
    let deadline = sysshims_now() + nanoseconds
    while !condition(scan) {
      if sysshims_now() >= deadline { return false }
      usleep(microseconds)
      scan = scanReaders()
    }
    return true
  }

  var wasForkedInsideSection: Bool { rcushims_is_lost(flavor._number) }

  // The shims do that for all reclaimers of a flavor at once.
  func forgetOtherThreads() {}

  /// The number of threads in the registry.
  var readerCount: Int { scanReaders().reader_count }

  func blockingReaders() -> [RCUStalledReader] {
    scanReaders().stalledReaders()
  }
}

extension rcushims_reader_scan {
  /// A scan that found nobody inside a section.
  static var ofNobody: ReaderScan {
    var scan = ReaderScan()
    scan.oldest = .max
    scan.oldest_open = .max
    return scan
  }

  /// Whether the cookie's grace period had ended at this scan.
  ///
  /// - Parameter earlier: if given, the question is only about what was published after this cookie
  ///   was taken.
  func hasPassed(_ cookie: GracePeriodCookie, bornAfter earlier: GracePeriodCookie? = nil) -> Bool {
    unsafe withUnsafePointer(to: self) { scan in
      if let earlier {
        unsafe rcushims_has_passed_since(scan, earlier, cookie)
      } else {
        unsafe rcushims_has_passed(scan, cookie)
      }
    }
  }

  /// The range of stamps at which those snapshot sections began that have been open since the scan
  /// with the stamp `stamp`; `nil` if there are none.
  func snapshotStamps(since stamp: UInt64) -> ClosedRange<UInt64>? {
    let stamps = unsafe withUnsafePointer(to: self) { unsafe rcushims_snapshot_since($0, stamp) }
    return stamps.last == 0 ? nil : stamps.first...stamps.last
  }

  /// The readers that are inside, as many as fit, and that the grace period of `cookie`, or
  /// otherwise liburcu's, waits for.
  func stalledReaders(of cookie: GracePeriodCookie? = nil) -> [RCUStalledReader] {
    let count = inside_count
    let readers = unsafe withUnsafeBytes(of: inside) {
      unsafe Array($0.bindMemory(to: rcushims_inside_reader.self).prefix(count))
    }
    return readers.filter { reader in cookie.map { reader.since <= $0.stamp } ?? reader.holds_up }
      .map { reader in
        let thread = RCUStalledReader.Thread.running(reader.thread)
        return reader.nesting == 0
          ? .notQuiescent(thread) : .inside(thread, nesting: Int(reader.nesting))
      }
  }
}
