// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

/// Where a mapping is requested.
struct PlacementRequest {
  /// A multiple of the page; not 0.
  var length: UInt64
  /// The fixed address; otherwise a hint, or 0.
  var address: UInt64
  var flags: MmapFlags
  /// For memory that should be aligned to huge pages: its offset in its file in bytes, 0 without a
  /// file.
  var hugePageOffset: UInt64?

  var isFixed: Bool { !flags.isDisjoint(with: [.fixed, .fixedNoReplace]) }
}

/// Where a mapping will go.
struct ChosenPlace {
  var start: UInt64
  /// The place of `start`, if it is known and the tree isn't empty. Valid until the next change.
  var place: Place?
}

extension PlacementRequest {
  init(_ request: MapRequest, length: UInt64) {
    self.init(length: length, address: request.address, flags: request.flags)
    if let file = request.file {
      if file.usesHugePages { hugePageOffset = request.fileOffset }
    } else if request.address == 0 && !request.flags.contains(.shared) {
      // Not for shared memory. A sharing type that doesn't exist is refused later.
      hugePageOffset = Self.hugePageOffset(anonymousLength: length)
    }
  }

  /// Private anonymous memory is aligned if it consists of whole huge pages.
  static func hugePageOffset(anonymousLength length: UInt64) -> UInt64? {
    length % MemoryMap.hugePage == 0 ? 0 : nil
  }
}

extension MemoryMap {
  /// The size of a huge page in bytes, to which long mappings are aligned.
  static var hugePage: UInt64 { 2 << 20 }

  /// Chooses where a mapping made by `mmap` goes. A hint is moved up to the lowest allowed address.
  ///
  /// - Throws: `EEXIST` with ``MmapFlags/fixedNoReplace`` if something is mapped there; otherwise
  ///   as ``placeRaw``.
  @inline(__always)
  mutating func place(_ request: PlacementRequest) throws(Errno) -> ChosenPlace {
    var request = request
    if !request.isFixed {
      request.address = request.address.roundedDownToPage
      if request.address != 0 && request.address < configuration.minimumAddress {
        request.address = configuration.minimumAddress
      }
    }
    var placement = try placeRaw(request)
    if request.isFixed { placement.place = tree.locate(placement.start) }
    if request.flags.contains(.fixedNoReplace),
      let next = placement.place?.record, next.start < placement.start + request.length
    {
      throw .fileExists
    }
    return placement
  }

  /// Chooses where a mapping goes.
  ///
  /// - Throws: `ENOMEM` if no free range is long enough, or if it goes beyond the task's addresses;
  ///   `EINVAL` if it isn't aligned; `EPERM` if it is too low.
  /// - Source: `__get_unmapped_area`, `arch_get_unmapped_area_topdown` of x86-64.
  @inline(__always)
  mutating func placeRaw(_ request: PlacementRequest) throws(Errno) -> ChosenPlace {
    let length = request.length
    guard length <= configuration.taskSize else { throw .noMemory }
    let placement = try choosePlacement(request)
    let address = placement.start
    guard address <= configuration.taskSize - length else { throw .noMemory }
    guard address.isPageAligned else { throw .invalidArgument }
    guard address >= configuration.minimumAddress || configuration.mayMapLowAddresses else {
      throw .notPermitted
    }
    return placement
  }

  @inline(__always)
  private mutating func choosePlacement(_ request: PlacementRequest) throws(Errno) -> ChosenPlace {
    let length = request.length
    if request.isFixed {
      // The kernel itself takes the last addresses for error numbers.
      let distance = 0 &- request.address
      if distance != 0 && distance <= 4095 { throw Errno(rawValue: Int32(distance)) }
      return ChosenPlace(start: request.address)
    }
    if let offset = request.hugePageOffset, let found = searchAligned(request, offset) {
      return found
    }
    guard let found = search(request, length: length) else { throw .noMemory }
    return found
  }

  /// The end of the free range before `record`: below its guard gap, if it grows down.
  ///
  /// - Source: `vm_start_gap`.
  mutating func guardedStart(_ record: Record) -> UInt64 {
    guard record.flags.contains(.growsDown) else { return record.start }
    return record.start > configuration.stackGuardGap
      ? record.start - configuration.stackGuardGap : 0
  }

  /// The hint, if it is free; otherwise the highest free range below the mmap base; if there is
  /// none, the lowest one above a third of the task's addresses.
  private mutating func search(_ request: PlacementRequest, length: UInt64) -> ChosenPlace? {
    if request.flags.contains(.low2GiB) {
      return hinted(request, length, below: 2 << 30)
        ?? searchBottomUp(length, from: 1 << 30, below: 2 << 30)
    }
    return hinted(request, length, below: configuration.taskSize)
      ?? searchTopDown(length, isAbove4GiB: request.flags.contains(.above4GiB))
      ?? searchBottomUp(length, from: configuration.unmappedBase, below: configuration.taskSize)
  }

  /// The hint, if the range there is free, including the next VMA's guard gap.
  private mutating func hinted(_ request: PlacementRequest, _ length: UInt64, below limit: UInt64)
    -> ChosenPlace?
  {
    let hint = request.address.roundedDownToPage
    guard hint != 0, length <= limit, hint <= limit - length else { return nil }
    let found = placement(at: hint)
    guard let next = found.place?.record else { return found }
    return hint + length <= guardedStart(next) ? found : nil
  }

  private mutating func placement(at start: UInt64) -> ChosenPlace {
    ChosenPlace(start: start, place: tree.locate(start))
  }

  private mutating func searchTopDown(_ length: UInt64, isAbove4GiB: Bool) -> ChosenPlace? {
    let low: UInt64 = isAbove4GiB ? 4 << 30 : 0
    var request = GapRequest(
      length: length, minimumAddress: max(low, configuration.minimumAddress),
      limit: configuration.mmapBase)
    while let start = tree.highestGap(request) {
      let found = placement(at: start)
      guard let next = found.place?.record, start + length > guardedStart(next) else {
        return found
      }
      request.limit = guardedStart(next)
    }
    return nil
  }

  private mutating func searchBottomUp(
    _ length: UInt64, from start: UInt64, below limit: UInt64
  ) -> ChosenPlace? {
    var request = GapRequest(
      length: length, minimumAddress: max(start, configuration.minimumAddress), limit: limit)
    while let start = tree.lowestGap(request) {
      let found = placement(at: start)
      guard let next = found.place?.record, start + length > guardedStart(next) else {
        return found
      }
      // The guard gap makes it too short; continue behind the VMA that grows.
      request.minimumAddress = next.end
    }
    return nil
  }

  /// A free range in which huge pages of the file are aligned, found by searching for a range that
  /// is one huge page longer. `nil` if there is none, or if the range contains no whole huge page.
  ///
  /// - Source: `__thp_get_unmapped_area`.
  private mutating func searchAligned(_ request: PlacementRequest, _ offset: UInt64) -> ChosenPlace?
  {
    let mask = Self.hugePage - 1
    // File offsets are signed and wrap: near the largest offset, anything counts as a huge page.
    let end = Int64(bitPattern: offset &+ request.length)
    let first = Int64(bitPattern: (offset &+ mask) & ~mask)
    let padded = request.length + Self.hugePage
    guard end > first, UInt64(bitPattern: end &- first) >= Self.hugePage,
      offset &+ padded >= offset
    else { return nil }
    guard padded <= configuration.taskSize, var found = search(request, length: padded) else {
      return nil
    }
    if found.start == request.address { return found }
    let misalignment = (offset &- found.start) & mask
    // Top-down: the higher of the two aligned places in the longer range, which lie in the same
    // gap.
    found.start += misalignment == 0 ? Self.hugePage : misalignment
    return found
  }
}
