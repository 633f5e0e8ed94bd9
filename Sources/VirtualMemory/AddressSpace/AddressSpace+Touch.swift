// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension AddressSpace {
  /// Writes one byte, as an instruction of the process does.
  ///
  /// What a write changes of the map: below a VMA that grows down it moves the VMA's start to its
  /// page, if ``ResourceLimits/stack`` and the other limits allow, and what is mapped below is
  /// inaccessible, grows down itself, or is ``AddressSpaceConfiguration/stackGuardGap`` away; the
  /// VMA grows also when the write then fails. And the first write to private memory decides what
  /// the VMA can merge with later: two VMAs that were touched apart never merge, while untouched
  /// memory merges with either.
  ///
  /// - Throws: ``MemoryFault/segmentation`` if nothing is mapped there, nothing can grow there, or
  ///   the mapping isn't writable; ``MemoryFault/bus`` for a page behind the end of its file.
  /// - Complexity: O(log n).
  /// - Source: the page fault: `do_user_addr_fault`, `expand_downwards`, `__anon_vma_prepare`.
  public func simulateWrite(at address: UInt64) throws(MemoryFault) {
    try write { (writer) throws(MemoryFault) in try writer.touch(address) }
  }
}
