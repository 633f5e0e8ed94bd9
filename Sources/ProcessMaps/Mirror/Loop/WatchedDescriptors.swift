// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import SystemPackage
internal import _SystemShims

/// The descriptors for which one thread waits, each with a tag. The wait also ends at a time, or
/// when another thread wakes it.
final class WatchedDescriptors: Sendable {
  private let watch: Int32
  private let timer: Int32
  private let signal: Int32

  /// The tag of the timer and of the descriptor of ``wake()``.
  private static let ownTag = UInt64.max

  /// - Throws: the errors of opening descriptors, such as `EMFILE`.
  init() throws(Errno) {
    watch = sysshims_watch_open()
    timer = sysshims_timer_open()
    signal = sysshims_signal_open()
    guard watch >= 0 && timer >= 0 && signal >= 0,
      sysshims_watch_add(watch, timer, Self.ownTag, false) == 0,
      sysshims_watch_add(watch, signal, Self.ownTag, false) == 0
    else {
      // The deinit closes those that there are.
      throw Errno(rawValue: sysshims_errno())
    }
  }

  deinit { for descriptor in [watch, timer, signal] where descriptor >= 0 { close(descriptor) } }

  /// It is told of once each time that something happens: an event of a thread that has ended hangs
  /// up for ever, and its ring is still used by others.
  func add(_ descriptor: Int32, tag: UInt64) {
    _ = sysshims_watch_add(watch, descriptor, tag, true)
  }

  func remove(_ descriptor: Int32) { sysshims_watch_remove(watch, descriptor) }

  /// Makes ``wait(until:)`` return. Any thread may call this.
  func wake() { sysshims_signal_set(signal) }

  /// Waits until a descriptor is readable, another thread calls ``wake()``, or `time` has come, in
  /// nanoseconds of the monotonic clock.
  ///
  /// - Returns: the tags of the readable descriptors.
  func wait(until time: UInt64) -> [UInt64] {
    sysshims_timer_set(timer, time)
    var tags = [UInt64](repeating: 0, count: 64)
    let count = unsafe sysshims_watch_wait(watch, &tags, Int32(tags.count))
    sysshims_signal_clear(signal)
    return tags.prefix(Int(max(count, 0))).filter { $0 != Self.ownTag }
  }
}
