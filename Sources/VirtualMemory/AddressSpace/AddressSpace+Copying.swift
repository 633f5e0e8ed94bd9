// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
public import SystemPackage

extension AddressSpace {
  /// Makes a range look as a description says: for a copy of another address space that is kept up
  /// to date.
  ///
  /// One change: readers see the range as it was or as it is described, nothing between. Mappings
  /// that are there already, with the same range, access, offset and file or name, stay untouched,
  /// so that a version before and one after share what didn't change; if all are, nothing is
  /// published. Nothing is merged.
  ///
  /// - Parameters:
  ///   - range: page-aligned. What is mapped across its ends is cut.
  ///   - mappings: in ascending order, page-aligned, without overlaps, within the range. Mappings
  ///     of one file should have one ``MappedFile``, the same in each call.
  /// - Precondition: the mappings are as described, and the offsets of files multiples of the page.
  /// - Throws: `ENOMEM` if cutting a hole into one VMA would make one too many; nothing is changed
  ///   then.
  /// - Threads: any, but not in a read section. Changes exclude one another.
  /// - Complexity: O(log n) for each mapping that is described, and O(VMAs replaced).
  public func replace(
    _ range: Range<UInt64>, with mappings: some Sequence<ImportedMapping>
  ) throws(Errno) {
    require(
      range.lowerBound.isPageAligned && range.upperBound.isPageAligned
        && range.upperBound <= configuration.taskSize,
      "AddressSpace.replace: the range is page-aligned and below taskSize")
    let records = importedRecords(of: mappings, within: range)
    // The references that the records came with. What is mapped has its own.
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
  /// Whether the text shows the same of both.
  fileprivate func looksLike(_ other: Record) -> Bool {
    guard start == other.start, end == other.end,
      flags.intersection(.shown) == other.flags.intersection(.shown)
    else { return false }
    if object == other.object { return object == 0 || pageOffset == other.pageOffset }
    guard let mine = MapObject(word: object), let others = MapObject(word: other.object) else {
      return false
    }
    // Names are made anew for each description; files are not.
    guard !mine.isFile && !others.isFile else { return false }
    return unsafe mine.displayNameBytes.elementsEqual(others.displayNameBytes)
  }
}

extension VMAFlags {
  /// What the text shows.
  fileprivate static var shown: VMAFlags { [.read, .write, .execute, .mayShare] }
}
