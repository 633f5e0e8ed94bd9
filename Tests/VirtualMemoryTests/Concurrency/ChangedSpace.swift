// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// An address space that is changed to and fro, and what readers of it may see.
final class ChangedSpace: Sendable {
  typealias Line = MapsLine

  let space = AddressSpace()
  let change: ReversibleChange
  let before: MapsState
  let after: MapsState
  private let generationBefore: UInt64
  /// What is mapped before and after, in ascending pieces.
  private let kept: [Range<UInt64>]
  /// From the first to the last VMA that is not the same in both states.
  private let changedRange: Range<UInt64>

  init(_ change: ReversibleChange) throws {
    self.change = change
    try change.setUp(space)
    before = try MapsState(of: space)
    try change.modify(space)
    after = try MapsState(of: space)
    try change.restore(space)
    generationBefore = space.generation
    kept = before.overlap(with: after)
    try #require(before != after)
    let changed = before.lines(notIn: after) + after.lines(notIn: before)
    changedRange = changed.map(\.start).min()!..<changed.map(\.end).max()!
    let restored = try MapsState(of: space)
    try #require(restored == before, "a change that can be taken back")
  }

  func modify() { perform(change.modify) }
  func restore() { perform(change.restore) }

  private func perform(_ operation: ReversibleChange.Operation) {
    do throws(Errno) {
      try operation(space)
    } catch {
      preconditionFailure("ChangedSpace: \(change.testDescription) failed: \(error)")
    }
  }

  /// The state of the version with this generation: each operation makes one version.
  func state(of generation: UInt64) -> MapsState {
    (generation &- generationBefore) / 2 % 2 == 0 ? before : after
  }
}

/// One of a changed space's two states.
struct MapsState: Sendable, Equatable {
  typealias Line = MapsLine

  let lines: [Line]
  let text: [UInt8]

  init(of space: AddressSpace) throws {
    text = space.mapsText().array
    lines = try #require(MapsLine.parse(text))
  }

  /// The position of the first line that ends above `position`.
  func rank(_ position: UInt64) -> Int {
    var range = lines.startIndex..<lines.endIndex
    while !range.isEmpty {
      let middle = (range.lowerBound + range.upperBound) / 2
      if lines[middle].end > position {
        range = range.lowerBound..<middle
      } else {
        range = middle + 1..<range.upperBound
      }
    }
    return range.lowerBound
  }

  /// The lines that a section shows that starts at `position`, as many as `count`.
  func run(above position: UInt64, count: Int) -> ArraySlice<Line> {
    let first = rank(position)
    return lines[first..<min(first + count, lines.count)]
  }

  /// By the rules of a query.
  func answer(_ address: UInt64, _ flags: QueryFlags) -> Line? {
    let isNextAllowed = flags.contains(.coveringOrNext)
    for line in lines[rank(address)...] {
      let passes = line.flags.isSuperset(of: flags.subtracting(.coveringOrNext))
      if passes && (isNextAllowed || line.start <= address) { return line }
      if !isNextAllowed { return nil }
    }
    return nil
  }

  func lines(notIn other: MapsState) -> [Line] { lines.filter { !other.lines.contains($0) } }

  /// What is mapped in both, in ascending pieces.
  func overlap(with other: MapsState) -> [Range<UInt64>] {
    var pieces: [Range<UInt64>] = []
    for line in lines {
      for neighbour in other.lines where neighbour.end > line.start && neighbour.start < line.end {
        pieces.append(max(line.start, neighbour.start)..<min(line.end, neighbour.end))
      }
    }
    return pieces
  }
}

// MARK: - Checks

/// A part of a text that is made in one critical section.
struct TextSection {
  var bytes: [UInt8]
  /// The section's own idea of the version that it shows.
  var generation: UInt64
  var lines: [MapsLine]

  /// Traps for a text that is none: no change of a space explains that.
  init(_ bytes: [UInt8], generation: UInt64) {
    guard let lines = MapsLine.parse(bytes), lines.allSatisfy(\.isPlain) else {
      preconditionFailure("a line is torn:\n" + String(decoding: bytes, as: UTF8.self))
    }
    self.bytes = bytes
    self.generation = generation
    self.lines = lines
  }
}

extension ChangedSpace {
  /// What is wrong with a text; `nil` if it may be seen.
  ///
  /// The contract of a dump: each line is a VMA of one of the states; ends increase; what is mapped
  /// in both states is not missing. And exactly: each line is, in one of the states, the next one
  /// after the end of the line before it.
  ///
  /// - Parameter areInstants: whether each section must show one version, the one that it says.
  func violation(in sections: [TextSection], areInstants: Bool) -> String? {
    let lines = sections.flatMap(\.lines)
    return contractViolation(in: lines) ?? nextViolation(in: lines)
      ?? (areInstants ? instantViolation(in: sections) : nil)
  }

  private func instantViolation(in sections: [TextSection]) -> String? {
    var position: UInt64 = 0
    for section in sections {
      let state = state(of: section.generation)
      // Without a line: nothing is left.
      guard state.run(above: position, count: max(section.lines.count, 1)) == section.lines[...]
      else { return "a section is not of the generation that it says, \(section.generation)" }
      position = section.lines.last?.end ?? position
    }
    return nil
  }

  private func contractViolation(in lines: [Line]) -> String? {
    var lastEnd: UInt64 = 0
    var covered: UInt64 = 0
    var keptIndex = 0
    // What is kept and lies below `limit` must have been covered.
    func missing(below limit: UInt64) -> Range<UInt64>? {
      while keptIndex < kept.count {
        let piece = kept[keptIndex]
        if piece.upperBound > covered {
          let first = max(piece.lowerBound, covered)
          return first < limit ? first..<min(piece.upperBound, limit) : nil
        }
        keptIndex += 1
      }
      return nil
    }
    for line in lines {
      guard line.start < line.end, line.end > lastEnd else { return "ends don't increase: \(line)" }
      guard
        before.lines[before.rank(line.start)...].first == line
          || after.lines[after.rank(line.start)...].first == line
      else { return "never was: \(line)" }
      if let missing = missing(below: line.start) { return describeGap(missing) }
      lastEnd = line.end
      covered = max(covered, line.end)
    }
    return missing(below: .max).map(describeGap)
  }

  private func nextViolation(in lines: [Line]) -> String? {
    var position: UInt64 = 0
    for line in lines {
      guard
        before.run(above: position, count: 1).first == line
          || after.run(above: position, count: 1).first == line
      else { return "not what follows \(String(position, radix: 16)): \(line)" }
      position = line.end
    }
    guard before.rank(position) == before.lines.count || after.rank(position) == after.lines.count
    else { return "not the end: \(String(position, radix: 16))" }
    return nil
  }

  private func describeGap(_ range: Range<UInt64>) -> String {
    "a gap where something is always mapped: "
      + "\(String(range.lowerBound, radix: 16))-\(String(range.upperBound, radix: 16))"
  }

  /// What is wrong with the answer to a query; `nil` if it is that of the version that it says.
  func violation(of found: QueryResult?, _ address: UInt64, _ flags: QueryFlags) -> String? {
    func isAnswer(_ state: MapsState) -> Bool {
      let expected = state.answer(address, flags)
      return found?.start == expected?.start && found?.end == expected?.end
        && found?.flags == expected?.flags
    }
    if let found {
      if isAnswer(state(of: found.generation)) { return nil }
    } else if isAnswer(before) || isAnswer(after) {
      return nil
    }
    return "\(String(address, radix: 16)), flags \(flags.rawValue): "
      + (found.map { "\(Line($0)) of generation \($0.generation)" } ?? "nothing")
  }

  /// What is wrong with the answers of one version to many questions.
  func violation(of found: [QueryResult?], _ addresses: [UInt64]) -> String? {
    for (address, result) in zip(addresses, found) {
      if let wrong = violation(of: result, address, []) { return wrong }
    }
    let generations = Set(found.compactMap { $0?.generation })
    if generations.count > 1 { return "one batch of generations \(generations.sorted())" }
    // Where nothing was found, it is nothing in the version of the others.
    let state = generations.first.map(state(of:)) ?? before
    for (address, result) in zip(addresses, found)
    where result == nil && state.answer(address, []) != nil {
      return "\(String(address, radix: 16)): nothing, in a batch of \(generations)"
    }
    return nil
  }

  /// The lines of a text that are changed, and those beside them.
  func linesAroundTheChange(_ sections: [TextSection]) -> String {
    let isChanged = { (line: Line) in
      line.end >= self.changedRange.lowerBound && line.start <= self.changedRange.upperBound
    }
    return sections.map { section in
      section.lines.filter(isChanged).map { "  \($0)\n" }.joined()
    }.joined(separator: "  -- next chunk --\n")
  }

  func describe(_ sections: [TextSection]) -> String {
    let states = [("before", before), ("after", after)].map { name, state in
      "\(name):\n"
        + linesAroundTheChange([TextSection(state.text, generation: 0)])
    }
    return "seen:\n\(linesAroundTheChange(sections))\(states.joined())"
  }
}
