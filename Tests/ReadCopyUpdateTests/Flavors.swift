// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
internal import _RCUShims

/// Flavors that are liburcu's bp with a reclaimer, limits and statistics of their own, so that tests
/// which look at those can run beside others. Sections and grace periods are bp's.
protocol BulletproofTestFlavor: RCUFlavor {}

extension BulletproofTestFlavor {
  static var name: String { "test" }
  // Some open no sections.
  static var _checksSections: Bool { false }
  static func _enterReadSection() { unsafe BulletproofFlavor._enterReadSection() }
  static func _enterLongReadSection() { unsafe BulletproofFlavor._enterLongReadSection() }
  static func _enterSealedReadSection() -> UInt64 {
    unsafe BulletproofFlavor._enterSealedReadSection()
  }
  static func _isSealed(_ number: UInt64) -> Bool { BulletproofFlavor._isSealed(number) }
  static func _exitReadSection() { unsafe BulletproofFlavor._exitReadSection() }
  static var _isInReadSection: Bool { BulletproofFlavor._isInReadSection }
  static var _number: Int32 { BulletproofFlavor._number }
  static func _waitForGracePeriod() { BulletproofFlavor._waitForGracePeriod() }
}

extension rcushims_view {
  static var ofNobody: rcushims_view {
    var view = rcushims_view()
    view.oldest = .max
    view.oldest_open = .max
    return view
  }
}

extension RCUFlavor {
  static func startWatch() -> rcushims_watch { _startWatch().0 }

  /// Whether a grace period has passed since `watch` began.
  static func hasPassed(_ watch: rcushims_watch) -> Bool {
    WatchedBatch(publishedSince: nil, watch: watch, batch: ReturnedBatch())
      .hasPassed(_lookAtReaders())
  }

  /// The same for what was published after `earlier` had begun.
  static func hasPassed(_ watch: rcushims_watch, publishedSince earlier: rcushims_watch) -> Bool {
    WatchedBatch(publishedSince: earlier, watch: watch, batch: ReturnedBatch())
      .hasPassed(_lookAtReaders())
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
