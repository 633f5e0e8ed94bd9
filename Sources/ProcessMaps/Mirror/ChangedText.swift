// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// Where a maps text differs from an earlier one: the whole lines that differ, and the addresses
/// that they cover.
struct ChangedText {
  /// The bytes of the new text between the lines that both texts begin with and those that both end
  /// with.
  let lines: Range<Int>
  /// The addresses from the end of the common lines before the difference to the start of the
  /// common lines after it.
  let addresses: Range<UInt64>

  /// Compares `new` with `old`.
  ///
  /// - Parameter taskSize: the end of the addresses that matter; `[vsyscall]` lies above it.
  /// - Throws: ``ProcMapsError`` if a line next to the difference is malformed.
  /// - Complexity: O(bytes).
  init(from old: Span<UInt8>, to new: [UInt8], taskSize: UInt64) throws(ProcMapsError) {
    let newline = UInt8(ascii: "\n")
    let (start, end) = unsafe new.withUnsafeBytes { new in
      unsafe old.withUnsafeBytes { unsafe Self.changedLines(from: $0, to: new) }
    }
    lines = start..<end
    var lower: UInt64 = 0
    if start > 0 {
      let lineStart = new[..<(start - 1)].lastIndex(of: newline).map { $0 + 1 } ?? 0
      lower = try Self.line(of: new, at: lineStart).end
    }
    var upper = taskSize
    if end < new.count { upper = min(try Self.line(of: new, at: end).start, taskSize) }
    addresses = min(lower, upper)..<upper
  }

  private static func line(of text: [UInt8], at index: Int) throws(ProcMapsError) -> ProcMapsLine {
    var cursor = ProcMapsCursor(text: text)
    cursor.index = index
    return try cursor.parseLine(after: nil)
  }

  /// The start and the end, in the new text, of the lines that differ.
  private static func changedLines(
    from old: UnsafeRawBufferPointer, to new: UnsafeRawBufferPointer
  ) -> (start: Int, end: Int) {
    let newline = UInt8(ascii: "\n")
    let common = unsafe commonPrefix(old, new)
    let start = unsafe new[..<common].lastIndex(of: newline).map { $0 + 1 } ?? 0
    let suffix = unsafe commonSuffix(old, new, limit: min(old.count, new.count) - start)
    // Go to the first line that lies completely in the common part. In both texts, a line must
    // begin there.
    var end = new.count - suffix
    if unsafe !isLineStart(new, end) || !isLineStart(old, old.count - suffix) {
      end = unsafe new[end...].firstIndex(of: newline).map { $0 + 1 } ?? new.count
    }
    return (start, end)
  }

  private static func isLineStart(_ text: UnsafeRawBufferPointer, _ index: Int) -> Bool {
    unsafe index == 0 || text[index - 1] == UInt8(ascii: "\n")
  }

  private static func commonPrefix(
    _ old: UnsafeRawBufferPointer, _ new: UnsafeRawBufferPointer
  ) -> Int {
    let count = min(old.count, new.count)
    var index = 0
    while index + 8 <= count,
      unsafe old.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        == new.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    {
      index += 8
    }
    while index < count, unsafe old[index] == new[index] { index += 1 }
    return index
  }

  private static func commonSuffix(
    _ old: UnsafeRawBufferPointer, _ new: UnsafeRawBufferPointer, limit: Int
  ) -> Int {
    var count = 0
    while count + 8 <= limit,
      unsafe old.loadUnaligned(fromByteOffset: old.count - count - 8, as: UInt64.self)
        == new.loadUnaligned(fromByteOffset: new.count - count - 8, as: UInt64.self)
    {
      count += 8
    }
    while count < limit, unsafe old[old.count - count - 1] == new[new.count - count - 1] {
      count += 1
    }
    return count
  }
}

/// Converts lines into mappings for a mirror: with the names as they are printed, and one
/// ``MappedFile`` for each file.
struct MirrorImporter {
  private struct FileKey: Hashable {
    var device: DeviceNumber
    var inode: UInt64
    var name: [UInt8]
  }

  private var files: [FileKey: MappedFile] = [:]
  private var maximumFileCount = 64

  /// Notes that the whole text has been read: `files` now has the mapped files, and few others.
  mutating func didReadAll() { maximumFileCount = max(64, 2 * files.count) }

  /// The mappings below `taskSize` that the bytes `lines` of `text` describe, in ascending order.
  ///
  /// Lines that overlap can't all belong to one address space at one instant: the kernel produces
  /// the text in chunks, and a mapping moved between two chunks. The later line is newer, so it
  /// keeps its addresses.
  ///
  /// - Returns: the mappings, and whether lines overlapped.
  /// - Throws: ``ProcMapsError`` for a malformed line.
  mutating func mappings(
    of text: [UInt8], _ lines: Range<Int>, taskSize: UInt64
  ) throws(ProcMapsError) -> (mappings: [ImportedMapping], overlap: Bool) {
    var mappings: [ImportedMapping] = []
    var overlap = false
    var cursor = ProcMapsCursor(text: text)
    cursor.index = lines.lowerBound
    while cursor.index < lines.upperBound {
      let line = try cursor.parseLine(after: nil)
      guard line.start < taskSize else { continue }
      guard line.offset.isMultiple(of: AddressSpace.pageSize) else {
        throw ProcMapsError(
          line: line.number, column: 1, expected: "an offset that is a multiple of the page",
          found: "0x" + String(line.offset, radix: 16))
      }
      while let last = mappings.last, line.start < last.end {
        overlap = true
        mappings.removeLast()
        if last.start < line.start {
          var rest = last
          rest.end = line.start
          mappings.append(rest)
        }
      }
      mappings.append(
        ImportedMapping(
          start: line.start, end: min(line.end, taskSize), protection: line.protection,
          isShared: line.isShared, source: source(of: line, text)))
    }
    return (mappings, overlap)
  }

  private mutating func source(of line: ProcMapsLine, _ text: [UInt8]) -> ImportedMapping.Source {
    source(
      device: line.device, inode: line.inode, offset: line.offset,
      name: Self.unescaped(Array(text[line.nameRange])))
  }

  /// The mapping that the answer to a query describes.
  mutating func mapping(of vma: VMA) -> ImportedMapping {
    ImportedMapping(
      start: vma.start, end: vma.end, protection: vma.protection, isShared: vma.isShared,
      source: source(device: vma.device, inode: vma.inode, offset: vma.offset, name: vma.name))
  }

  private mutating func source(
    device: DeviceNumber, inode: UInt64, offset: UInt64, name: [UInt8]
  ) -> ImportedMapping.Source {
    let isFile =
      inode != 0 || device != DeviceNumber(major: 0, minor: 0) || offset != 0
      || name.first == UInt8(ascii: "/")
    guard isFile else { return name.isEmpty ? .anonymous : .special(name) }
    let key = FileKey(device: device, inode: inode, name: name)
    if let file = files[key] { return .file(file, offset: offset) }
    // Forget the files, most of which are no longer mapped, as with a compiler. Mappings keep their
    // files alive by themselves. The next comparison then takes such a file for a different one,
    // which prints the same.
    if files.count >= maximumFileCount { files = [:] }
    let file = MappedFile(
      path: name.prefix(MappedFile.maximumPathBytes - 1), device: device, inode: inode)
    files[key] = file
    return .file(file, offset: offset)
  }

  /// A path as the kernel has it: the text shows a newline as `\012`.
  private static func unescaped(_ name: [UInt8]) -> [UInt8] {
    let escape = Array("\\012".utf8)
    guard name.contains(escape[0]) else { return name }
    var path: [UInt8] = []
    var index = 0
    while index < name.count {
      if name[index...].starts(with: escape) {
        path.append(UInt8(ascii: "\n"))
        index += escape.count
      } else {
        path.append(name[index])
        index += 1
      }
    }
    return path
  }
}
