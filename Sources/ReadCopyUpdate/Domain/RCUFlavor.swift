// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims

/// One implementation of read sections and grace periods, as liburcu calls it: a *flavor*.
///
/// A flavor is a type without values; ``RCUDomain`` is generic over it, so that a section of one
/// flavor can't read a pointer of another: it doesn't compile. The requirements are this module's
/// own; use the domain.
///
/// | flavor | reader threads | a section costs | a grace period |
/// |---|---|---|---|
/// | ``BulletproofFlavor`` (`bp`) | register themselves | two plain stores | polls each 10 ms while a section is long |
/// | ``MembarrierFlavor`` (`memb`) | are registered | two plain stores | is woken by the reader |
/// | ``MemoryBarrierFlavor`` (`mb`) | are registered | two memory barriers | needs no system call |
/// | ``QuiescentStateFlavor`` (`qsbr`) | are registered, and announce | nothing but its checks | waits for announcements |
public protocol RCUFlavor: SendableMetatype {
  /// The flavor's short name in liburcu: `bp`, `memb`, `mb`, `qsbr`.
  static var name: String { get }

  /// `rcu_read_lock`. Orders everything of the section after it, against a grace period.
  @unsafe
  static func _enterReadSection()
  /// The same, for a section beside which a memory barrier costs nothing: a writer that looks
  /// whether its readers have left needs no system call then. Not in a signal handler.
  @unsafe
  static func _enterFencedReadSection()
  /// The same, for a section that loads pointers, by acquiring loads, and then either follows
  /// these, if ``_isSnapshotSection(_:)``, and no others, or leaves. What is published later, and
  /// replaced again, doesn't wait for it.
  @unsafe
  static func _enterSnapshotReadSection() -> UInt64
  /// Whether what has been loaded may be followed.
  ///
  /// - Parameter number: what ``_enterSnapshotReadSection()`` returned.
  static func _isSnapshotSection(_ number: UInt64) -> Bool
  /// `rcu_read_unlock`.
  @unsafe
  static func _exitReadSection()
  /// `rcu_read_ongoing`.
  static var _isInReadSection: Bool { get }
  /// `synchronize_rcu`. Blocks the thread.
  static func _waitForGracePeriod()
  /// Whether debug builds check that references are used in their sections: not for a test's flavor
  /// that opens none.
  static var _checksSections: Bool { get }
  /// Which of the shims' flavors this is.
  static var _number: Int32 { get }
  /// The domain's own thread and queue of retirements.
  static var _reclaimer: _Reclaimer { get }
  /// Takes over a retirement. A function of the flavor's own, so that no reference to the reclaimer
  /// is counted for it.
  ///
  /// - Parameter mayWait: past a limit, for the reclaimer.
  /// - Parameter owner: the address of the pointer that goes, with what it owned; 0: another place.
  static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt)
  /// Waits for the reclaimer past a limit, where that is allowed.
  static func _waitBelowLimit()
}

extension RCUFlavor {
  public static var _checksSections: Bool { true }
  @unsafe
  public static func _enterFencedReadSection() { unsafe _enterReadSection() }
  @unsafe
  public static func _enterSnapshotReadSection() -> UInt64 {
    unsafe _enterFencedReadSection()
    return .max
  }
  public static func _isSnapshotSection(_ number: UInt64) -> Bool { true }
  public static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt) {
    _reclaimer.retire(retirement, mayWait: mayWait, owner: owner)
  }
  public static func _waitBelowLimit() { _reclaimer.waitBelowLimit() }

  /// What every flavor's grace period is, unless a test leaves something out.
  public static func _waitForGracePeriod() {
    trapIfForkedInsideSection(rcushims_is_lost(_number))
    rcushims_synchronize(_number)
  }
}

/// A flavor whose reader threads must be registered before they read.
///
/// See ``RCUDomain/withRegisteredThread(_:)``.
public protocol ThreadRegisteringFlavor: RCUFlavor {
  static var _isThreadRegistered: Bool { get }
}

extension ThreadRegisteringFlavor {
  @unsafe
  public static func _registerThread() {
    trapIfForkedInsideSection(rcushims_is_lost(_number))
    rcushims_register_thread(_number)
  }

  @unsafe
  public static func _unregisterThread() { rcushims_unregister_thread(_number) }
}

/// Reading on a thread that isn't registered: liburcu would let it through, and free memory under
/// it.
@usableFromInline
@inline(never)
func _unregisteredReader(_ flavor: StaticString) -> Never {
  fail(
    "RCUDomain<\(flavor)>: this thread is not registered; read inside withRegisteredThread { }")
}

/// Traps where this process was forked inside a read section: nobody can wait for its readers.
func trapIfForkedInsideSection(_ wasForkedInsideSection: Bool) {
  require(
    !wasForkedInsideSection,
    "RCUDomain: this process was forked inside a read section; leave the section before fork, or exec in the child"
  )
}
