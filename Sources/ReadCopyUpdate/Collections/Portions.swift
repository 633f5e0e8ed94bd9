// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

extension RCUDomain {
  /// Destroys a container after a grace period, in portions between which the reclaimer does its
  /// other work: whatever its size, nobody waits for it.
  ///
  /// - Parameter bytes: what that gives back. It is in ``RCUStatistics/pendingBytes``, but doesn't
  ///   count for the limits: those who drop a container and those who wait past a limit would be
  ///   different threads.
  /// - Parameter destroyPortion: destroys a part that takes as long as `PortionTimer` says, and
  ///   returns whether anything is left.
  static func destroyInPortions(
    bytes: Int, _ destroyPortion: @escaping @Sendable () -> Bool
  ) {
    Flavor._reclaimer.addDroppedBytes(bytes)
    afterGracePeriod(mayWait: false) { continueInPortions(bytes: bytes, destroyPortion) }
  }

  private static func continueInPortions(
    bytes: Int, _ destroyPortion: @escaping @Sendable () -> Bool
  ) {
    guard destroyPortion() else { return Flavor._reclaimer.addDroppedBytes(-bytes) }
    Flavor._reclaimer.continueLater { continueInPortions(bytes: bytes, destroyPortion) }
  }
}

/// How long a portion takes: half a millisecond.
struct PortionTimer {
  private static let nanoseconds: UInt64 = 500_000
  /// How many steps are made between two looks at the clock.
  private static let stepCount = 64
  private var end: UInt64 = 0
  private var steps = 0

  /// Whether the portion is large enough. To be asked after each step.
  var isOver: Bool {
    mutating get {
      steps += 1
      guard steps % Self.stepCount == 0 else { return false }
      let now = sysshims_now()
      if end == 0 { end = now + Self.nanoseconds }
      return now >= end
    }
  }
}

/// What is left of a chain of nodes that nobody can reach any more.
///
/// Used only by the domain's runner, after a grace period.
@safe
final class ChainRemains: @unchecked Sendable {
  // Sendable: one thread after another uses it, and the reclaimer's lock orders them.
  private var next: UnsafeMutableRawPointer?
  private let destroy: (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer?

  /// - Parameter destroy: destroys and frees a node; returns the next one.
  init(
    _ first: UnsafeMutableRawPointer,
    _ destroy: @escaping (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer?
  ) {
    unsafe next = first
    unsafe self.destroy = destroy
  }

  /// Destroys some of the nodes.
  ///
  /// - Returns: whether any are left.
  func destroyPortion() -> Bool {
    var timer = PortionTimer()
    while let node = unsafe next {
      unsafe next = destroy(node)
      if timer.isOver { break }
    }
    return unsafe next != nil
  }
}
