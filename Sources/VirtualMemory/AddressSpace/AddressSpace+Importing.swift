// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SequenceLocks
internal import SystemPackage

/// One mapping of an address space that is made from a description, as from another process's text.
public struct ImportedMapping: Sendable {
  /// What a mapping's line says about where its pages come from.
  public enum Source: Sendable {
    /// Anonymous memory without a name.
    case anonymous
    /// Anonymous memory with a name: `[anon:NAME]`.
    case namedAnonymous([UInt8])
    /// A file, from an offset in bytes.
    case file(MappedFile, offset: UInt64)
    /// Shared anonymous memory with a name: `[anon_shmem:NAME]`.
    case namedSharedMemory(MappedFile, offset: UInt64, name: [UInt8])
    /// A special mapping, by the name that the text shows: `[vdso]`.
    case special([UInt8])
  }

  public var start: UInt64
  public var end: UInt64
  public var protection: Protection
  public var isShared: Bool
  public var growsDown: Bool
  public var source: Source

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

/// The numbers of a whole address space from which names are derived.
public struct ImportedLayout: Sendable {
  /// The heap's range; `[heap]` is what intersects it. Empty for none.
  public var breakRange: Range<UInt64> = 0..<0
  /// The stack's start; `[stack]` is what contains it, or ends or starts at it.
  public var stackStart: UInt64?
  /// The access of `[vsyscall]`; `nil` if there is none.
  public var gateProtection: Protection?
  public init() {}
}

extension AddressSpace {
  /// Makes an address space from a description. Nothing is merged: neighbours stay as they are
  /// given.
  ///
  /// - Parameters:
  ///   - mappings: in ascending order, page-aligned, without overlaps, below
  ///     ``AddressSpaceConfiguration/taskSize``.
  ///   - layout: the break, the stack and the gate.
  /// - Precondition: the mappings are as described, and the offsets of files multiples of the page.
  ///   Names are not checked: one that the kernel would refuse is printed as it is.
  ///   `ProcessMaps` checks text before it comes here.
  /// - Complexity: O(n).
  public convenience init(
    importing mappings: some Sequence<ImportedMapping>, layout: ImportedLayout = ImportedLayout(),
    configuration: AddressSpaceConfiguration = AddressSpaceConfiguration(),
    lockPreferring preference: MapLock.Preference = .writers
  ) {
    self.init(configuration: configuration, lockPreferring: preference)
    exec(importing: mappings, layout: layout)
  }

  /// Replaces everything that is mapped, as a new program does: `execve`.
  ///
  /// One change: readers see the old map or the new one, nothing between. The limits stay.
  ///
  /// - Parameters and precondition: as ``init(importing:layout:configuration:lockPreferring:)``.
  /// - Complexity: O(n) in what was mapped and what is.
  public func exec(
    importing mappings: some Sequence<ImportedMapping>, layout: ImportedLayout = ImportedLayout()
  ) {
    var records: [Record] = []
    var lastEnd: UInt64 = 0
    // One object per distinct name: pieces of one mapping can merge again.
    var names: [[UInt8]: MapObject] = [:]
    for mapping in mappings {
      precondition(
        mapping.start.isPageAligned && mapping.end.isPageAligned && mapping.start < mapping.end
          && mapping.offset.isPageAligned && mapping.start >= lastEnd
          && mapping.end <= configuration.taskSize,
        "AddressSpace: imported mappings and offsets are page-aligned, ascending, below taskSize")
      lastEnd = mapping.end
      records.append(mapping.record(&names))
    }
    try? write { writer in writer.load(records, layout) }
    for name in names.values { name.release() }
  }
}

extension ImportedMapping {
  /// The VMA, with its objects' references taken.
  fileprivate func record(_ names: inout [[UInt8]: MapObject]) -> Record {
    var flags = VMAFlags(protection).union(.may)
    if isShared { flags.formUnion([.shared, .mayShare]) }
    if growsDown { flags.insert(.growsDown) }
    if !isShared && protection.contains(.write) { flags.insert(.accounted) }
    var record = Record(
      start: start, end: end, flags: flags, pageOffset: start / .page, object: 0, name: 0)
    switch source {
    case .anonymous:
      break
    case .namedAnonymous(let name):
      record.name = Self.nameObject(name, &names)
    case .file(let file, let offset):
      file.object.retain()
      record.object = file.object.word
      record.pageOffset = offset / .page
    case .namedSharedMemory(let file, let offset, let name):
      file.object.retain()
      record.object = file.object.word
      record.pageOffset = offset / .page
      record.name = Self.nameObject(name, &names)
    case .special(let name):
      let object = MapObject(kind: .special, name: name)
      record.object = object.word
      record.pageOffset = 0
    }
    return record
  }

  /// The file's offset in bytes; 0 without a file.
  fileprivate var offset: UInt64 {
    switch source {
    case .file(_, let offset), .namedSharedMemory(_, let offset, _): offset
    case .anonymous, .namedAnonymous, .special: 0
    }
  }

  private static func nameObject(
    _ name: [UInt8], _ names: inout [[UInt8]: MapObject]
  ) -> UInt {
    let object = names[name] ?? MapObject(kind: .anonymousName, name: name)
    names[name] = object
    object.retain()
    return object.word
  }
}

extension TreeWriter {
  /// Empties the draft.
  private mutating func removeAll() {
    var words: [UInt] = []
    draft.forEach(in: 0, .max) { record in
      if record.object != 0 { words.append(record.object) }
      if record.name != 0 { words.append(record.name) }
    }
    released += words
    if let root = unsafe draft.root { unsafe discardSubtree(root, level: draft.height) }
    draft = Version()
  }

  /// Makes `records`, whose references are taken, and `layout` the draft.
  fileprivate mutating func load(_ records: [Record], _ layout: ImportedLayout) {
    removeAll()
    setContents(records)
    draft.breakStart = layout.breakRange.lowerBound
    draft.breakEnd = layout.breakRange.upperBound
    draft.stackStart = layout.stackStart ?? .max
    if let gate = layout.gateProtection {
      // Any bit says that there is a gate, though it may allow nothing.
      draft.gateFlags = VMAFlags(gate).union(.may)
    }
  }
}
