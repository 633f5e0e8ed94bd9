// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _RCUShims
internal import _SystemShims

/// What a reclaimer has to know of the readers that it waits for.
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
  /// Waits for a moment; whether every section that was open at the call has ended.
  func readersLeaveSoon() -> Bool
  /// Who holds up the grace period that is under way.
  func blockingReaders() -> [RCUStalledReader]
  /// Whether this process was forked where its grace periods can't be waited for any more.
  var isLost: Bool { get }
  /// Whether the calling thread, about to fork, must not wait for grace periods.
  var mustNotWaitToFork: Bool { get }
  /// Whether a thread may fork while another is in ``waitForGracePeriod()``.
  var allowsForkInGracePeriod: Bool { get }
  /// In a child of `fork`, by its only thread.
  func forgetOtherThreads()
}

extension GracePeriodSource {
  var title: String { "RCUDomain<\(name)>" }
  var mustNotWaitToFork: Bool { isLost || isInReadSection }
  var allowsForkInGracePeriod: Bool { false }
}

/// The readers of one of liburcu's flavors.
struct FlavorSource: GracePeriodSource {
  let flavor: any RCUFlavor.Type

  var name: String { flavor.name }
  var isInReadSection: Bool { flavor._isInReadSection }
  func waitForGracePeriod() { flavor._waitForGracePeriod() }
  func whileBlocked(_ body: () -> Void) { flavor._whileBlocked(body) }

  func asReader(_ body: () -> Void) { flavor._asReader(body) }

  func readersLeaveSoon() -> Bool {
    var (watch, view) = flavor._startWatch()
    guard watch.look != 0 else { return false }
    let deadline = sysshims_now() + Self.leavingNanoseconds
    while unsafe !rcushims_has_passed(&view, watch) {
      if sysshims_now() >= deadline { return false }
      usleep(Self.lookingMicroseconds)
      view = flavor._lookAtReaders()
    }
    return true
  }

  /// A section that is open for longer is no passing one.
  private static var leavingNanoseconds: UInt64 { 2_000_000 }
  private static var lookingMicroseconds: UInt32 { 20 }

  var isLost: Bool { rcushims_is_lost(flavor._number) }

  // The shims do that, for all reclaimers of a flavor at once.
  func forgetOtherThreads() {}

  /// The most threads that a report names.
  private static let reportedReadersMax = 16

  func blockingReaders() -> [RCUStalledReader] {
    unsafe withUnsafeTemporaryAllocation(
      of: rcushims_blocking_reader.self, capacity: Self.reportedReadersMax
    ) { found in
      let count = unsafe rcushims_blocking_readers(
        flavor._number, found.baseAddress, Self.reportedReadersMax)
      return unsafe found.prefix(min(count, Self.reportedReadersMax)).map {
        RCUStalledReader(threadID: $0.thread, nesting: Int($0.nesting))
      }
    }
  }
}
