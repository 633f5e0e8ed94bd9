// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage

extension AddressSpace {
  /// Makes a range look as described; used to keep a copy of another address space up to date.
  ///
  /// This is a single change: readers see the range either as it was or as described. A mapping
  /// that is already there with the same range, access, offset, and file or name isn't touched, so
  /// that the versions before and after share what didn't change. If all mappings are already
  /// there, no version is published. Adjacent mappings aren't merged.
  ///
  /// - Parameters:
  ///   - range: the range, page-aligned. VMAs that extend beyond its ends are cut there.
  ///   - mappings: the mappings in the range, page-aligned, in ascending order and without
  ///     overlaps. Pass the same ``MappedFile`` for all mappings of a file, in every call.
  /// - Precondition: the range ends at or below ``AddressSpaceConfiguration/taskSize``, the
  ///   mappings are as described, and the offsets of files are multiples of the page.
  /// - Throws: `ENOMEM` if cutting a hole into a VMA would exceed the maximum number of VMAs; then
  ///   nothing has changed.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(log n) for each mapping in the description, plus O(VMAs replaced).
  public func replace(
    _ range: Range<UInt64>, with mappings: some Sequence<ImportedMapping>
  ) throws(Errno) {
    require(
      range.lowerBound.isPageAligned && range.upperBound.isPageAligned
        && range.upperBound <= configuration.taskSize,
      "AddressSpace.replace: the range must be page-aligned and below taskSize")
    let records = importedRecords(of: mappings, within: range)
    // Releases the references of the descriptions; the VMAs hold their own.
    defer { for record in records { MapObject(word: record.object)?.release(mayWait: true) } }
    try write { (writer) throws(Errno) in try writer.replace(range, with: records) }
  }
}

extension MemoryMap {
  fileprivate mutating func replace(_ range: Range<UInt64>, with records: [Record]) throws(Errno) {
    var position = range.lowerBound
    for record in records {
      if let old = tree.firstRecord(endingAfter: record.start), old.looksLike(record) {
        if position < record.start { try removeRange(position, record.start) }
      } else {
        try removeRange(position, record.end)
        replace(record.start, record.end, with: Replacement(record))
      }
      position = record.end
    }
    if position < range.upperBound { try removeRange(position, range.upperBound) }
  }
}

extension Record {
  /// Whether both look the same in the text.
  fileprivate func looksLike(_ other: Record) -> Bool {
    guard start == other.start, end == other.end,
      flags.intersection(.shown) == other.flags.intersection(.shown)
    else { return false }
    if object == other.object { return object == 0 || pageOffset == other.pageOffset }
    guard let mine = MapObject(word: object), let others = MapObject(word: other.object) else {
      return false
    }
    // Every description has new objects for names, but the same ones for files.
    guard !mine.isFile && !others.isFile else { return false }
    return unsafe mine.displayNameBytes.elementsEqual(others.displayNameBytes)
  }
}

extension VMAFlags {
  /// The flags that the text shows.
  fileprivate static var shown: VMAFlags { [.read, .write, .execute, .mayShare] }
}
