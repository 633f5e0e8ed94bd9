// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport

/// Flavors that are liburcu's bp with a reclaimer, limits and statistics of their own, so that tests
/// which look at those can run beside others. Sections and grace periods are bp's.
protocol BulletproofTestFlavor: RCUFlavor {}

extension BulletproofTestFlavor {
  static var name: String { "test" }
  static func _enterReadSection() { BulletproofFlavor._enterReadSection() }
  static func _exitReadSection() { BulletproofFlavor._exitReadSection() }
  static var _isInReadSection: Bool { BulletproofFlavor._isInReadSection }
  static var _number: Int32 { BulletproofFlavor._number }
  static func _waitForGracePeriod() { BulletproofFlavor._waitForGracePeriod() }

  /// Waits until the reclaimer has done what it was to do soon.
  static func finishChores() {
    let isDone = Flag()
    _reclaimer.runSoon { isDone.raise() }
    isDone.wait()
  }
}

enum RetiredTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = _Reclaimer(flavor: RetiredTestFlavor.self)
}

enum LimitTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = _Reclaimer(flavor: LimitTestFlavor.self)
}

enum SectionLimitTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = _Reclaimer(flavor: SectionLimitTestFlavor.self)
}

enum StatisticsTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = _Reclaimer(flavor: StatisticsTestFlavor.self)
}

enum OrderTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = _Reclaimer(flavor: OrderTestFlavor.self)
}

enum PoolTestFlavor: BulletproofTestFlavor {
  static let _reclaimer = _Reclaimer(flavor: PoolTestFlavor.self)
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
