// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import VirtualMemory

/// The parts of a report as lines, for the terminal and for plain text.
struct Sections {
  let watch: Watch
  let columns: Int
  let hasColors: Bool

  // MARK: Head

  /// Which process, how many mappings, how fresh.
  func head() -> [Line] {
    let snapshot = watch.snapshot
    var title = Line("process \(watch.process.pid)", .strong)
    let room = max(8, min(columns, Self.maximumTitleColumns) - title.columnCount - 2)
    title.append("  " + Harmless.prefix(watch.command, columns: room))

    var count = Line(Numbers.mappings(snapshot.count))
    if let maximum = WatchedProcess.maximumMapCount {
      let left = max(0, maximum - snapshot.count)
      let isShort = left < maximum / 10
      count.append(" of \(Numbers.grouped(maximum)), ")
      count.append("\(Numbers.grouped(left)) left", isShort ? .warning : .plain)
    }
    count.append(", \(Numbers.bytes(snapshot.mappedBytes)) mapped")
    return [title, count, freshness()]
  }

  /// A command line may have megabytes.
  private static var maximumTitleColumns: Int { 200 }

  private func freshness() -> Line {
    var line: Line
    let freshness = watch.freshness
    switch freshness.state {
    case .live:
      let age = freshness.unverifiedSeconds ?? 0
      line = Line("as it was \(Numbers.seconds(age)) ago")
    case .contended:
      line = Line("changes faster than it can be read", .warning)
    case .exited:
      line = Line("has exited: as it was last seen", .warning)
    }
    line.append(", generation \(Numbers.grouped(Int(watch.snapshot.generation)))")
    line.append(", changes by \(watch.process.mirror.source)")
    return line
  }

  /// Bytes by kind, each with what stands for it in the picture, in as few lines as they fit into.
  func legend() -> [Line] {
    var lines = [Line()]
    for kind in MappingKind.allCases {
      guard let count = watch.tally.byKind[kind] else { continue }
      var item = Line(mark(of: kind), .kind(kind))
      item.append(" \(kind.title) \(Numbers.bytes(count.bytes))")
      append(item, to: &lines)
    }
    append(Line("· hole", .faint), to: &lines)
    let partial = hasColors ? "▓▒░" : "lower case"
    append(Line("\(partial): a hole in part", .faint), to: &lines)
    append(Line("each bar has a scale of its own", .faint), to: &lines)
    return lines
  }

  private func mark(of kind: MappingKind) -> String {
    hasColors && kind != .writableExecutable ? "█" : String(kind.letter)
  }

  private func append(_ item: Line, to lines: inout [Line]) {
    let used = lines[lines.count - 1].columnCount
    if used > 0 {
      if used + 2 + item.columnCount > columns {
        lines.append(Line())
      } else {
        lines[lines.count - 1].append("  ")
      }
    }
    for piece in item.pieces { lines[lines.count - 1].append(piece.text, piece.style) }
  }

  // MARK: Picture

  /// The address before a row, and the blank after it.
  private static var gutter: Int { 17 }

  /// The picture, in at most so many lines, and at least two.
  func picture(maximumLineCount: Int) -> [Line] {
    let picture = Picture(
      Array(watch.snapshot), maximumRegionCount: max(1, min(16, maximumLineCount / 2)))
    let cellsPerRow = max(8, columns - Self.gutter)
    let pieces = picture.regions.map { picture.pieces(of: $0, joinsNeighbors: true) }
    let rowCounts = Self.rowCounts(
      pieceCounts: pieces.map(\.count), cellsPerRow: cellsPerRow,
      maximum: maximumLineCount - picture.regions.count)
    var lines: [Line] = []
    for (index, region) in picture.regions.enumerated() {
      lines.append(heading(of: region))
      let rowCount = rowCounts[index]
      let bar = Bar(pieces[index], cellCount: rowCount * cellsPerRow)
      for row in 0..<rowCount {
        let cells = row * cellsPerRow..<(row + 1) * cellsPerRow
        let address = Numbers.hex(bar.cells[cells.lowerBound].address)
        let padding = String(repeating: " ", count: max(0, Self.gutter - 1 - address.count))
        var line = Line(padding + address + " ", .faint)
        for piece in bar.line(cells, hasColors: hasColors).pieces {
          line.append(piece.text, piece.style)
        }
        lines.append(line)
      }
    }
    return lines
  }

  private func heading(of region: Picture.Region) -> Line {
    let hole = Numbers.bytes(region.holeBefore)
    let length = region.range.upperBound - region.range.lowerBound
    var line = Line(String(repeating: " ", count: Self.gutter))
    line.append("⋮ hole of \(hole)", .faint)
    line.append(
      "  ▼ \(Numbers.bytes(length)) with \(Numbers.mappings(region.mappings.count))")
    return line
  }

  /// How many rows each region gets: one, and, while there are lines, more for those whose pieces
  /// don't have two cells each.
  static func rowCounts(pieceCounts: [Int], cellsPerRow: Int, maximum: Int) -> [Int] {
    var rows = [Int](repeating: 1, count: pieceCounts.count)
    for _ in 0..<max(0, maximum - rows.count) {
      let crowded = rows.indices.filter { 2 * pieceCounts[$0] > rows[$0] * cellsPerRow }
      guard
        let most = crowded.max(by: { left, right in
          pieceCounts[left] * rows[right] < pieceCounts[right] * rows[left]
        })
      else { break }
      rows[most] += 1
    }
    return rows
  }

  // MARK: Growth and changes

  /// Growth of files, or of everything else by its name, in at most so many lines; none if there is
  /// none.
  func growth(ofFiles: Bool, maximumLineCount: Int = .max) -> [Line] {
    let growth = watch.growth.filter { $0.owner.isFile == ofFiles }
    guard !growth.isEmpty, maximumLineCount > 1 else { return [] }
    let subject = ofFiles ? "file" : "name"
    var lines = [
      Line("growth by \(subject) since \(Numbers.timeOfDay(watch.start))", .strong)
    ]
    for item in growth.prefix(maximumLineCount - 1) {
      let numbers =
        "  \(Self.padded(Numbers.added(item.addedBytes), 10))"
        + "  \(Self.padded(Numbers.added(item.addedMappings), 6))"
        + "  of \(Numbers.bytes(item.bytes)) in \(Numbers.grouped(item.mappingCount))  "
      var line = Line(numbers, item.addedBytes < 0 ? .removed : .added)
      let room = max(8, columns - line.columnCount)
      line.append(Harmless.suffix(item.owner.title, columns: room))
      lines.append(line)
    }
    return lines
  }

  private static func padded(_ text: String, _ columns: Int) -> String {
    String(repeating: " ", count: max(0, columns - text.count)) + text
  }

  /// The last changes that fit, the latest at the end.
  func lastChanges(maximumLineCount: Int) -> [Line] {
    guard maximumLineCount > 1 else { return [] }
    let title = "changes: \(Numbers.grouped(watch.changeCount))"
    var lines: [Line] = []
    for seen in watch.changes.reversed() {
      let next = Self.lines(of: seen, columns: columns)
      if lines.count + next.count > maximumLineCount - 1 { break }
      lines += next.reversed()
    }
    return [Line(title, .strong)] + lines.reversed()
  }

  /// A change as a line for what is gone and one for what there is now, each with its time.
  ///
  /// Where a line is too long, it has only addresses, access and the end of the name.
  static func lines(of seen: Watch.SeenChange, columns: Int) -> [Line] {
    let time = Numbers.timeOfDay(seen.time) + " "
    func line(_ sign: String, _ vma: VMA, _ style: Style) -> Line {
      let name = vma.name.isEmpty ? "" : " " + Harmless.text(vma.name)
      var unnamed = vma
      unnamed.name = []
      var words = "\(sign) \(unnamed)".split(separator: " ")
      if Harmless.columnCount(time + words.joined(separator: " ") + name) > columns {
        // The sign, the addresses and the access.
        words = Array(words.prefix(3))
      }
      var line = Line(time, .faint)
      line.append(words.joined(separator: " "), style)
      line.append(Harmless.suffix(name, columns: max(8, columns - line.columnCount)), style)
      return line
    }
    return switch seen.change {
    case .removed(let vma): [line("-", vma, .removed)]
    case .added(let vma): [line("+", vma, .added)]
    case .changed(let old, let new): [line("-", old, .removed), line("+", new, .added)]
    }
  }
}
