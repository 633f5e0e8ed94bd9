// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

extension TreeWriter {
  /// Bytes of a huge page, to which long anonymous mappings are aligned.
  static var hugePage: UInt64 { 2 << 20 }

  /// Where a mapping of `length` bytes goes.
  ///
  /// - Source: `__get_unmapped_area`, `arch_get_unmapped_area_topdown` of x86-64.
  func place(
    _ request: MapRequest, length: UInt64, configuration: AddressSpaceConfiguration
  ) throws(Errno) -> UInt64 {
    guard length <= configuration.taskSize else { throw .noMemory }
    if request.isFixed {
      let address = request.address
      guard address <= configuration.taskSize - length else { throw .noMemory }
      guard address.isPageAligned else { throw .invalidArgument }
      guard address >= configuration.addressMin else { throw .notPermitted }
      if request.flags.contains(.fixedNoReplace),
        let record = draft.record(endingAbove: address), record.start < address + length
      {
        throw .fileExists
      }
      return address
    }
    var hint = request.address.roundedDownToPage
    if hint != 0 { hint = max(hint, configuration.addressMin.roundedUpToPage) }
    if hint != 0, hint <= configuration.taskSize - length {
      let next = draft.record(endingAbove: hint)
      if next.map({ hint + length <= guardedStart($0, configuration) }) ?? true { return hint }
    }
    if hint == 0, case .anonymous = request.backing, length % Self.hugePage == 0,
      let address = searchAligned(length, configuration)
    {
      return address
    }
    guard let address = search(length, configuration) else { throw .noMemory }
    return address
  }

  /// Where the free range before `record` ends: below its guard gap, if it grows down.
  ///
  /// - Source: `vm_start_gap`.
  func guardedStart(_ record: Record, _ configuration: AddressSpaceConfiguration) -> UInt64 {
    guard record.flags.contains(.growsDown) else { return record.start }
    return record.start > configuration.stackGuardGap
      ? record.start - configuration.stackGuardGap : 0
  }

  /// The highest free range below the mmap base; if there is none, the lowest above a third of the
  /// task's addresses.
  private func search(_ length: UInt64, _ configuration: AddressSpaceConfiguration) -> UInt64? {
    if let address = searchTopDown(length, configuration) { return address }
    var request = GapRequest(
      length: length, addressMin: configuration.unmappedBase, limit: configuration.taskSize)
    while let address = draft.lowestGap(request) {
      guard let next = draft.record(endingAbove: address),
        address + length > guardedStart(next, configuration)
      else { return address }
      // The guard gap cuts it: go on behind the VMA that grows.
      request.addressMin = next.end
    }
    return nil
  }

  private func searchTopDown(
    _ length: UInt64, _ configuration: AddressSpaceConfiguration
  ) -> UInt64? {
    var request = GapRequest(
      length: length, addressMin: configuration.addressMin, limit: configuration.mmapBase)
    while let address = draft.highestGap(request) {
      guard let next = draft.record(endingAbove: address),
        address + length > guardedStart(next, configuration)
      else { return address }
      request.limit = guardedStart(next, configuration)
    }
    return nil
  }

  /// A free range aligned to a huge page, by searching for one that is a huge page longer.
  ///
  /// - Source: `__thp_get_unmapped_area`.
  private func searchAligned(
    _ length: UInt64, _ configuration: AddressSpaceConfiguration
  ) -> UInt64? {
    let (padded, wraps) = length.addingReportingOverflow(Self.hugePage)
    guard !wraps, padded <= configuration.taskSize,
      let address = search(padded, configuration)
    else { return nil }
    let misalignment = (0 &- address) & (Self.hugePage - 1)
    // Top-down: of two aligned places in the padded range, the higher.
    return misalignment == 0 ? address + Self.hugePage : address + misalignment
  }
}
