// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The sums over all VMAs of one version of an address space, without `[vsyscall]`.
///
/// Each VMA is either shared, of a file or anonymous; the other sums count some of them again. It
/// is address space that is counted, not memory: how much of it is in memory is known to the kernel
/// alone (`smaps`).
///
/// - Source: `vm_stat_account`, and `VmData`, `VmLck` of `/proc/PID/status`.
public struct MapsTotals: Sendable, Hashable, Codable {
  /// The version.
  public internal(set) var generation: UInt64
  /// The number of VMAs.
  public internal(set) var count: Int
  /// Bytes of all VMAs: `VmSize`.
  public internal(set) var mappedBytes: UInt64
  /// Bytes of VMAs that are shared (`s` in the text), of files and of memory.
  public internal(set) var sharedBytes: UInt64
  /// Bytes of private VMAs of files.
  public internal(set) var fileBytes: UInt64
  /// Bytes of private VMAs that are writable, but for stacks: what `RLIMIT_DATA` bounds.
  public internal(set) var dataBytes: UInt64
  /// Bytes of locked memory: `VmLck`.
  public internal(set) var lockedBytes: UInt64
  /// Bytes that are executable.
  public internal(set) var executableBytes: UInt64
  /// Bytes that are writable and executable at once, which most programs should have none of.
  public internal(set) var writableExecutableBytes: UInt64

  /// Bytes of private VMAs of no file: heaps, stacks and other memory.
  public var anonymousBytes: UInt64 { mappedBytes - sharedBytes - fileBytes }

  init(_ version: Version) {
    generation = version.generation
    count = version.mapCount
    mappedBytes = version.pageCount * .page
    sharedBytes = version.sharedPages * .page
    fileBytes = version.filePages * .page
    dataBytes = version.dataPages * .page
    lockedBytes = version.lockedPages * .page
    executableBytes = version.executablePages * .page
    writableExecutableBytes = version.writableExecutablePages * .page
  }
}

extension AddressSpace {
  /// The sums over all VMAs, of one version.
  ///
  /// - Threads: any; without a lock.
  /// - Complexity: O(1): changes keep them.
  public var totals: MapsTotals { withCurrentVersion { MapsTotals($0) } }
}

extension MapsSnapshot {
  /// The sums over all VMAs.
  ///
  /// - Complexity: O(1).
  public var totals: MapsTotals { withVersion { MapsTotals($0) } }
}

/// How much more, or less, of one file or of one name is mapped in one version than in another.
public struct MapsGrowth: Sendable, Hashable, Codable {
  /// The file's path or the name, such as `[heap]`; empty for memory without a name. The bytes are
  /// as the kernel has them.
  public var name: [UInt8]
  /// The device of the file; 0:0 for what has none.
  public var device: DeviceNumber
  /// The inode of the file; 0 for what has none.
  public var inode: UInt64
  /// Bytes more that are mapped; negative if they are less.
  public var bytes: Int64 = 0
  /// VMAs more.
  public var count = 0
}

extension MapsDifference {
  /// What has grown and what has shrunk, by file and by name.
  ///
  /// - Returns: those whose bytes or count differ, what has grown most first.
  /// - Complexity: as reading the difference, and O(g log g) in the number of names.
  public func growth() -> [MapsGrowth] {
    struct Key: Hashable {
      var name: [UInt8]
      var device: DeviceNumber
      var inode: UInt64
    }
    var growth: [Key: MapsGrowth] = [:]
    func add(_ vma: VMA, _ sign: Int64) {
      let key = Key(name: vma.name, device: vma.device, inode: vma.inode)
      var entry =
        growth[key] ?? MapsGrowth(name: vma.name, device: vma.device, inode: vma.inode)
      entry.bytes += sign * Int64(vma.end - vma.start)
      entry.count += Int(sign)
      growth[key] = entry
    }
    for change in self {
      switch change {
      case .removed(let vma): add(vma, -1)
      case .added(let vma): add(vma, 1)
      case .changed(let old, let new):
        add(old, -1)
        add(new, 1)
      }
    }
    return growth.values.filter { $0.bytes != 0 || $0.count != 0 }
      .sorted { ($1.bytes, $0.name.description) < ($0.bytes, $1.name.description) }
  }
}
