// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate

extension AddressSpace {
  /// The whole text of `/proc/PID/maps`.
  ///
  /// - Threads: as for ``dump(into:by:)``.
  /// - Complexity: O(VMAs), and the allocations of a new buffer; see ``dump(into:by:)``.
  public func mapsText(by strategy: ReadingStrategy = .snapshot) -> MapsBuffer {
    var buffer = MapsBuffer()
    dump(into: &buffer, by: strategy)
    return buffer
  }

  /// Writes the text of `/proc/PID/maps` to `buffer`, replacing its contents.
  ///
  /// With ``ReadingStrategy/snapshot``, the text shows exactly one version. With the other
  /// strategies, it may mix versions, as the kernel's may: the ends strictly increase; a VMA may
  /// appear twice, before and after a change; what was mapped both before and after the call is
  /// never missing.
  ///
  /// - Threads: any, but not in a signal handler: its read section is a long one, with a fence, and
  ///   must not begin between the steps of another section's beginning.
  /// - Complexity: O(VMAs). Allocates only if the buffer must grow, and outside of the section. If
  ///   a snapshot doesn't fit, another one is taken, of the version that is current then.
  public func dump(into buffer: inout MapsBuffer, by strategy: ReadingStrategy = .snapshot) {
    var position: UInt64 = 0
    var kept = 0
    while true {
      var formatter = unsafe ChunkFormatter(
        out: buffer.memory + kept, capacity: buffer.capacity - kept, limit: .max, wanted: .max,
        position: position)
      format(&formatter, strategy)
      if formatter.state == .end {
        buffer.count = kept + formatter.count
        buffer.generation = formatter.generation
        return
      }
      if strategy != .snapshot {
        // The other strategies go on where they stopped.
        kept += formatter.count
        position = formatter.position
      }
      buffer.count = kept
      buffer.grow()
    }
  }
}

extension AddressSpace.Labels {
  /// A copy of what the text shows of `record`.
  func vma(of record: Record, in version: Version) -> VMA {
    let object = object(of: record, in: version)
    let header = object.isFile ? object : nil
    return unsafe VMA(
      start: record.start, end: record.end,
      protection: Protection(rawValue: UInt32(record.flags.rawValue & 7)),
      isShared: record.flags.contains(.mayShare),
      offset: header == nil ? 0 : record.pageOffset &* .page,
      device: header?.header.pointee.device ?? DeviceNumber(major: 0, minor: 0),
      inode: header?.header.pointee.inode ?? 0,
      name: Array(object.displayNameBytes))
  }
}
