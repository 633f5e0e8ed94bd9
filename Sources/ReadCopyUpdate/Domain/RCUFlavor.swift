// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims

/// One implementation of read sections and grace periods, which liburcu calls a *flavor*.
///
/// A flavor is a type without values. ``RCUDomain`` is generic over it, so that code which reads a
/// pointer of one flavor in a section of another doesn't compile. The requirements are for this
/// module only; use the domain.
///
/// | flavor | reader threads | a section costs | a grace period |
/// |---|---|---|---|
/// | ``BulletproofFlavor`` (`bp`) | register themselves | two plain stores | polls every 10 ms |
/// | ``MembarrierFlavor`` (`memb`) | are registered | two plain stores | is woken by the reader |
/// | ``MemoryBarrierFlavor`` (`mb`) | are registered | two memory barriers | needs no system call |
/// | ``QuiescentStateFlavor`` (`qsbr`) | also announce | only checks | waits for announcements |
public protocol RCUFlavor: SendableMetatype {
  /// The flavor's short name in liburcu: `bp`, `memb`, `mb`, `qsbr`.
  static var name: String { get }

  /// `rcu_read_lock`. A grace period orders everything in the section after it.
  @unsafe
  static func _enterReadSection()
  /// The same, for a section so long that a memory barrier costs nothing beside it. A writer that
  /// checks whether its readers have left then needs no system call. Not in a signal handler.
  @unsafe
  static func _enterFencedReadSection()
  /// The same, for a section that loads pointers with acquiring loads, then checks
  /// ``_isSnapshotSection(_:)``, and either follows these pointers and no others, or leaves. What
  /// is published later, and replaced again, doesn't wait for it.
  @unsafe
  static func _enterSnapshotReadSection() -> UInt64
  /// Whether the loaded pointers may be followed.
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
  /// Whether debug builds check that references are used in their sections. False for a test's
  /// flavor that opens no sections.
  static var _checksSections: Bool { get }
  /// The shims' number for this flavor.
  static var _number: Int32 { get }
  /// The domain's own thread and queue of retirements.
  static var _reclaimer: _Reclaimer { get }
  /// Takes over a retirement. It is a function of the flavor, so that it needs no reference
  /// counting of the reclaimer.
  ///
  /// - Parameter mayWait: whether it may wait for the reclaimer past a limit.
  /// - Parameter owner: the address of the pointer that is being destroyed with what it owns; 0 for
  ///   anything else.
  static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt)
  /// Waits for the reclaimer if a limit is exceeded and waiting is allowed.
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

  /// The grace period of every flavor, unless a test leaves something out.
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

/// Traps a read on a thread that isn't registered: liburcu would let it through, and would free
/// memory that it reads.
@usableFromInline
@inline(never)
func _unregisteredReader(_ flavor: StaticString) -> Never {
  fail(
    "RCUDomain<\(flavor)>: this thread is not registered; read inside withRegisteredThread { }")
}

/// Traps if this process was forked inside a read section: nobody can wait for its readers.
func trapIfForkedInsideSection(_ wasForkedInsideSection: Bool) {
  require(
    !wasForkedInsideSection,
    "RCUDomain: this process was forked inside a read section; leave the section before fork, or exec in the child"
  )
}
