// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ErrnoNames
internal import SystemPackage
internal import VirtualMemory

/// Runs the operations of a ``MapScript`` on an `AddressSpace` of its own, and gives the results as
/// a real process would, byte for byte.
///
/// ```swift
/// let script = try MapScript(parsing: text)
/// var replay = ScriptReplay(script)
/// for operation in script.operations { print(replay.perform(operation), terminator: "") }
/// ```
///
/// Equivalent code of the circumstances: without `confine` the address space is empty; with it,
/// everything outside of the window is one inaccessible shared mapping on each side, which neither
/// counts against a limit nor ever merges with another. A fork replaces the address space by the
/// child's.
///
/// - Threads: one at a time.
public struct ScriptReplay: ~Copyable {
  let window: MapScript.Window
  private(set) var space: AddressSpace
  /// Used again by every dump.
  var text = MapsBuffer()

  /// Makes the address space that the operations of `script` start with.
  public init(_ script: MapScript) {
    window = script.window
    var configuration = AddressSpaceConfiguration()
    // The process of the reference may map low addresses, where it says so; the kernel chooses none
    // below the limit that its security modules are built with (CONFIG_LSM_MMAP_MIN_ADDR).
    configuration.minimumAddress = 65_536
    configuration.mayMapLowAddresses = true
    configuration.hasProtectionKeys = script.hasExecuteOnlyKeys
    let fillers = script.isConfined ? Self.fillers(around: script.window, configuration) : []
    let fillerBytes = fillers.reduce(0) { $0 + ($1.end - $1.start) }
    let maximumMapCount =
      script.limits.mapCount.map { Int(clamping: $0) } ?? configuration.maximumMapCount
    configuration.maximumMapCount = maximumMapCount.addingClamped(fillers.count)

    var layout = ImportedLayout()
    if let start = script.heapStart { layout.breakRange = start..<start }
    space = AddressSpace(importing: fillers, layout: layout, configuration: configuration)
    var limits = ResourceLimits()
    if let bytes = script.limits.addressSpace {
      limits.addressSpace = bytes > .max - fillerBytes ? .max : bytes + fillerBytes
    }
    if let bytes = script.limits.data { limits.data = bytes }
    if let bytes = script.limits.stack { limits.stack = bytes }
    limits.lockedMemory = script.limits.lockedMemory
    space.limits = limits
  }

  /// Performs `operation`.
  ///
  /// - Returns: its lines of the results, each with a newline: one, and of a dump one per VMA more.
  public mutating func perform(_ operation: ScriptOperation) -> String {
    var output: [UInt8] = []
    perform(operation, appendingTo: &output)
    return String(decoding: output, as: UTF8.self)
  }

  /// ``perform(_:)`` with the result's bytes appended to `output`.
  public mutating func perform(_ operation: ScriptOperation, appendingTo output: inout [UInt8]) {
    if case .dump = operation {
      appendDump(to: &output)
      output += ".\n".utf8
      return
    }
    do {
      let result = try result(of: operation)
      output += "OK\(result)".utf8
    } catch let error as Errno {
      output += "ERR \(error.name)".utf8
    } catch let fault as MemoryFault {
      output += (fault == .bus ? "ERR SIGBUS" : "ERR SIGSEGV").utf8
    } catch {
      fatalError("ScriptReplay: an address space threw \(error)")
    }
    output.append(UInt8(ascii: "\n"))
  }

  /// Everything that can be mapped but the window's pages: what a confined script starts with.
  private static func fillers(
    around window: MapScript.Window, _ configuration: AddressSpaceConfiguration
  ) -> [ImportedMapping] {
    // As shared anonymous memory. An object of its own, so that nothing else merges with it.
    let object = MappedFile(
      path: ScriptReplay.sharedMemoryName, device: configuration.sharedMemoryDevice, inode: 0)
    let first = AddressSpace.pageSize
    let last = configuration.taskSize
    let base = min(max(window.base / AddressSpace.pageSize * AddressSpace.pageSize, first), last)
    let end =
      window.end >= last
      ? last
      : max(
        (window.end + AddressSpace.pageSize - 1) / AddressSpace.pageSize * AddressSpace.pageSize,
        first)
    return [(first, base, UInt64(0)), (end, last, end)].filter { $0.0 < $0.1 }.map {
      ImportedMapping(
        start: $0.0, end: $0.1, protection: [], isShared: true,
        source: .file(object, offset: $0.2))
    }
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? .max : sum
  }
}

// MARK: - Operations

extension ScriptReplay {
  /// What follows `OK`: nothing, or a blank and the result.
  private mutating func result(of operation: ScriptOperation) throws -> String {
    switch operation {
    case .map(let address, let length, let protection, let flags, let source, let offset):
      let start = try map(address, length, protection, flags, source, offset)
      return placed(start, length)
    case .remap(let address, let length, let newLength, let flags, let newAddress):
      let start = try space.systemCalls.mremap(
        address, length: length, newLength: newLength, flags: RemapFlags(rawValue: flags),
        newAddress: newAddress)
      return placed(start, newLength)
    case .unmap(let address, let length): try space.systemCalls.munmap(address, length: length)
    case .protect(let address, let length, let protection):
      try space.systemCalls.mprotect(address, length: length, Self.protection(protection))
    case .advise(let address, let length, let advice):
      try space.systemCalls.madvise(
        address, length: length, Advice(rawValue: Int32(exactly: advice) ?? .max))
    case .lock(let address, let length, let flags):
      let onFault = ScriptWords.lockFlags.value(of: "onfault")
      guard flags == 0 || flags == onFault else { throw Errno.invalidArgument }
      try space.systemCalls.mlock(address, length: length, onFault: flags != 0)
    case .unlock(let address, let length): try space.systemCalls.munlock(address, length: length)
    case .setBreak(let address): return " " + ScriptWords.hex(space.setBreak(address))
    case .fork: space = space.fork()
    case .touch(let address): try space.simulateWrite(at: address)
    case .query(let address, let flags): return try query(address, flags)
    case .dump: break
    }
    return ""
  }

  private func map(
    _ address: UInt64, _ length: UInt64, _ protection: UInt64, _ flags: UInt64,
    _ source: ScriptSource, _ offset: UInt64
  ) throws(Errno) -> UInt64 {
    // The system call looks at these before it comes to the address space.
    guard offset % AddressSpace.pageSize == 0 else { throw .invalidArgument }
    let flags = MmapFlags(rawValue: flags)
    let backing: Backing
    if flags.contains(.anonymous) {
      backing = .anonymous
    } else if let file = Self.file(source) {
      backing = .file(file, offset: offset)
    } else {
      throw .badFileDescriptor
    }
    return try space.systemCalls.mmap(
      at: address, length: length, protection: Self.protection(protection), flags: flags,
      backing: backing)
  }

  /// The address of a new mapping, which doesn't stay if it is nowhere in the window.
  private func placed(_ start: UInt64, _ length: UInt64) -> String {
    let end =
      start + (length + AddressSpace.pageSize - 1) / AddressSpace.pageSize * AddressSpace.pageSize
    if window.intersects(start, end) { return " " + ScriptWords.hex(start) }
    // It may fail, when cutting a hole takes one VMA too many; then the mapping stays.
    try? space.systemCalls.munmap(start, length: end - start)
    return " OUTSIDE"
  }

  /// The system calls take 64 bits, of which the upper half knows no bit.
  private static func protection(_ bits: UInt64) -> Protection {
    var result = Protection(rawValue: UInt32(truncatingIfNeeded: bits))
    if bits >> 32 != 0 { result.insert(Protection(rawValue: 0x8000_0000)) }
    return result
  }

  private static func file(_ source: ScriptSource) -> MappedFile? {
    source == .none ? nil : files[Int(source.rawValue) - 1]
  }

  /// The files of all replays: they are never written.
  private static let files: [MappedFile] = ScriptSource.allCases.dropFirst().map { source in
    MappedFile(
      path: source.path ?? "", device: DeviceNumber(major: 0, minor: 1),
      inode: UInt64(source.rawValue), access: source == .fileReadOnly ? .readOnly : .readWrite,
      byteCount: ScriptSource.byteCount)
  }
}
