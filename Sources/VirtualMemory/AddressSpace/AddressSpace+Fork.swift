// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SequenceLocks

extension AddressSpace {
  /// A copy for a child process: `fork`.
  ///
  /// The child gets the current version without the VMAs that have ``Advice/dontFork``. None of its
  /// memory is locked, and memory with ``Advice/wipeOnFork`` counts as never touched. Touched
  /// private memory now belongs to both processes; in the child, such VMAs no longer merge with
  /// untouched memory or with one another. The limits, the break and the stack are the parent's.
  ///
  /// - Threads: any, but not in a read section. Changes of the parent wait meanwhile.
  /// - Complexity: O(n), under the read lock.
  /// - Source: `dup_mmap`, `anon_vma_fork`.
  public func fork() -> AddressSpace {
    let child = AddressSpace(configuration: configuration)
    mapLock.withReadLock {
      let parent = unsafe writer.pointee.draft
      let limits = unsafe writer.pointee.limits
      let sharedMemoryCount = unsafe writer.pointee.sharedMemoryCount
      child.mapLock.withWriteLock {
        unsafe child.writer.pointee.limits = limits
        unsafe child.writer.pointee.sharedMemoryCount = sharedMemoryCount
        unsafe child.writer.pointee.copy(parent)
        unsafe child.publish(&child.writer.pointee)
      }
    }
    return child
  }
}

extension MemoryMap {
  /// Makes a copy of `parent`'s VMAs the draft of a new address space.
  fileprivate mutating func copy(_ parent: Version) {
    var records: [Record] = []
    records.reserveCapacity(parent.mapCount)
    parent.tree.forEach(in: 0, .max) { record in
      if let copy = childRecord(of: record) { records.append(copy) }
    }
    setContents(records)
    draft.breakStart = parent.breakStart
    draft.breakEnd = parent.breakEnd
    draft.stackStart = parent.stackStart
    draft.gateFlags = parent.gateFlags
  }

  private mutating func childRecord(of record: Record) -> Record? {
    if record.flags.contains(.dontCopy) { return nil }
    var copy = record
    copy.flags.subtract(.lockedMask)
    if copy.flags.contains(.wipeOnFork) {
      copy.anonVMA = 0
      copy.flags.remove(.inherited)
    } else if copy.anonVMA != 0 {
      // The child's own, besides the parent's, to which its pages belong.
      copy.anonVMA = nextAnonVMA()
      copy.flags.insert(.inherited)
    }
    MapObject(word: copy.object)?.retain()
    return copy
  }

  /// Makes `records`, whose references have been taken, the whole contents of an empty draft.
  mutating func setContents(_ records: [Record]) {
    isChanged = true
    tree.build(records)
    for record in records { draft.count(adding: record) }
  }
}
