// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SystemPackage

/// One mapping in the description of an address space, for example from the text of another
/// process.
public struct ImportedMapping: Sendable, Hashable {
  /// Where a mapping's pages come from, according to its line.
  public enum Source: Sendable, Hashable {
    /// Anonymous memory without a name.
    case anonymous
    /// Anonymous memory with a name: `[anon:NAME]`.
    case namedAnonymous([UInt8])
    /// A file, from an offset in bytes that is a multiple of the page.
    case file(MappedFile, offset: UInt64)
    /// Shared anonymous memory with a name: `[anon_shmem:NAME]`. The offset is in bytes.
    case namedSharedMemory(MappedFile, offset: UInt64, name: [UInt8])
    /// A special mapping, by its name in the text, such as `[vdso]`.
    case special([UInt8])
  }

  /// The first address.
  public var start: UInt64
  /// The address after the last one.
  public var end: UInt64
  /// The access allowed.
  public var protection: Protection
  /// Whether writes may be seen by other processes: the `s` of the text.
  public var isShared: Bool
  /// Whether an access just below its start extends it downwards, as for a stack.
  public var growsDown: Bool
  /// Where its pages come from.
  public var source: Source

  /// The addresses from ``start`` to ``end``.
  public var range: Range<UInt64> { start..<end }

  /// Creates a mapping with these fields.
  public init(
    start: UInt64, end: UInt64, protection: Protection, isShared: Bool, growsDown: Bool = false,
    source: Source
  ) {
    self.start = start
    self.end = end
    self.protection = protection
    self.isShared = isShared
    self.growsDown = growsDown
    self.source = source
  }
}

/// The values of a whole address space that determine the names of some mappings.
public struct ImportedLayout: Sendable, Hashable {
  /// The heap's range. A mapping that intersects it is named `[heap]`. Empty if there is no heap.
  public var breakRange: Range<UInt64> = 0..<0
  /// The stack's start. A mapping that contains it, or that starts or ends at it, is named
  /// `[stack]`. `nil` if there is no stack.
  public var stackStart: UInt64?
  /// The access of `[vsyscall]`; `nil` if there is none.
  public var gateProtection: Protection?
  /// Creates a layout without a heap, a stack and a gate.
  public init() {}
}

extension AddressSpace {
  /// Creates an address space from a description. Nothing is merged: the mappings stay as they are
  /// given.
  ///
  /// - Parameters:
  ///   - mappings: in ascending order, page-aligned, without overlaps, and below
  ///     ``AddressSpaceConfiguration/taskSize``.
  ///   - layout: the break, the stack and the gate.
  ///   - configuration: the constants of the machine.
  /// - Precondition: the mappings are as described, and file offsets are multiples of the page.
  ///   Names are not checked: a name that the kernel would refuse is printed as it is.
  ///   `ProcessMaps` checks a text before it passes it here.
  /// - Complexity: O(n).
  public convenience init(
    importing mappings: some Sequence<ImportedMapping>, layout: ImportedLayout = ImportedLayout(),
    configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) {
    self.init(configuration: configuration)
    replaceAll(with: mappings, layout: layout)
  }

  /// Replaces everything that is mapped, as a new program does: `execve`.
  ///
  /// This is a single change: readers see the old map or the new one, and nothing in between. The
  /// limits don't change.
  ///
  /// - Parameters and precondition: as for ``init(importing:layout:configuration:)``.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(n) in the old and the new number of VMAs.
  public func replaceAll(
    with mappings: some Sequence<ImportedMapping>, layout: ImportedLayout = ImportedLayout()
  ) {
    let records = importedRecords(of: mappings, within: 0..<configuration.taskSize)
    write { writer in writer.load(records, layout) }
  }

  /// The VMAs that are described, each holding a reference to its object.
  func importedRecords(
    of mappings: some Sequence<ImportedMapping>, within range: Range<UInt64>
  ) -> [Record] {
    var records: [Record] = []
    var lastEnd = range.lowerBound
    var names: [ImportedName: MapObject] = [:]
    for mapping in mappings {
      require(
        mapping.start.isPageAligned && mapping.end.isPageAligned && mapping.start < mapping.end
          && mapping.offset.isPageAligned && mapping.start >= lastEnd
          && mapping.end <= range.upperBound,
        "AddressSpace: imported mappings and offsets must be page-aligned, ascending, and below taskSize"
      )
      lastEnd = mapping.end
      records.append(mapping.record(&names, hasKeys: configuration.hasProtectionKeys))
    }
    for name in names.values { name.release() }
    return records
  }
}

extension ImportedMapping {
  /// The VMA, with a reference to its object.
  fileprivate func record(_ names: inout [ImportedName: MapObject], hasKeys: Bool) -> Record {
    var flags = VMAFlags(protection, hasKeys: hasKeys).union(.may)
    if isShared { flags.formUnion([.shared, .mayShare]) }
    if growsDown { flags.insert(.growsDown) }
    if !isShared && protection.contains(.write) { flags.insert(.accounted) }
    var record = Record(
      start: start, end: end, flags: flags, pageOffset: offset / .page, object: 0)
    switch source {
    case .anonymous:
      record.pageOffset = start / .page
    case .namedAnonymous(let name):
      record.pageOffset = start / .page
      record.object = ImportedName(name: name, shared: nil).object(&names)
    case .file(let file, _):
      file.object.retain()
      record.object = file.object.word
    case .namedSharedMemory(let file, _, let name):
      record.object = ImportedName(name: name, shared: file.object).object(&names)
    case .special(let name):
      record.object = MapObject(kind: .special, name: name).word
    }
    return record
  }

  /// The offset in the file in bytes; 0 if there is no file.
  fileprivate var offset: UInt64 {
    switch source {
    case .file(_, let offset), .namedSharedMemory(_, let offset, _): offset
    case .anonymous, .namedAnonymous, .special: 0
    }
  }
}

/// The key of an object that is shared by all mappings that have it, so that pieces of one mapping
/// can merge again.
private struct ImportedName: Hashable {
  var name: [UInt8]
  /// The shared memory that has the name.
  var shared: UInt

  init(name: [UInt8], shared: MapObject?) {
    self.name = name
    self.shared = shared?.word ?? 0
  }

  /// The object, with one reference for the caller and another for `names`.
  func object(_ names: inout [Self: MapObject]) -> UInt {
    let object = names[self] ?? MapObject(naming: name, shared: MapObject(word: shared))
    names[self] = object
    object.retain()
    return object.word
  }
}

extension MemoryMap {
  /// Empties the draft.
  private mutating func removeAll() {
    accountRemoval(tree.walk(endingAfter: 0), below: .max)
    tree.removeAll()
    draft = Version()
  }

  /// Makes `records`, whose references have been taken, and `layout` the draft.
  fileprivate mutating func load(_ records: [Record], _ layout: ImportedLayout) {
    removeAll()
    setContents(records)
    draft.breakStart = layout.breakRange.lowerBound
    draft.breakEnd = layout.breakRange.upperBound
    draft.stackStart = layout.stackStart ?? .max
    if let gate = layout.gateProtection {
      // Any bit means that there is a gate, even if it allows no access.
      draft.gateFlags = VMAFlags(gate).union(.may)
    }
  }
}
