// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
internal import _RCUShims

/// Flavors that are liburcu's bp with a reclaimer, limits and statistics of their own, so that
/// tests which look at those can run beside others. Sections and grace periods are bp's.
protocol BulletproofTestFlavor: RCUFlavor {}

extension BulletproofTestFlavor {
  static var name: String { "test" }
  // Some open no sections.
  static var _checksSections: Bool { false }
  static func _enterReadSection() { unsafe BulletproofFlavor._enterReadSection() }
  static func _enterFencedReadSection() { unsafe BulletproofFlavor._enterFencedReadSection() }
  static func _enterSnapshotReadSection() -> UInt64 {
    unsafe BulletproofFlavor._enterSnapshotReadSection()
  }
  static func _isSnapshotSection(_ number: UInt64) -> Bool {
    BulletproofFlavor._isSnapshotSection(number)
  }
  static func _exitReadSection() { unsafe BulletproofFlavor._exitReadSection() }
  static var _isInReadSection: Bool { BulletproofFlavor._isInReadSection }
  static var _number: Int32 { BulletproofFlavor._number }
}

/// A source of grace periods with some of its steps replaced.
struct ChangedSource: GracePeriodSource {
  private let base: any GracePeriodSource
  private let start: (@Sendable (inout ReaderScan) -> GracePeriodCookie)?
  private let scan: (@Sendable () -> ReaderScan)?

  init(
    _ base: any GracePeriodSource,
    start: (@Sendable (inout ReaderScan) -> GracePeriodCookie)? = nil,
    scan: (@Sendable () -> ReaderScan)? = nil
  ) {
    (self.base, self.start, self.scan) = (base, start, scan)
  }

  var name: String { base.name }
  var title: String { base.title }
  var isInReadSection: Bool { base.isInReadSection }
  func waitForGracePeriod() { base.waitForGracePeriod() }
  func whileBlocked(_ body: () -> Void) { base.whileBlocked(body) }
  func asReader(_ body: () -> Void) { base.asReader(body) }
  func startGracePeriod(_ scan: inout ReaderScan) -> GracePeriodCookie {
    start?(&scan) ?? base.startGracePeriod(&scan)
  }
  func scanReaders() -> ReaderScan { scan?() ?? base.scanReaders() }
  func readersLeaveSoon() -> Bool { base.readersLeaveSoon() }
  func blockingReaders() -> [RCUStalledReader] { base.blockingReaders() }
  var wasForkedInsideSection: Bool { base.wasForkedInsideSection }
  var mustNotWaitToFork: Bool { base.mustNotWaitToFork }
  var allowsForkInGracePeriod: Bool { base.allowsForkInGracePeriod }
  func forgetOtherThreads() { base.forgetOtherThreads() }
}

extension RCUFlavor {
  static var source: any GracePeriodSource { _reclaimer.source }

  static func startGracePeriod() -> GracePeriodCookie {
    var scan = ReaderScan()
    return source.startGracePeriod(&scan)
  }

  /// Whether the cookie's grace period has ended.
  ///
  /// - Parameter earlier: only for what was published after this cookie had been taken.
  static func hasPassed(
    _ cookie: GracePeriodCookie, bornAfter earlier: GracePeriodCookie? = nil
  ) -> Bool {
    source.scanReaders().hasPassed(cookie, bornAfter: earlier)
  }
}

enum RetiredTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: RetiredTestFlavor.self)
}

enum LimitTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: LimitTestFlavor.self)
}

enum SectionLimitTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: SectionLimitTestFlavor.self)
}

enum StatisticsTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: StatisticsTestFlavor.self)
}

enum OrderTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: OrderTestFlavor.self)
}

enum PoolTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = unsafe _Reclaimer(flavor: PoolTestFlavor.self)
}

/// Opens a read section on a thread of its own and keeps it open.
struct HeldSection<Flavor: RCUFlavor>: ~Copyable {
  private let opened: Flag
  private let released: Flag
  private let thread: RunningThread

  init(of flavor: Flavor.Type = Flavor.self) {
    let (opened, released) = (Flag(), Flag())
    self.opened = opened
    self.released = released
    thread = RunningThread {
      withReaderThread(Flavor.self) {
        RCUDomain<Flavor>.withReadSection { _ in
          opened.raise()
          released.wait()
        }
      }
    }
    opened.wait()
  }

  /// Ends the section.
  consuming func end() {
    released.raise()
    thread.join()
  }
}
