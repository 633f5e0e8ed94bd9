// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

/// liburcu's `bp`: a thread registers itself at its first read (about a microsecond, once).
///
/// The default, since the threads of Swift Concurrency, Dispatch and SwiftNIO can't be registered
/// by hand. Reads as fast as ``MembarrierFlavor``.
public enum BulletproofFlavor: RCUFlavor {
  /// The flavor's name in liburcu: `bp`.
  public static var name: String { "bp" }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterReadSection() { rcushims_bp_read_lock() }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterFencedReadSection() { rcushims_bp_read_lock_fenced() }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterSnapshotReadSection() -> UInt64 { rcushims_bp_read_lock_snapshot() }

  @inlinable @inline(__always)
  public static func _isSnapshotSection(_ number: UInt64) -> Bool {
    rcushims_is_snapshot_section(Int32(RCUSHIMS_BP), number)
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _exitReadSection() { rcushims_bp_read_unlock() }

  @inlinable @inline(__always)
  public static var _isInReadSection: Bool { rcushims_bp_read_ongoing() }

  public static var _number: Int32 { Int32(RCUSHIMS_BP) }
  public static let _reclaimer = unsafe _Reclaimer(flavor: BulletproofFlavor.self)
  public static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt) {
    _reclaimer.retire(retirement, mayWait: mayWait, owner: owner)
  }
  public static func _waitBelowLimit() { _reclaimer.waitBelowLimit() }
}

/// liburcu's `memb`: `sys_membarrier` takes the place of memory barriers on the read side.
///
/// A thread must register with ``RCUDomain/withRegisteredThread(_:)``. A read section on an
/// unregistered thread traps: liburcu would let it through, and would free memory that it reads.
///
/// The end of a long section wakes the grace period that waits for it; `bp` checks every 10 ms
/// instead.
public enum MembarrierFlavor: ThreadRegisteringFlavor {
  /// The flavor's name in liburcu: `memb`.
  public static var name: String { "memb" }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterReadSection() {
    guard rcushims_memb_read_lock() else { _unregisteredReader("MembarrierFlavor") }
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterFencedReadSection() {
    guard rcushims_memb_read_lock_fenced() else { _unregisteredReader("MembarrierFlavor") }
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterSnapshotReadSection() -> UInt64 {
    let number = rcushims_memb_read_lock_snapshot()
    guard number != 0 else { _unregisteredReader("MembarrierFlavor") }
    return number
  }

  @inlinable @inline(__always)
  public static func _isSnapshotSection(_ number: UInt64) -> Bool {
    rcushims_is_snapshot_section(Int32(RCUSHIMS_MEMB), number)
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _exitReadSection() { rcushims_memb_read_unlock() }

  @inlinable @inline(__always)
  public static var _isInReadSection: Bool { rcushims_memb_read_ongoing() }

  public static var _number: Int32 { Int32(RCUSHIMS_MEMB) }
  public static let _reclaimer = unsafe _Reclaimer(flavor: MembarrierFlavor.self)
  public static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt) {
    _reclaimer.retire(retirement, mayWait: mayWait, owner: owner)
  }
  public static func _waitBelowLimit() { _reclaimer.waitBelowLimit() }
  public static var _isThreadRegistered: Bool { rcushims_memb_is_registered() }
}

/// liburcu's `mb`: memory barriers at both ends of a section, so that a grace period needs no
/// system call. Where `sys_membarrier` is forbidden, `memb` and `bp` do the same.
///
/// Threads register as for ``MembarrierFlavor``.
public enum MemoryBarrierFlavor: ThreadRegisteringFlavor {
  /// The flavor's name in liburcu: `mb`.
  public static var name: String { "mb" }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterReadSection() {
    guard rcushims_mb_read_lock() else { _unregisteredReader("MemoryBarrierFlavor") }
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterFencedReadSection() {
    guard rcushims_mb_read_lock_fenced() else { _unregisteredReader("MemoryBarrierFlavor") }
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterSnapshotReadSection() -> UInt64 {
    let number = rcushims_mb_read_lock_snapshot()
    guard number != 0 else { _unregisteredReader("MemoryBarrierFlavor") }
    return number
  }

  @inlinable @inline(__always)
  public static func _isSnapshotSection(_ number: UInt64) -> Bool {
    rcushims_is_snapshot_section(Int32(RCUSHIMS_MB), number)
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _exitReadSection() { rcushims_mb_read_unlock() }

  @inlinable @inline(__always)
  public static var _isInReadSection: Bool { rcushims_mb_read_ongoing() }

  public static var _number: Int32 { Int32(RCUSHIMS_MB) }
  public static let _reclaimer = unsafe _Reclaimer(flavor: MemoryBarrierFlavor.self)
  public static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt) {
    _reclaimer.retire(retirement, mayWait: mayWait, owner: owner)
  }
  public static func _waitBelowLimit() { _reclaimer.waitBelowLimit() }
  public static var _isThreadRegistered: Bool { rcushims_mb_is_registered() }
}

/// liburcu's `qsbr`: a section costs nothing but its checks. Instead, each registered thread
/// announces when it uses nothing that it has read.
///
/// Threads register as for ``MembarrierFlavor``, and are then *online*. An online thread must call
/// ``RCUDomain/quiescentState()`` from time to time, or it holds up every grace period. Around
/// everything that blocks (input, a lock, a join), it goes offline with ``RCUDomain/offline(_:)``;
/// the calls of this module that wait do that themselves. Signal handlers can't open sections.
public enum QuiescentStateFlavor: ThreadRegisteringFlavor {
  /// The flavor's name in liburcu: `qsbr`.
  public static var name: String { "qsbr" }

  @inlinable @inline(__always)
  @unsafe
  public static func _enterReadSection() {
    guard rcushims_qsbr_read_lock() else { _offlineReader() }
  }

  @inlinable @inline(__always)
  @unsafe
  public static func _exitReadSection() { rcushims_qsbr_read_unlock() }

  @inlinable @inline(__always)
  public static var _isInReadSection: Bool { rcushims_qsbr_read_ongoing() }

  public static var _number: Int32 { Int32(RCUSHIMS_QSBR) }
  public static let _reclaimer = unsafe _Reclaimer(flavor: QuiescentStateFlavor.self)
  public static func _retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt) {
    _reclaimer.retire(retirement, mayWait: mayWait, owner: owner)
  }
  public static func _waitBelowLimit() { _reclaimer.waitBelowLimit() }
  public static var _isThreadRegistered: Bool { rcushims_qsbr_is_registered() }
}

/// Traps a read on an offline thread, whose sections no grace period waits for.
@usableFromInline
@inline(never)
func _offlineReader() -> Never {
  require(
    !rcushims_qsbr_is_registered(),
    "RCUDomain<QuiescentStateFlavor>: this thread is offline; read outside of offline { }")
  _unregisteredReader("QuiescentStateFlavor")
}

/// Traps unless the thread is registered, online and in no section.
@usableFromInline
@inline(__always)
func _requireBetweenSections(_ call: StaticString) {
  if !rcushims_qsbr_is_between_sections() { _notBetweenSections(call) }
}

@usableFromInline
@inline(never)
func _notBetweenSections(_ call: StaticString) -> Never {
  if rcushims_qsbr_read_ongoing() {
    fail("RCUDomain.\(call) inside a read section; leave the section first")
  }
  if rcushims_qsbr_is_registered() {
    fail("RCUDomain.\(call) on a thread that is offline; call it outside of offline { }")
  }
  fail(
    "RCUDomain.\(call) on a thread that is not registered; call it inside withRegisteredThread { }"
  )
}

extension RCUDomain where Flavor == QuiescentStateFlavor {
  /// Announces that the calling thread uses nothing that it has read, so that grace periods stop
  /// waiting for it.
  ///
  /// - Precondition: the thread is registered and online, and in no section.
  /// - Memory ordering: a full barrier, unless no grace period has begun since the last call.
  ///   Everything that the thread did before happens before the end of every grace period that now
  ///   waits for it. *Pairs with* ``synchronize()``.
  /// - Complexity: O(1); two loads if no grace period is in progress.
  /// - Source: `rcu_quiescent_state`.
  @inlinable
  public static func quiescentState() {
    _requireBetweenSections("quiescentState()")
    rcushims_qsbr_quiescent_state()
  }

  /// ``RCUDomain/withReadSection(_:)`` without its checks: it adds no instruction.
  ///
  /// For the innermost loops of threads whose code is known as a whole. Where
  /// ``RCUDomain/withReadSection(_:)`` would trap, this reads freed memory.
  ///
  /// - Safety: the caller guarantees that the thread is registered and online, and that neither
  ///   `body` nor anything that it calls announces a quiescent state, goes offline, waits for a
  ///   grace period or for anything else of this module, or retires past the domain's limits.
  /// - Memory ordering: as ``RCUDomain/withReadSection(_:)``. In a stall report, a thread in such a
  ///   section appears as one that announces no quiescent state.
  /// - Complexity: O(1).
  /// - Source: `rcu_read_lock` of liburcu's qsbr, which is empty.
  @unsafe
  @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
  @inlinable @inline(__always)
  public static func withUncheckedReadSection<R: ~Copyable, E: Error>(
    _ body: (ReadSection) throws(E) -> R
  ) throws(E) -> R {
    try body(unsafe ReadSection(unchecked: ()))
  }

  /// Runs `body`, which may block but must not read. No grace period waits for the thread
  /// meanwhile.
  ///
  /// - Precondition: the thread is registered and online, and in no section.
  /// - Memory ordering: a full barrier before and after `body`; otherwise as ``quiescentState()``.
  /// - Complexity: O(1), besides `body`.
  /// - Source: `rcu_thread_offline`, `rcu_thread_online`.
  @inlinable
  @available(*, noasync, message: "a task may change threads; use the default domain, RCU")
  public static func offline<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    _requireBetweenSections("offline")
    rcushims_qsbr_go_offline()
    defer { rcushims_qsbr_go_online() }
    return try body()
  }
}
