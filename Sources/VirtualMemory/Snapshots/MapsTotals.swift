// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Sums over all VMAs of one version of an address space, without `[vsyscall]`.
///
/// Every VMA is either shared, private and of a file, or anonymous. The other sums overlap with
/// these. The sums are of address space, not of memory: only the kernel knows how much of it is
/// resident (`smaps`).
///
/// - Source: `vm_stat_account`; `VmSize`, `VmData` and `VmLck` in `/proc/PID/status`.
public struct MapsTotals: Sendable, Hashable, Codable {
  /// The ``AddressSpace/generation`` of the version.
  public internal(set) var generation: UInt64
  /// The number of VMAs.
  public internal(set) var count: Int
  /// The bytes of all VMAs: `VmSize`.
  public internal(set) var mappedBytes: UInt64
  /// The bytes of shared VMAs (`s` in the text), whether they map a file or memory.
  public internal(set) var sharedBytes: UInt64
  /// The bytes of private VMAs that map a file.
  public internal(set) var fileBytes: UInt64
  /// The bytes of private writable VMAs, except stacks: `VmData`, which `RLIMIT_DATA` bounds.
  public internal(set) var dataBytes: UInt64
  /// The bytes of locked VMAs: `VmLck`.
  public internal(set) var lockedBytes: UInt64
  /// The bytes of executable VMAs.
  public internal(set) var executableBytes: UInt64
  /// The bytes of VMAs that are both writable and executable. Most programs should have none.
  public internal(set) var writableExecutableBytes: UInt64

  /// The bytes of private VMAs without a file: heaps, stacks and other memory.
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
  /// - Threads: any. Lock-free.
  /// - Complexity: O(1), since every change updates the sums.
  public var totals: MapsTotals { withCurrentVersion { MapsTotals($0) } }
}

extension MapsSnapshot {
  /// The sums over all VMAs of this version.
  ///
  /// - Threads: any.
  /// - Complexity: O(1).
  public var totals: MapsTotals { withVersion { MapsTotals($0) } }
}

/// How much the mapped bytes and the VMAs of one file or one name have grown from one version to
/// another.
public struct MapsGrowth: Sendable, Hashable, Codable {
  /// The file's path, or the name, such as `[heap]`. Empty for memory without a name. The bytes are
  /// as the kernel has them.
  public var name: [UInt8]
  /// The file's device; 0:0 if there is no file.
  public var device: DeviceNumber
  /// The file's inode; 0 if there is no file.
  public var inode: UInt64
  /// The growth in mapped bytes; negative if they have become fewer.
  public var bytes: Int64 = 0
  /// The growth in VMAs; negative if they have become fewer.
  public var count = 0
}

extension MapsDifference {
  /// The growth of each file and each name.
  ///
  /// - Returns: the files and names whose bytes or number of VMAs differ, in descending order of
  ///   growth in bytes.
  /// - Threads: any.
  /// - Complexity: reading the difference, plus O(g log g) for g files and names.
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
