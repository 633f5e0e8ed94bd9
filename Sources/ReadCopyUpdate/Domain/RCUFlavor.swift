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
  static func _enterReadSection()
  /// `rcu_read_unlock`.
  static func _exitReadSection()
  /// `rcu_read_ongoing`.
  static var _isInReadSection: Bool { get }
  /// `synchronize_rcu`. Blocks the thread.
  static func _waitForGracePeriod()
  /// Whether a grace period has passed without waiting, since nobody reads.
  static func _passGracePeriod() -> Bool
  /// Which of the shims' flavors this is.
  static var _number: Int32 { get }
  /// Runs `body`, which blocks, without holding up grace periods by that.
  static func _whileBlocked(_ body: () -> Void)
  /// Runs `body`, which may read, on a thread that may not be registered.
  static func _asReader(_ body: () -> Void)
  /// The domain's own thread and queue of retirements.
  static var _reclaimer: _Reclaimer { get }
  /// Takes over a retirement. A function of the flavor's own, so that no reference to the reclaimer is
  /// counted for it.
  static func _retire(_ retirement: consuming _Retirement)
}

extension RCUFlavor {
  public static func _whileBlocked(_ body: () -> Void) { body() }
  public static func _asReader(_ body: () -> Void) { body() }
  public static func _retire(_ retirement: consuming _Retirement) { _reclaimer.retire(retirement) }

  public static func _passGracePeriod() -> Bool { rcushims_pass_grace_period(_number) }

  /// What every flavor's grace period is, unless a test leaves something out.
  public static func _waitForGracePeriod() {
    trapIfLost(rcushims_is_lost(_number))
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
  public static func _registerThread() {
    trapIfLost(rcushims_is_lost(_number))
    rcushims_register_thread(_number)
  }

  // Not by a cast at run time: the runtime's locks may be lost in a child of fork.
  public static func _asReader(_ body: () -> Void) {
    if _isThreadRegistered { return body() }
    _registerThread()
    // liburcu's registry leads through the threads' own memory.
    defer { _unregisterThread() }
    body()
  }

  public static func _unregisterThread() { rcushims_unregister_thread(_number) }
}

/// Reading on a thread that isn't registered: liburcu would let it through, and free memory under
/// it.
@usableFromInline
@inline(never)
func _unregisteredReader(_ flavor: StaticString) -> Never {
  preconditionFailure(
    "RCUDomain<\(flavor)>: this thread is not registered; read inside withRegisteredThread { }")
}

/// Traps where this process was forked inside a read section: nobody can wait for its readers.
func trapIfLost(_ isLost: Bool) {
  precondition(
    !isLost,
    "RCUDomain: this process was forked inside a read section; leave the section before fork, or exec in the child"
  )
}
