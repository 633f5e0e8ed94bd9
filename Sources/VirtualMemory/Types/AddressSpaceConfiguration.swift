// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Glibc
internal import _SystemShims

/// The constants of a machine and a process that decide where mappings go and how many there may
/// be.
public struct AddressSpaceConfiguration: Sendable, Hashable, Codable {
  /// The end of user addresses, `TASK_SIZE`: 0x7fff_ffff_f000 on x86-64 with four page-table
  /// levels.
  public var taskSize: UInt64 = 0x7fff_ffff_f000
  /// The lowest address that may be mapped, `vm.mmap_min_addr`.
  public var minimumAddress: UInt64 = 4096
  /// Whether fixed mappings may nevertheless lie below ``minimumAddress``, as for a process with
  /// `CAP_SYS_RAWIO`.
  public var mayMapLowAddresses = false
  /// The end of the area that the top-down search uses, at most ``taskSize``. The kernel leaves at
  /// least 128 MiB above it for the stack.
  public var mmapBase: UInt64 = 0x7fff_ffff_f000 - (128 << 20)
  /// `vm.max_map_count`: `map` fails if there are more VMAs than this; a split fails if there are
  /// as many.
  public var maximumMapCount: Int = 65_530
  /// The number of bytes kept free below a mapping that grows down: 256 pages.
  public var stackGuardGap: UInt64 = 256 * 4096
  /// The device of shared anonymous memory, which the kernel keeps in a file system of its own.
  public var sharedMemoryDevice = DeviceNumber(major: 0, minor: 1)
  /// Whether the processor has protection keys and the kernel uses them, as on most x86-64 servers
  /// since 2017: `ospke` among the flags in `/proc/cpuinfo`.
  ///
  /// With keys, memory whose protection is exactly ``Protection/execute`` gets a key that forbids
  /// reading. Such memory can't be populated: ``AddressSpace/lock(_:onFault:)`` locks it but fails
  /// with `ENOMEM`; ``MapFlags/locked``, ``MapFlags/populate`` and growth succeed without
  /// populating anything. Merging compares the key like a flag. So execute-only memory without the
  /// key stays separate; that is memory for which ``Protection/atomicOperations`` was also
  /// requested.
  ///
  /// - Source: `execute_only_pkey`, `arch_override_mprotect_pkey`, `arch_vma_access_permitted`.
  public var hasProtectionKeys = false
  /// Which side goes first at the address space's lock. Readers take the lock only with
  /// ``ReadingStrategy/locked``, and with ``ReadingStrategy/speculative`` after failures.
  public var lockPreference = LockPreference.writers

  /// Which side goes first at a readers-writer lock.
  public enum LockPreference: Sendable, Hashable, Codable {
    /// Readers: a writer may wait as long as there are readers.
    case readers
    /// Writers: new readers wait for a waiting writer.
    case writers
  }

  /// Creates the constants of Linux on x86-64 with four page-table levels.
  public init() {}

  /// The configuration of the running machine, as far as it can be read: ``hasProtectionKeys`` from
  /// the processor, ``maximumMapCount`` and ``minimumAddress`` from `/proc/sys/vm`. Everything else
  /// is as in ``init()``.
  ///
  /// - Complexity: reads two short files.
  public static var current: AddressSpaceConfiguration {
    var configuration = AddressSpaceConfiguration()
    configuration.hasProtectionKeys = sysshims_has_protection_keys()
    if let count = number(in: "/proc/sys/vm/max_map_count") {
      configuration.maximumMapCount = Int(clamping: count)
    }
    if let address = number(in: "/proc/sys/vm/mmap_min_addr") {
      configuration.minimumAddress = min(address.roundedUpToPage, configuration.mmapBase)
    }
    return configuration
  }

  /// The number that a file of `/proc/sys` holds; `nil` if there is none.
  private static func number(in path: String) -> UInt64? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
      let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
      guard count > 0 else { return nil }
      let digits = unsafe buffer.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }
      return UInt64(unsafe String(decoding: digits, as: UTF8.self))
    }
  }

  /// Traps unless the values are consistent.
  func validate() {
    require(
      taskSize.isPageAligned && minimumAddress.isPageAligned && mmapBase.isPageAligned
        && stackGuardGap.isPageAligned,
      "AddressSpaceConfiguration: addresses must be multiples of the page")
    require(
      minimumAddress < taskSize && mmapBase <= taskSize && taskSize < 1 << 63,
      "AddressSpaceConfiguration: need minimumAddress < taskSize, mmapBase <= taskSize < 2^63")
    require(maximumMapCount >= 0, "AddressSpaceConfiguration: maximumMapCount must not be negative")
  }

  /// Where the bottom-up search starts, which is used if nothing is free below ``mmapBase``.
  var unmappedBase: UInt64 { (taskSize / 3).roundedUpToPage }
}

/// A device number, split into two parts as in `stat` and the text of maps.
public struct DeviceNumber: Sendable, Hashable, Codable, BitwiseCopyable {
  /// The driver's number.
  public var major: UInt32
  /// The device's number within its driver.
  public var minor: UInt32
  /// Creates a device number from its two parts.
  @inlinable public init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }
}

extension UInt64 {
  /// The size of a page in bytes.
  static var page: UInt64 { 4096 }
  var isPageAligned: Bool { self & (Self.page - 1) == 0 }
  var roundedDownToPage: UInt64 { self & ~(Self.page - 1) }
  /// Rounds up to a page. Wraps to 0 past the last page, as the kernel's `PAGE_ALIGN` does.
  var roundedUpToPage: UInt64 { (self &+ (Self.page - 1)) & ~(Self.page - 1) }
}
