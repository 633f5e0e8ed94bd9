// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

/// One implementation of read sections and grace periods, as liburcu calls it: a *flavor*.
///
/// A flavor is a type without values; ``RCUDomain`` is generic over it, so that a section of one
/// flavor can't read a pointer of another: it doesn't compile. The requirements are this module's
/// own; use the domain. Two flavors are provided: ``BulletproofFlavor`` and ``MembarrierFlavor``.
public protocol RCUFlavor: SendableMetatype {
  /// The flavor's short name in liburcu: `bp`, `memb`.
  static var name: String { get }

  /// `rcu_read_lock`. Orders everything of the section after it, against a grace period.
  static func _enterReadSection()
  /// `rcu_read_unlock`.
  static func _exitReadSection()
  /// `rcu_read_ongoing`.
  static var _isInReadSection: Bool { get }
  /// `synchronize_rcu`. Blocks the thread.
  static func _waitForGracePeriod()
  /// Makes the calling thread one that may read, until it ends.
  static func _prepareReclaimerThread()
  /// Undoes `_prepareReclaimerThread`, before the thread ends.
  static func _finishReclaimerThread()
  /// The domain's own thread and queue of retirements.
  static var _reclaimer: _Reclaimer { get }
}

extension RCUFlavor {
  public static func _prepareReclaimerThread() {}
  public static func _finishReclaimerThread() {}
}

/// A flavor whose reader threads must be registered before they read.
///
/// See ``RCUDomain/withRegisteredThread(_:)``.
public protocol ThreadRegisteringFlavor: RCUFlavor {
  static var _isThreadRegistered: Bool { get }
  static func _registerThread()
  static func _unregisterThread()
}

/// liburcu's `bp`: a thread registers itself the first time it reads (about a microsecond, once).
///
/// The default, since the threads of Swift Concurrency, Dispatch and SwiftNIO can't be registered
/// by hand. Reads as fast as ``MembarrierFlavor``.
public enum BulletproofFlavor: RCUFlavor {
  public static var name: String { "bp" }

  @inlinable @inline(__always)
  public static func _enterReadSection() { rcushims_bp_read_lock() }

  @inlinable @inline(__always)
  public static func _exitReadSection() { rcushims_bp_read_unlock() }

  @inlinable @inline(__always)
  public static var _isInReadSection: Bool { rcushims_bp_read_ongoing() }

  public static func _waitForGracePeriod() { rcushims_bp_synchronize() }

  public static let _reclaimer = _Reclaimer(flavor: BulletproofFlavor.self)
}

/// liburcu's `memb`: `sys_membarrier` takes the memory barriers off the read side.
///
/// A thread registers with ``RCUDomain/withRegisteredThread(_:)``. A read section on a thread that
/// has not traps: liburcu would let it through, and free memory under it.
public enum MembarrierFlavor: ThreadRegisteringFlavor {
  public static var name: String { "memb" }

  @inlinable @inline(__always)
  public static func _enterReadSection() {
    precondition(
      rcushims_memb_is_registered(),
      "RCUDomain<MembarrierFlavor>: this thread is not registered; read inside withRegisteredThread { }"
    )
    rcushims_memb_read_lock()
  }

  @inlinable @inline(__always)
  public static func _exitReadSection() { rcushims_memb_read_unlock() }

  @inlinable @inline(__always)
  public static var _isInReadSection: Bool { rcushims_memb_read_ongoing() }

  public static func _waitForGracePeriod() { rcushims_memb_synchronize() }

  public static func _prepareReclaimerThread() { rcushims_memb_register_thread() }

  // liburcu's registry is a list through the threads' own memory.
  public static func _finishReclaimerThread() { rcushims_memb_unregister_thread() }

  public static let _reclaimer = _Reclaimer(flavor: MembarrierFlavor.self)

  public static var _isThreadRegistered: Bool { rcushims_memb_is_registered() }
  public static func _registerThread() { rcushims_memb_register_thread() }
  public static func _unregisterThread() { rcushims_memb_unregister_thread() }
}
