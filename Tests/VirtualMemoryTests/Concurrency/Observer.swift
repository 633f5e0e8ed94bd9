// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport

@testable import VirtualMemory

/// A reader of a space with a history: notes what it sees, and compares it with the versions when
/// the replay has come to them.
///
/// It notes a number of things before it compares any: else it would wait for the replay each time,
/// and see no more than the replay does.
struct Observer {
  /// How whole texts, single answers and batches are read. Tests put broken ones in.
  struct Ways: Sendable {
    var dump: @Sendable (AddressSpace, inout MapsBuffer) -> Void = { space, buffer in
      space.dump(into: &buffer)
    }
    var query: @Sendable (AddressSpace, UInt64, QueryFlags) -> QueryResult? = {
      space, address, flags in try? space.query(address, matching: flags)
    }
    var batch: @Sendable (AddressSpace, [UInt64]) -> [QueryResult?] = { space, addresses in
      space.lookup(addresses)
    }
  }

  struct Counts: Sendable, CustomStringConvertible {
    var dumps = 0
    /// Of the dumps, those of a version that the reader had not dumped before.
    var versions = 0
    var chunks = 0
    var snapshots = 0
    var answers = 0
    var batches = 0

    static func += (sum: inout Self, other: Self) {
      sum.dumps += other.dumps
      sum.versions += other.versions
      sum.chunks += other.chunks
      sum.snapshots += other.snapshots
      sum.answers += other.answers
      sum.batches += other.batches
    }

    var description: String {
      "\(dumps) dumps of \(versions) versions, \(chunks) chunks, \(snapshots) snapshots, "
        + "\(answers) answers, \(batches) batches"
    }
  }

  private enum Seen {
    case text(Range<Int>)
    /// What follows `position` in a text.
    case chunk(afterVMA: UInt64, Range<Int>)
    case answer(UInt64, QueryFlags, QueryResult?)
    case named(UInt64, QueryFlags, NamedQueryResult)
    case batch([UInt64], [QueryResult?])
  }

  private let history: VersionHistory
  private let reader: VersionHistory.Reader
  private let ways: Ways
  private var random: SeededGenerator
  private var seen: [(generation: UInt64, Seen)] = []
  private var bytes: [UInt8] = []
  private var lastDumped: UInt64 = 0
  private(set) var counts = Counts()

  private static let maximumSeen = 48

  init(_ history: VersionHistory, index: Int, ways: Ways) {
    self.history = history
    reader = history.readers[index]
    self.ways = ways
    random = SeededGenerator(seed: UInt64(index))
  }

  /// Reads and compares until `stop`; returns what was wrong.
  mutating func run(until stop: Flag) -> String? {
    defer { reader.needsNothing() }
    var buffer = MapsBuffer()
    while !stop.isRaised {
      while seen.count < Self.maximumSeen {
        if let wrong = look(&buffer) { return wrong }
      }
      if let wrong = compareAll() { return wrong }
    }
    return nil
  }

  // MARK: Looking

  /// Reads something, and sees that it is not older than what was done before, nor newer than what
  /// is there afterwards.
  private mutating func look(_ buffer: inout MapsBuffer) -> String? {
    // Lets the writers go on now and then, also where there is one processor.
    if random.oneIn(3) { yieldThread() }
    let oldest = history.completedGeneration
    let first = seen.count
    switch random.below(16) {
    case 0..<8: dump(&buffer)
    case 8: snapshot()
    case 9, 10: chunks()
    case 11...13: query(oldest)
    case 14: namedQuery()
    default: batch()
    }
    let newest = history.space.generation
    for (generation, what) in seen[first...] where generation < oldest || generation > newest {
      return "\(what) of generation \(generation), not of \(oldest) to \(newest)"
    }
    return nil
  }

  private mutating func note(_ text: borrowing Span<UInt8>) -> Range<Int> {
    let first = bytes.count
    unsafe text.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    return first..<bytes.count
  }

  private mutating func dump(_ buffer: inout MapsBuffer) {
    ways.dump(history.space, &buffer)
    seen.append((buffer.generation, .text(note(buffer.bytes))))
    counts.dumps += 1
    if buffer.generation != lastDumped { counts.versions += 1 }
    lastDumped = buffer.generation
  }

  private mutating func snapshot() {
    let snapshot = history.space.snapshot()
    let text = snapshot.mapsText()
    seen.append((snapshot.generation, .text(note(text.bytes))))
    counts.snapshots += 1
  }

  /// Two chunks of one text, each of a version of its own.
  private mutating func chunks() {
    var reader = MapsReader(history.space)
    var position: UInt64 = 0
    for _ in 0..<2 {
      let first = bytes.count
      let isEnd = reader.withNextChunk { chunk in _ = note(chunk) } == nil
      if isEnd { return }
      seen.append(
        (reader.lastGeneration ?? 0, .chunk(afterVMA: position, first..<bytes.count)))
      counts.chunks += 1
      position = endOfLastLine(bytes[first...])
    }
  }

  private func endOfLastLine(_ text: ArraySlice<UInt8>) -> UInt64 {
    let line = text.split(separator: UInt8(ascii: "\n")).last ?? []
    let end = line.drop { $0 != UInt8(ascii: "-") }.dropFirst().prefix { $0 != UInt8(ascii: " ") }
    return UInt64(String(decoding: end, as: UTF8.self), radix: 16) ?? 0
  }

  private mutating func address() -> UInt64 {
    SmallSpace.base - 4096 + random.below((SmallSpace.pageCount + 2) * 4096)
  }

  private mutating func flags() -> QueryFlags {
    random.pick([
      [], [], .coveringOrNext, [.coveringOrNext, .writable], [.coveringOrNext, .fileBacked],
      [.shared, .coveringOrNext], [.readable, .executable], .fileBacked,
    ])
  }

  private mutating func query(_ oldest: UInt64) {
    let (address, flags) = (address(), flags())
    let found = ways.query(history.space, address, flags)
    // Nothing found: of the version that is there afterwards, if it was there before.
    guard let generation = found?.generation ?? unchangedGeneration(since: oldest) else { return }
    seen.append((generation, .answer(address, flags, found)))
    counts.answers += 1
  }

  private func unchangedGeneration(since generation: UInt64) -> UInt64? {
    history.space.generation == generation ? generation : nil
  }

  private mutating func namedQuery() {
    let (address, flags) = (address(), flags())
    guard let found = try? history.space.namedQuery(address, matching: flags) else { return }
    seen.append((found.result.generation, .named(address, flags, found)))
    counts.answers += 1
  }

  private mutating func batch() {
    let addresses = (0..<6).map { _ in address() }
    let found = ways.batch(history.space, addresses)
    guard let generation = found.lazy.compactMap({ $0?.generation }).first else { return }
    seen.append((generation, .batch(addresses, found)))
    counts.batches += 1
  }

  // MARK: Comparing

  private mutating func compareAll() -> String? {
    for (generation, what) in seen {
      reader.needsNothing(below: generation)
      guard let version = history.waitForVersion(generation) else {
        return "\(what) of generation \(generation), which no operation left"
      }
      if !isRight(what, version) { return describe(what, version) }
    }
    seen.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    return nil
  }

  private func isRight(_ what: Seen, _ version: RecordedVersion) -> Bool {
    switch what {
    case .text(let range):
      return bytes[range] == version.text[...]
    case .chunk(let position, let range):
      return version.text(above: position).starts(with: bytes[range])
    case .answer(let address, let flags, let found):
      return found == version.answer(address, flags)
    case .named(let address, let flags, let found):
      return found.result == version.answer(address, flags)
        && version.name(of: found.result).elementsEqual(found.name)
    case .batch(let addresses, let found):
      return found == addresses.map { version.answer($0, []) }
    }
  }

  private func describe(_ what: Seen, _ version: RecordedVersion) -> String {
    var text = "not version \(version.generation), left by \(version.entry as Any): "
    switch what {
    case .text(let range), .chunk(_, let range):
      text += "\n" + String(decoding: bytes[range], as: UTF8.self)
    default: text += "\(what)\n"
    }
    return text + "but:\n" + String(decoding: version.text, as: UTF8.self)
  }
}
