// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

extension RCUDomain {
  /// Destroys, after a grace period, an array that a table has outgrown.
  @usableFromInline
  static func retire(_ array: _TableArray) {
    afterGracePeriod(bytes: array.count * _TableLine.byteCount, mayWait: false) {
      unsafe array.destroy()
    }
  }
}

/// A hash table that nobody can reach any more, with its elements.
///
/// Used only by the domain's runner, after a grace period.
@safe
final class _TableRemains: @unchecked Sendable {
  // Sendable: one thread after another uses it, and the reclaimer's lock orders them.
  private let storage: UnsafeMutablePointer<_TableStorage>
  private let node: _RetiredNode
  private var array: _TableArray
  private var bucket = 0

  init(_ storage: UnsafeMutablePointer<_TableStorage>, node: _RetiredNode) {
    unsafe self.storage = storage
    self.node = node
    array = unsafe storage.pointee.array
  }

  /// The bytes that destroying the table gives back.
  var bytes: Int {
    unsafe max(0, storage.pointee.counts.sum) * node.bytes + array.count * _TableLine.byteCount
  }

  /// Destroys some of the elements.
  ///
  /// - Returns: whether any are left.
  func destroyPortion() -> Bool {
    var timer = PortionTimer()
    while bucket < array.count {
      let isMoved = destroyBucket()
      bucket += 1
      if !isMoved && timer.isOver { return true }
    }
    let next = unsafe array.header.pointee.next.load(ordering: .acquiring)
    unsafe array.destroy()
    if next != 0 {
      array = _TableArray(next)
      bucket = 0
      return true
    }
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
    return false
  }

  /// - Returns: whether the elements are in the next array.
  private func destroyBucket() -> Bool {
    let first = array.line(at: bucket)
    guard
      unsafe first.control.pointee.load(ordering: .acquiring) & _TableLine.isMoved == 0
    else { return true }
    var line: _TableLine? = first
    while let current = line {
      var places = unsafe current.control.pointee.load(ordering: .acquiring) & _TableLine.occupied
      while places != 0 {
        let object = unsafe current.node(places)
        unsafe node.deinitialize(object)
        unsafe object.deallocate()
        places &= places &- 1
      }
      line = current.next
    }
    return false
  }
}
