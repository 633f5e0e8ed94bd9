// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The kernel series' tests for tearing: a VMA at the seam of two chunks is changed and restored
/// while a reader reads the two, again and again, and a query asks for the page being changed.
///
/// - Source: `proc-maps-race.c` of Linux's self tests.
@Suite(.serialized) struct TearingTests {
  @Test(arguments: ReadingStrategy.allCases, Change.allCases)
  func stressTearing(_ strategy: ReadingStrategy, _ change: Change) throws {
    let seam = try Seam(change)
    let deadline = ContinuousClock.now + StressOptions.duration
    let stop = Flag()
    let changes = InstanceCounter()
    let queries = InstanceCounter()
    let counts = Locked<[String: Int]>([:])
    runThreads([
      {
        while ContinuousClock.now < deadline {
          for _ in 0..<16 {
            seam.modify()
            seam.restore()
            changes.add()
          }
        }
        stop.raise()
      },
      {
        while !stop.isRaised {
          let pair = seam.readPair(strategy)
          let name = seam.name(of: pair)
          if let name {
            counts.withLock { $0[name, default: 0] += 1 }
          } else {
            Issue.record("\(strategy), \(change): a torn pair: \(pair)")
            return
          }
        }
      },
      {
        while !stop.isRaised {
          queries.add()
          if let wrong = seam.wrongQuery(strategy) {
            Issue.record("\(strategy), \(change): a wrong answer: \(wrong)")
            return
          }
        }
      },
    ])
    seam.space._checkInvariants()
    print(
      "\(strategy), \(change): \(changes.created) changes, \(queries.created) queries,",
      counts.withLock { $0.sorted { $0.key < $1.key } })
  }

  /// Each allowed pair, made on purpose; and what is not allowed, so that the check can fail.
  @Test(arguments: ReadingStrategy.allCases, Change.allCases)
  func allowedPairs(_ strategy: ReadingStrategy, _ change: Change) throws {
    let seam = try Seam(change)
    #expect(seam.name(of: seam.readPair(strategy)) == "both restored")
    seam.modify()
    #expect(seam.name(of: seam.readPair(strategy)) == "both modified")
    #expect(seam.wrongQuery(strategy) == nil)
    let printedTwice = seam.readPair(strategy) { seam.restore() }
    #expect(seam.name(of: printedTwice) == "modified, then restored")
    let unchanged = seam.readPair(strategy) { seam.modify() }
    #expect(seam.name(of: unchanged) == "both restored")
    seam.restore()

    var torn = seam.readPair(strategy)
    torn.first.start += 4096
    #expect(seam.name(of: torn) == nil)
    torn = seam.readPair(strategy)
    torn.last.end -= 2 * 4096
    torn.first.start -= 4096
    #expect(seam.name(of: torn) == nil)
  }

  enum Change: CaseIterable, Sendable {
    /// A page gets another protection, and its own again.
    case split
    /// The last two of three pages go, and come back.
    case resize
  }
}

/// 129 mappings of three pages, alternately `rw` and `r`: more text than one chunk holds.
final class Seam: Sendable {
  typealias Pair = (last: DumpParser.Line, first: DumpParser.Line)

  let space = AddressSpace()
  private let change: TearingTests.Change
  private let isVerbose = environment("SWIFT_URCU_VERBOSE") != nil
  private let pairsShown = Locked<Set<String>>([])
  /// The last VMA of the first chunk, and the one after it.
  private let a: DumpParser.Line
  private let b: DumpParser.Line

  private static let page: UInt64 = 4096
  private static let count: UInt64 = 129

  init(_ change: TearingTests.Change) throws {
    self.change = change
    for index in 0..<Self.count {
      try space.mapPages(3 * index..<3 * index + 3, index % 2 == 0 ? "rw" : "r")
    }
    (a, b) = try Self.seam(of: space)
    #expect(space.count == Int(Self.count))
    #expect(a.end == b.start && a.end - a.start == 3 * Self.page)
  }

  func modify() {
    switch change {
    case .split: map(at: a.start, pages: 1, isModified: true)
    case .resize:
      do { try space.unmap(a.start + Self.page, length: 2 * Self.page) } catch { fail(error) }
    }
  }

  func restore() {
    switch change {
    case .split: map(at: a.start, pages: 1, isModified: false)
    case .resize: map(at: a.start + Self.page, pages: 2, isModified: false)
    }
  }

  /// Reads two chunks, with `between` in between.
  func readPair(_ strategy: ReadingStrategy, between: () -> Void = {}) -> Pair {
    var reader = MapsReader(space, strategy: strategy)
    let chunk = reader.read(count: 1 << 16)
    between()
    let next = reader.read(count: 1 << 16)
    guard let lines = DumpParser.parse(chunk), let more = DumpParser.parse(next),
      let last = lines.last, let first = more.first
    else { preconditionFailure("\(strategy): no two chunks of whole lines") }
    precondition(
      zip(lines + more, (lines + more).dropFirst()).allSatisfy { $0.end < $1.end },
      "\(strategy): ends don't increase")
    if isVerbose { show(lines.suffix(2), more.prefix(2)) }
    return (last, first)
  }

  /// Which of the allowed pairs it is; `nil` for none.
  func name(of pair: Pair) -> String? {
    var modified = a
    modified.end = a.start + Self.page
    var firstWhenModified = b
    if change == .split {
      modified.permissions = Self.modifiedPermissions
      firstWhenModified = a
      firstWhenModified.start = modified.end
    }
    switch pair {
    case (a, b): return "both restored"
    case (modified, firstWhenModified): return "both modified"
    case (modified, a): return "modified, then restored"
    default: return nil
    }
  }

  /// The answer about a page that is changed, if it is of neither state.
  func wrongQuery(_ strategy: ReadingStrategy) -> QueryResult? {
    let whole = (a.start, a.end)
    let low = (a.start, a.start + Self.page)
    let high = (a.start + Self.page, a.end)
    let questions: [(address: UInt64, allowed: [(UInt64, UInt64)])] =
      change == .split
      ? [(a.start, [whole, low]), (a.start + Self.page, [whole, high])]
      : [(a.start, [whole, low])]
    for (address, allowed) in questions {
      guard let result = try? space.query(address, [], strategy) else {
        preconditionFailure("\(strategy): nothing found where something always is")
      }
      let isAllowed = allowed.contains { $0 == (result.start, result.end) }
      // The executable part is the modified one.
      let isModified = (result.start, result.end) == low && change == .split
      if !isAllowed || result.flags.contains(.executable) != isModified { return result }
    }
    return nil
  }

  private static let modifiedPermissions = DumpParser.Line.permissions("rwxp")

  private static func seam(of space: AddressSpace) throws -> (
    DumpParser.Line, DumpParser.Line
  ) {
    var reader = MapsReader(space)
    let chunk = reader.read(count: 1 << 16)
    let next = reader.read(count: 1 << 16)
    let last = try #require(DumpParser.parse(chunk)?.last)
    // The modified protection adds a right to this one.
    try #require(last.permissions == DumpParser.Line.permissions("rw-p"))
    return (last, try #require(DumpParser.parse(next)?.first))
  }

  private func map(at address: UInt64, pages: UInt64, isModified: Bool) {
    do {
      try space.map(
        at: address, length: pages * Self.page,
        protection: isModified ? [.read, .write, .execute] : [.read, .write],
        flags: [.private, .fixed])
    } catch {
      fail(error)
    }
  }

  private func fail(_ error: Errno) -> Never {
    preconditionFailure("Seam: a change failed: \(error)")
  }

  /// Shows each seam once.
  private func show(_ last: ArraySlice<DumpParser.Line>, _ first: ArraySlice<DumpParser.Line>) {
    let text =
      last.map { "  \($0)\n" }.joined() + "  -- next chunk --\n"
      + first.map { "  \($0)\n" }.joined()
    let isNew = pairsShown.withLock { $0.insert(text).inserted }
    if isNew { print("\(change):\n\(text)", terminator: "") }
  }
}
