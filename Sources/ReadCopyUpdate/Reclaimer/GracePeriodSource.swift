// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _RCUShims
internal import _SystemShims

/// What a scan of a flavor's reader registry has found.
typealias ReaderScan = rcushims_reader_scan

/// The beginning of a grace period that is polled, not waited for.
typealias GracePeriodCookie = rcushims_cookie

/// The readers that a domain waits for: whoever asks whether a reader can still see something asks
/// here. The reclaimer, block pools, expedited grace periods and the stall monitor do.
protocol GracePeriodSource: Sendable {
  /// For the name of the reclaimer's thread.
  var name: String { get }
  /// For messages.
  var title: String { get }
  /// Whether the calling thread is, or may be, inside a section, which a grace period would wait
  /// for.
  var isInReadSection: Bool { get }
  /// Blocks until every section that is open now has ended.
  func waitForGracePeriod()
  /// Runs `body`, which blocks, without holding up grace periods by that.
  func whileBlocked(_ body: () -> Void)
  /// Runs `body`, which may read.
  func asReader(_ body: () -> Void)
  /// Starts a grace period that is polled by scans, without blocking: `start_poll_synchronize_rcu`.
  ///
  /// - Parameter scan: takes who is inside a section.
  /// - Returns: stamp 0 where there are no such grace periods.
  func startGracePeriod(_ scan: inout ReaderScan) -> GracePeriodCookie
  /// Scans who is inside a section: `poll_state_synchronize_rcu` of any number of cookies.
  func scanReaders() -> ReaderScan
  /// Waits for a moment; whether every section that was open at the call has ended.
  func readersLeaveSoon() -> Bool
  /// Who holds up the grace period that is under way.
  func blockingReaders() -> [RCUStalledReader]
  /// Whether this process was forked where its grace periods can't be waited for any more.
  var wasForkedInsideSection: Bool { get }
  /// Whether the calling thread, about to fork, must not wait for grace periods.
  var mustNotWaitToFork: Bool { get }
  /// Whether a thread may fork while another is in ``waitForGracePeriod()``.
  var allowsForkInGracePeriod: Bool { get }
  /// In a child of `fork`, by its only thread.
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
    // liburcu's registry leads through the threads' own memory.
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

  /// Lets the sections that are open now end, if they do within five milliseconds. A hint, not a
  /// grace period: it interrupts no reader, and may miss one.
  func letReadersLeave() {
    var scan = scanReaders()
    let first = GracePeriodCookie(stamp: scan.stamp, interruption: 0)
    // qsbr's readers announce by themselves, and its grace period is woken by them.
    guard number != RCUSHIMS_QSBR else { return }
    _ = poll(&scan, for: 5_000_000, every: 10) { $0.hasPassed(first) }
  }

  /// As above, and suspends the task meanwhile.
  func letReadersLeave() async {
    let first = GracePeriodCookie(stamp: scanReaders().stamp, interruption: 0)
    guard number != RCUSHIMS_QSBR else { return }
    let deadline = sysshims_now() + 5_000_000
    while !scanReaders().hasPassed(first), sysshims_now() < deadline {
      try? await Task.sleep(for: .microseconds(10))
    }
  }

  /// Scans until `condition` holds; whether it did within so many nanoseconds: a section that is
  /// open for longer is no passing one.
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

  // The shims do that, for all reclaimers of a flavor at once.
  func forgetOtherThreads() {}

  /// Threads in the registry.
  var readerCount: Int { scanReaders().reader_count }

  func blockingReaders() -> [RCUStalledReader] {
    scanReaders().stalledReaders()
  }
}

extension rcushims_reader_scan {
  /// Of nobody who is inside a section.
  static var ofNobody: ReaderScan {
    var scan = ReaderScan()
    scan.oldest = .max
    scan.oldest_open = .max
    return scan
  }

  /// Whether the cookie's grace period had ended at this scan.
  ///
  /// - Parameter earlier: only for what was published after this cookie had been started.
  func hasPassed(_ cookie: GracePeriodCookie, bornAfter earlier: GracePeriodCookie? = nil) -> Bool {
    unsafe withUnsafePointer(to: self) { scan in
      if let earlier {
        unsafe rcushims_has_passed_since(scan, earlier, cookie)
      } else {
        unsafe rcushims_has_passed(scan, cookie)
      }
    }
  }

  /// Stamps at which the snapshot sections began that have been open since a scan; `nil` if there
  /// are none.
  func snapshotStamps(since stamp: UInt64) -> ClosedRange<UInt64>? {
    let stamps = unsafe withUnsafePointer(to: self) { unsafe rcushims_snapshot_since($0, stamp) }
    return stamps.last == 0 ? nil : stamps.first...stamps.last
  }

  /// Who is inside, as many as fit: those for whom liburcu's grace period waits, or the cookie's.
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
