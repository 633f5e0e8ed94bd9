// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension AddressSpace {
  /// Writes a byte, as an instruction of the process would.
  ///
  /// A write can change the map in two ways. Below a VMA that grows down, it moves the VMA's start
  /// to the written page, if ``ResourceLimits/stack`` and the other limits allow, and if the
  /// mapping below is inaccessible, grows down itself, or is
  /// ``AddressSpaceConfiguration/stackGuardGap`` away. The VMA grows even if the write then fails.
  /// And the first write to private memory decides what the VMA can merge with later: two VMAs that
  /// were touched independently never merge, while untouched memory merges with either.
  ///
  /// - Throws: ``MemoryFault/segmentation`` if nothing is mapped there and nothing can grow there,
  ///   or if the mapping isn't writable; ``MemoryFault/bus`` for a page behind the end of its file.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(log n).
  /// - Source: the page fault: `do_user_addr_fault`, `expand_downwards`, `__anon_vma_prepare`.
  public func simulateWrite(at address: UInt64) throws(MemoryFault) {
    try write { (writer) throws(MemoryFault) in try writer.touch(address) }
  }
}
