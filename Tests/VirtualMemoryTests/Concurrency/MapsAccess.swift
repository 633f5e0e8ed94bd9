// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// How a stress test reads an address space: by one of the strategies, or in a way that is wrong.
struct MapsAccess: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Whether each critical section shows one version, and says which.
  let areInstants: Bool
  /// The text in one piece.
  var text: @Sendable (AddressSpace) -> TextSection
  /// The text in chunks, with the empty one at its end. The first has the given number of bytes, or
  /// is a full one.
  var chunks: @Sendable (AddressSpace, _ firstCount: Int?, _ between: () -> Void) -> [TextSection]
  var query: @Sendable (AddressSpace, UInt64, QueryFlags) -> QueryResult?
  /// One version's answers; `nil` where the access has no such thing.
  var batch: (@Sendable (AddressSpace, [UInt64]) -> [QueryResult?])?

  /// More than a chunk.
  private static let chunkBytes = 8192

  static func strategy(_ strategy: ReadingStrategy) -> Self {
    var batch: (@Sendable (AddressSpace, [UInt64]) -> [QueryResult?])?
    if strategy == .snapshot { batch = { space, addresses in space.lookup(addresses) } }
    return Self(
      testDescription: "\(strategy)", areInstants: strategy != .speculative,
      text: { space in readText(of: space, strategy) },
      chunks: { space, firstCount, between in
        readChunks(of: space, strategy, firstCount ?? chunkBytes, between)
      },
      query: { space, address, flags in try? space.query(address, matching: flags, by: strategy) },
      batch: batch)
  }

  private static func readText(
    of space: AddressSpace, _ strategy: ReadingStrategy
  ) -> TextSection {
    let buffer = space.mapsText(by: strategy)
    return TextSection(buffer.array, generation: buffer.generation)
  }

  private static func readChunks(
    of space: AddressSpace, _ strategy: ReadingStrategy, _ firstCount: Int, _ between: () -> Void
  ) -> [TextSection] {
    var reader = MapsReader(space, strategy: strategy)
    var sections: [TextSection] = []
    while true {
      let bytes = reader.read(count: sections.isEmpty ? firstCount : chunkBytes)
      precondition(bytes.count < 4096, "\(strategy): a chunk of \(bytes.count) bytes")
      sections.append(TextSection(bytes, generation: reader.lastGeneration ?? 0))
      if bytes.isEmpty { return sections }
      if sections.count == 1 { between() }
    }
  }
}

// MARK: - Wrong ones

/// Readers that lack one of the things that make the others right: the checks must find them.
enum BrokenAccess: String, CaseIterable, Sendable {
  /// A line whose copy is not validated: its end is of another version.
  case withoutValidation
  /// A text that goes on after the start of the last VMA, not after its end.
  case resumesByStart
  /// A text that goes on with the next VMA by number.
  case resumesByIndex
  /// A text of many versions that claims to be of one.
  case changesVersions
  /// A query whose answer is not validated.
  case queriesWithoutValidation
  /// A batch of queries, each of a version of its own.
  case batchOfVersions

  /// Of the forms in which a text is read, of queries and batches all are right but those of the
  /// case.
  var access: MapsAccess {
    switch self {
    case .withoutValidation, .resumesByStart, .resumesByIndex, .changesVersions:
      var access = MapsAccess.strategy(self == .changesVersions ? .snapshot : .speculative)
      access.testDescription = rawValue
      access.text = { space in text(of: space) {} }
      access.chunks = { space, _, between in [text(of: space, between)] }
      return access
    case .queriesWithoutValidation:
      var access = MapsAccess.strategy(.speculative)
      access.query = { space, address, flags in
        var found = try? space.query(address, matching: flags)
        yieldThread()
        if let changed = try? space.query(address, matching: flags) {
          found?.end = changed.end
        }
        return found
      }
      return access
    case .batchOfVersions:
      var access = MapsAccess.strategy(.snapshot)
      access.batch = { space, addresses in addresses.map { space.lookup($0) } }
      return access
    }
  }

  /// A VMA above a position, in a section of its own.
  private func record(_ space: AddressSpace, above position: UInt64) -> Record? {
    space.withCurrentVersion { $0.tree.firstRecord(endingAfter: position) }
  }

  private func next(_ space: AddressSpace, after last: Record?, index: Int) -> Record? {
    switch self {
    case .resumesByStart:
      guard let last else { return record(space, above: 0) }
      return space.withCurrentVersion { version in
        var found = version.tree.firstRecord(endingAfter: last.start)
        while let record = found, record.start <= last.start {
          found = version.tree.firstRecord(endingAfter: record.end)
        }
        return found
      }
    case .resumesByIndex:
      return space.withCurrentVersion { version in
        var left = index
        var found: Record?
        version.tree.forEach(in: 0, .max) { record in
          if left == 0 { found = record }
          left -= 1
        }
        return found
      }
    default:
      return record(space, above: last?.end ?? 0)
    }
  }

  private func text(of space: AddressSpace, _ between: () -> Void) -> TextSection {
    var text: [UInt8] = []
    var last: Record?
    var index = 0
    let generation = space.generation
    while var record = next(space, after: last, index: index) {
      if self == .withoutValidation {
        if index == StructuralChange.countBelow + 1 { between() }
        // What comes between a copy's first half and its second one.
        yieldThread()
        if let changed = self.record(space, above: last?.end ?? 0) {
          record.end = changed.end
        }
      }
      text += referenceText([
        VMA(
          start: record.start, end: record.end,
          protection: Protection(rawValue: UInt32(record.flags.rawValue & 7)))
      ])
      index += 1
      last = record
      if index == StructuralChange.countBelow + 1 && self != .withoutValidation {
        between()
        yieldThread()
      }
    }
    return TextSection(text, generation: generation)
  }
}
