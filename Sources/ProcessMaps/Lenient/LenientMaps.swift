// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// What a text says about the memory of a process, whoever has printed, pasted or trimmed it.
///
/// It reads the dialects that people have: `/proc/PID/maps` of any Linux, unpadded, trimmed,
/// indented, with carriage returns, tabs, upper-case digits or `0x`, cut in the middle; `smaps`;
/// gdb's `info proc mappings`; `pmap`, with `-x` or `-d` too; `perf script --show-mmap-events`; the
/// memory map of an Android crash report. Each line that can be read is in ``lines``. Each line
/// that can't, and each that differs from what a kernel prints in a way that matters, is in
/// ``remarks``, with the reason. Nothing is guessed without a remark.
///
/// ```swift
/// let maps = LenientMaps(pastedText)
/// for line in maps.lines { print(line.range, maps.name(of: line)) }
/// for remark in maps.remarks { print(remark) }   // line 7, column 1: …
/// let (space, left) = maps.addressSpace()        // for look-ups
/// ```
///
/// ``ProcMapsParser`` is the strict one: it accepts what a 64-bit kernel prints and nothing else,
/// and what it accepts can be printed again byte for byte.
///
/// - Threads: a value.
/// - Complexity of reading: O(bytes), times the number of mappings that a line overlaps.
public struct LenientMaps: Sendable {
  /// The text. A newline is added if it doesn't end with one.
  public let text: [UInt8]
  /// What could be read, by address, without overlaps.
  ///
  /// Where the text doesn't have a field, it is 0 or empty. Where a later line of the text overlaps
  /// an earlier one, as in a text that was read while its process changed, the later one holds, and
  /// the other one is cut.
  public private(set) var lines: [ProcMapsLine] = []
  /// What is wrong with lines, in the order of the text.
  public private(set) var remarks: [Remark] = []
  /// The number of lines that say more about a mapping, such as those of `smaps`, or that are the
  /// headings and totals of a dialect. They aren't read, and aren't wrong.
  public private(set) var otherLineCount = 0

  /// Something that is wrong with a line.
  public struct Remark: Sendable, Hashable, Codable, CustomStringConvertible {
    /// What has become of the line.
    public enum Consequence: String, Sendable, Hashable, Codable {
      /// It was read.
      case read
      /// It was read, and other lines that it overlaps were cut.
      case overlapResolved
      /// It wasn't read.
      case ignored
    }

    /// The number of the line, counted from 1.
    public var line: Int
    /// The number of the byte in the line, counted from 1.
    public var column: Int
    /// What has become of the line.
    public var consequence: Consequence
    /// What is wrong.
    public var reason: String

    /// Creates a remark with these fields.
    public init(line: Int, column: Int, consequence: Consequence, reason: String) {
      self.line = line
      self.column = column
      self.consequence = consequence
      self.reason = reason
    }

    public var description: String {
      switch consequence {
      case .read: "line \(line), column \(column): \(reason)"
      case .overlapResolved: "line \(line), column \(column): \(reason); the later line holds"
      case .ignored: "line \(line), column \(column): not read: \(reason)"
      }
    }
  }

  /// Reads a text.
  ///
  /// - Complexity: O(bytes).
  public init(_ text: [UInt8]) {
    var text = text
    let nulCount = text.reversed().prefix { $0 == 0 }.count
    text.removeLast(nulCount)
    let isCut = !text.isEmpty && text.last != UInt8(ascii: "\n")
    if isCut { text.append(UInt8(ascii: "\n")) }
    self.text = text
    readAll(isCut: isCut)
    if nulCount > 0 {
      note(
        LenientLine.Fault(column: 1, reason: "\(nulCount) NUL bytes at the end of the text"),
        line: text.count { $0 == UInt8(ascii: "\n") } + 1, .ignored)
    }
  }

  /// Reads a text in a string.
  ///
  /// - Complexity: O(bytes).
  public init(_ text: String) { self.init(Array(text.utf8)) }

  /// The name at the end of a line, as it is printed; empty if it has none.
  public func name(of line: ProcMapsLine) -> String {
    String(decoding: text[line.nameRange], as: UTF8.self)
  }

  // MARK: - Reading

  private mutating func readAll(isCut: Bool) {
    guard !text.isEmpty else { return }
    lines.reserveCapacity(text.count / 64)
    var (index, number) = (0, 0)
    // A byte order mark.
    if text.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
    while index < text.count {
      scanLines(&index, &number)
      guard index < text.count else { return }
      number += 1
      let end = text[index...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      var line = LenientLine(text, index..<end, number: number)
      switch line.read() {
      case .mapping(let mapping):
        if isCut && end == text.count - 1 {
          line.faults.append(
            LenientLine.Fault(column: end - index + 1, reason: "the text ends within the line"))
        }
        for fault in line.faults { note(fault, line: number, .read) }
        add(mapping)
      case .other: otherLineCount += 1
      case .empty: break
      case .unreadable(let fault): note(fault, line: number, .ignored)
      }
      index = end + 1
    }
  }

  /// The lines that are as a kernel prints them, up to the first that isn't.
  private mutating func scanLines(_ index: inout Int, _ number: inout Int) {
    unsafe text.withUnsafeBufferPointer { text in
      var scanner = unsafe LineScanner(text, from: index)
      while let line = scanner.next(number: number + 1, floor: lines.last?.end ?? 0) {
        number += 1
        lines.append(line)
      }
      index = scanner.index
    }
  }

  private mutating func note(
    _ fault: LenientLine.Fault, line: Int, _ consequence: Remark.Consequence
  ) {
    remarks.append(
      Remark(line: line, column: fault.column, consequence: consequence, reason: fault.reason))
  }

  /// Adds a mapping where it belongs, and cuts those that it overlaps.
  private mutating func add(_ line: ProcMapsLine) {
    if line.start >= lines.last?.end ?? 0 { return lines.append(line) }
    let first = lines.partitioningIndex { $0.end > line.start }
    var last = first
    while last < lines.count && lines[last].start < line.end { last += 1 }
    var new = [line]
    if first < last {
      let (before, after) = (lines[first], lines[last - 1])
      let others = lines[first..<last].map { "\($0.number)" }.joined(separator: ", ")
      remarks.append(
        Remark(
          line: line.number, column: 1, consequence: .overlapResolved,
          reason: "it overlaps line\(last - first == 1 ? "" : "s") \(others)"))
      if before.start < line.start {
        var rest = before
        rest.end = line.start
        new.insert(rest, at: 0)
      }
      if after.end > line.end {
        var rest = after
        if rest.inode != 0 || !rest.nameRange.isEmpty { rest.offset &+= line.end - rest.start }
        rest.start = line.end
        new.append(rest)
      }
    }
    lines.replaceSubrange(first..<last, with: new)
  }
}

extension Array {
  /// The index of the first element that satisfies a condition which all that follow satisfy, too.
  fileprivate func partitioningIndex(_ isSecond: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
