// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory

extension AddressSpace {
  /// Creates an address space from the text of `/proc/PID/maps`. Its dump is equal to that text.
  ///
  /// What the text doesn't tell is chosen so that the dump is the same: lines with the same device,
  /// inode and path map one file; the heap spans the `[heap]` lines; the stack's start lies in the
  /// `[stack]` line; the mmap base is the end of the highest mapping below the stack.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - programBreak: the heap's start, which is what `brk(NULL)` returns, for a process without a
  ///     heap: the text doesn't show it then.
  ///   - configuration: the constants of the machine. The mmap base is replaced. If there are more
  ///     mappings than ``/VirtualMemory/AddressSpaceConfiguration/maximumMapCount``, that becomes
  ///     twice their number: the machine that the text is from must allow more.
  /// - Throws: ``ProcMapsError`` for a text that ``ProcMapsParser`` rejects, and for lines that no
  ///   single address space prints. A text that was read while its process changed may contain such
  ///   lines, since the kernel produces it in chunks.
  /// - Complexity: O(bytes).
  public convenience init(
    procMaps text: [UInt8], programBreak: UInt64? = nil,
    configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) throws(ProcMapsError) {
    let lines = try ProcMapsParser.parse(text)
    var importer = ProcMapsImporter(text: text, taskSize: configuration.taskSize)
    let mappings = try importer.mappings(of: lines)
    if let programBreak, importer.layout.breakRange.isEmpty {
      importer.layout.breakRange = programBreak..<programBreak
    }
    var configuration = configuration
    if let base = importer.mmapBase { configuration.mmapBase = base }
    if mappings.count > configuration.maximumMapCount {
      configuration.maximumMapCount = 2 * mappings.count
    }
    self.init(importing: mappings, layout: importer.layout, configuration: configuration)
  }

  /// Creates an address space from the text of `/proc/PID/maps` in a string.
  ///
  /// - Parameters and errors: as for ``init(procMaps:programBreak:configuration:)-([UInt8],_,_)``.
  /// - Complexity: O(bytes).
  public convenience init(
    procMaps text: String, programBreak: UInt64? = nil,
    configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) throws(ProcMapsError) {
    try self.init(
      procMaps: Array(text.utf8), programBreak: programBreak, configuration: configuration)
  }
}

/// What makes the files of two lines the same file.
struct FileKey: Hashable {
  var device: DeviceNumber
  var inode: UInt64
  var name: [UInt8]
}

/// Determines what the lines of one text describe.
private struct ProcMapsImporter {
  let text: [UInt8]
  let taskSize: UInt64
  var layout = ImportedLayout()
  private(set) var mmapBase: UInt64?
  private var files: [FileKey: MappedFile] = [:]
  /// The last line that maps a file, and that file: the next line is often of the same file.
  private var last: (line: ProcMapsLine, file: MappedFile)?

  private static let gateStart: UInt64 = 0xffff_ffff_ff60_0000

  init(text: [UInt8], taskSize: UInt64) {
    self.text = text
    self.taskSize = taskSize
  }

  mutating func mappings(of lines: [ProcMapsLine]) throws(ProcMapsError) -> [ImportedMapping] {
    try findLayout(lines)
    var mappings: [ImportedMapping] = []
    mappings.reserveCapacity(lines.count)
    for line in lines {
      if try isGate(line, isLast: line.number == lines.count) { continue }
      guard line.end <= taskSize else {
        throw error(line, "an address below 0x\(String(taskSize, radix: 16)), the task's end")
      }
      mappings.append(
        ImportedMapping(
          start: line.start, end: line.end, protection: line.protection,
          isShared: line.isShared, growsDown: name(of: line, is: Self.stackName),
          source: try source(of: line)))
    }
    return mappings
  }

  // MARK: Names that are derived

  private static let heapName = Array("[heap]".utf8)
  private static let stackName = Array("[stack]".utf8)
  private static let gateName = Array("[vsyscall]".utf8)
  private static let anonymousPrefix = Array("[anon:".utf8)
  private static let sharedPrefix = Array("[anon_shmem:".utf8)

  private func name(of line: ProcMapsLine) -> [UInt8] { Array(text[line.nameRange]) }

  /// Whether the name of `line` is `name`. Doesn't create an array for each line.
  private func name(of line: ProcMapsLine, is name: [UInt8]) -> Bool {
    line.nameRange.count == name.count && text[line.nameRange] == name[...]
  }

  private mutating func findLayout(_ lines: [ProcMapsLine]) throws(ProcMapsError) {
    let heap = lines.filter { name(of: $0, is: Self.heapName) }
    if let first = heap.first, let last = heap.last {
      layout.breakRange = first.start..<last.end
    }
    let stack = lines.filter { name(of: $0, is: Self.stackName) }
    if let first = stack.first {
      switch stack.count {
      case 1:
        // Inside the line, so that its neighbours aren't stacks.
        layout.stackStart = first.end - 16
      case 2 where first.end == stack[1].start:
        layout.stackStart = first.end
      default:
        throw error(stack[1], "one [stack], or two that meet where the stack starts")
      }
      mmapBase = lines.last { $0.end <= first.start }?.end
    }
  }

  /// `[heap]` or `[stack]`, if an anonymous mapping at `line` has that name, otherwise `nil`.
  private func derivedName(of line: ProcMapsLine) -> [UInt8]? {
    if !layout.breakRange.isEmpty && line.start < layout.breakRange.upperBound
      && line.end > layout.breakRange.lowerBound
    {
      return Self.heapName
    }
    if let start = layout.stackStart, line.start <= start, start <= line.end {
      return Self.stackName
    }
    return nil
  }

  private mutating func isGate(_ line: ProcMapsLine, isLast: Bool) throws(ProcMapsError) -> Bool {
    guard name(of: line, is: Self.gateName) else { return false }
    guard
      isLast && line.start == Self.gateStart && line.end == Self.gateStart + AddressSpace.pageSize
    else {
      throw error(line, "[vsyscall] last and at 0x\(String(Self.gateStart, radix: 16))")
    }
    guard !line.isShared && !isFile(line) else { throw error(line, "[vsyscall] without a file") }
    layout.gateProtection = line.protection
    return true
  }

  // MARK: Sources

  /// Whether the line maps a file: it has a device and an inode, or an offset, or a name that isn't
  /// in brackets.
  private func isFile(_ line: ProcMapsLine) -> Bool {
    if line.inode != 0 || line.device != DeviceNumber(major: 0, minor: 0) || line.offset != 0 {
      return true
    }
    return !line.nameRange.isEmpty && text[line.nameRange.lowerBound] != UInt8(ascii: "[")
  }

  private mutating func source(
    of line: ProcMapsLine
  ) throws(ProcMapsError) -> ImportedMapping.Source {
    let isFile = isFile(line)
    if isFile, let last, last.line.inode == line.inode, last.line.device == line.device,
      line.offset % AddressSpace.pageSize == 0, text[last.line.nameRange] == text[line.nameRange]
    {
      return .file(last.file, offset: line.offset)
    }
    if !isFile && line.nameRange.isEmpty && derivedName(of: line) == nil { return .anonymous }
    let name = name(of: line)
    if isFile {
      guard line.offset % AddressSpace.pageSize == 0 else {
        throw error(line, "an offset that is a multiple of the page")
      }
      if let given = Self.inner(of: name, prefix: Self.sharedPrefix) {
        // The name hides the path that the kernel uses for shared anonymous memory.
        let path = Array("/dev/zero (deleted)".utf8)
        return .namedSharedMemory(try file(line, path), offset: line.offset, name: given)
      }
      let file = try file(line, name)
      last = (line, file)
      return .file(file, offset: line.offset)
    }
    if let derived = derivedName(of: line) {
      let isSpecial =
        name.first == UInt8(ascii: "[") && name != Self.heapName && name != Self.stackName
        && Self.inner(of: name, prefix: Self.anonymousPrefix) == nil
      if !isSpecial {
        guard derived == name else {
          throw error(
            line, "the name \(String(decoding: derived, as: UTF8.self)), by the range it lies in")
        }
        return .anonymous
      }
    }
    if name.isEmpty { return .anonymous }
    if let given = Self.inner(of: name, prefix: Self.anonymousPrefix) {
      return .namedAnonymous(given)
    }
    return .special(name)
  }

  /// The bytes between `prefix` and a closing bracket; `nil` if `name` doesn't have both.
  private static func inner(of name: [UInt8], prefix: [UInt8]) -> [UInt8]? {
    guard name.starts(with: prefix), name.last == UInt8(ascii: "]") else { return nil }
    return Array(name[prefix.count..<name.count - 1])
  }

  private mutating func file(_ line: ProcMapsLine, _ name: [UInt8]) throws(ProcMapsError)
    -> MappedFile
  {
    let key = FileKey(device: line.device, inode: line.inode, name: name)
    if let file = files[key] { return file }
    guard name.count < MappedFile.maximumPathBytes else {
      throw error(line, "a name of less than \(MappedFile.maximumPathBytes) bytes")
    }
    let file = MappedFile(path: name, device: line.device, inode: line.inode)
    files[key] = file
    return file
  }

  private func error(_ line: ProcMapsLine, _ expected: String) -> ProcMapsError {
    let lineStart = text[..<line.nameRange.lowerBound].lastIndex(of: UInt8(ascii: "\n"))
    let start = lineStart.map { $0 + 1 } ?? 0
    let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
    return ProcMapsError(
      line: line.number, column: 1, expected: expected,
      found: "“\(String(decoding: text[start..<end], as: UTF8.self))”")
  }
}
