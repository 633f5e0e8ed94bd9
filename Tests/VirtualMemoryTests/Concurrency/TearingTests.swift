// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The kernel series' tests for tearing: a VMA at the seam of two chunks is changed and restored
/// while a reader reads the two, again and again, and a query asks for the page being changed. The
/// same with the text in one piece.
///
/// Not serialized, so that long runs can have each change in a process of its own.
///
/// - Source: `proc-maps-race.c` of Linux's self tests.
@Suite struct TearingTests {
  @Test(.stress, arguments: ReadingStrategy.allCases)
  func stressSplit(_ strategy: ReadingStrategy) throws { try Self.run(strategy, .split) }

  @Test(.stress, arguments: ReadingStrategy.allCases)
  func stressResize(_ strategy: ReadingStrategy) throws { try Self.run(strategy, .resize) }

  @Test(.stress, arguments: ReadingStrategy.allCases)
  func stressRemap(_ strategy: ReadingStrategy) throws { try Self.run(strategy, .remap) }

  private static func run(_ strategy: ReadingStrategy, _ change: Seam.Change) throws {
    let report = try Seam(change).stress(.strategy(strategy)).run(for: StressOptions.duration)
    #expect(report.violations.isEmpty)
    #expect(report.changes > 0 && report.queries > 0)
    print("\(change), \(strategy): \(report)")
  }

  /// Each allowed pair, made on purpose.
  @Test(arguments: ReadingStrategy.allCases, Seam.Change.allCases)
  func allowedPairs(_ strategy: ReadingStrategy, _ change: Seam.Change) throws {
    let seam = try Seam(change)
    let changed = seam.changed
    let stress = seam.stress(.strategy(strategy))
    func name(between: () -> Void = {}) -> String? {
      let (name, violation) = stress.judge(
        .chunks, stress.sections(.chunks, between: between))
      #expect(violation == nil)
      #expect(stress.judge(.text, stress.sections(.text)).violation == nil)
      #expect(stress.wrongAnswer() == nil)
      return name
    }
    #expect(name() == "both restored")
    changed.modify()
    #expect(name() == "both modified")
    #expect(name { changed.restore() } == "modified, then restored")
    #expect(name { changed.modify() } == "both restored")
    changed.restore()
    #expect(name() == "both restored")
  }

  /// The VMAs at the seam, before and after each change, by hand.
  @Test func changesAreThoseOfTheSeries() throws {
    func vmas(_ change: Seam.Change) throws -> [String] {
      let seam = try Seam(change)
      seam.changed.modify()
      return Array(seam.changed.space.pages(from: seam.firstPage).prefix { !$0.hasPrefix("6-") })
    }
    #expect(try vmas(.split) == ["0-1 rwxp", "1-3 rw-p", "3-6 r--p"])
    #expect(try vmas(.resize) == ["0-1 rw-p", "3-6 r--p"])
    #expect(try vmas(.remap) == ["0-1 rw-p", "1-2 r--p", "2-3 rw-p", "3-6 r--p"])
  }

  /// What is not allowed is found.
  @Test(arguments: Seam.Change.allCases)
  func otherPairsAreWrong(_ change: Seam.Change) throws {
    let seam = try Seam(change)
    let stress = seam.stress(.strategy(.snapshot))
    var sections = stress.sections(.chunks)
    let last = sections[0].lines.count - 1
    #expect(stress.judge(.chunks, sections).violation == nil)
    // A hole behind the last of the first chunk; a part of it that never was one; the other's
    // protection.
    let lines = sections
    sections[1].lines[0].start += 4096
    #expect(stress.name(.chunks, sections) == nil)
    sections = lines
    sections[0].lines[last].end -= 4096
    #expect(stress.name(.chunks, sections) == nil)
    sections = lines
    sections[0].lines[last].permissions = sections[1].lines[0].permissions
    #expect(stress.judge(.chunks, sections).violation?.hasPrefix("never was") == true)
    sections = lines
    sections[1].lines.removeFirst()
    #expect(stress.judge(.chunks, sections).violation?.hasPrefix("a gap") == true)
  }

  /// Readers that copy without validating, and one that goes on by number, are found. (Resizing
  /// leaves the numbers as they are.) A run ends with the first find; on a busy machine it is long
  /// in coming.
  @Test(arguments: [
    (BrokenAccess.withoutValidation, Seam.Change.split), (.withoutValidation, .resize),
    (.withoutValidation, .remap), (.queriesWithoutValidation, .split),
    (.queriesWithoutValidation, .resize), (.queriesWithoutValidation, .remap),
    (.resumesByIndex, .split), (.resumesByIndex, .remap),
  ])
  func brokenReadersAreFound(_ broken: BrokenAccess, _ change: Seam.Change) throws {
    let report = try Seam(change).stress(broken.access).run(for: .seconds(180))
    #expect(!report.violations.isEmpty)
    print("\(broken), \(change): \(report.changes) changes, \(report.violations.first ?? "")")
  }
}

/// 129 mappings of three pages, alternately `rw` and `r`: more text than one chunk holds. `A`, the
/// last VMA of the first chunk, is changed; `B` is the one after it.
struct Seam {
  enum Change: CaseIterable, Sendable {
    /// A's first page gets another protection, and its own again.
    case split
    /// A shrinks to its first page, and grows again.
    case resize
    /// B's last page moves onto A's middle one, without being unmapped; then A's protection is
    /// given back to it.
    case remap
  }

  let change: Change
  let changed: ChangedSpace
  /// A's first page.
  let firstPage: UInt64
  private let a: MapsLine
  private let b: MapsLine

  private static let page: UInt64 = 4096
  private static let count: UInt64 = 129
  private static let modifiedPermissions: MapsLine.Permissions = "rwxp"

  init(_ change: Change) throws {
    self.change = change
    let setUp: ReversibleChange.Operation = { space throws(Errno) in
      for index in 0..<Self.count {
        try space.mapPages(3 * index..<3 * index + 3, index % 2 == 0 ? "rw" : "r")
      }
    }
    let space = AddressSpace()
    try setUp(space)
    try #require(space.count == Int(Self.count))
    var reader = MapsReader(space)
    let chunk = reader.read(count: 8192)
    let next = reader.read(count: 8192)
    a = try #require(MapsLine.parse(chunk)?.last)
    b = try #require(MapsLine.parse(next)?.first)
    try #require(a.permissions == "rw-p")
    try #require(a.end == b.start && a.end - a.start == 3 * Self.page)
    let (modify, restore) = Self.operations(change, a.start, b.start)
    firstPage = (a.start - AddressSpace.testBase) / Self.page
    changed = try ChangedSpace(
      ReversibleChange(
        testDescription: "\(change)", setUp: setUp, modify: modify, restore: restore))
  }

  private static func operations(
    _ change: Change, _ a: UInt64, _ b: UInt64
  ) -> (modify: ReversibleChange.Operation, restore: ReversibleChange.Operation) {
    let (one, three) = (page, 3 * page)
    func map(_ protection: Protection) -> ReversibleChange.Operation {
      { space throws(Errno) in
        try space.systemCalls.mmap(
          at: a, length: one, protection: protection, flags: [.private, .fixed])
      }
    }
    return switch change {
    case .split: (map([.read, .write, .execute]), map([.read, .write]))
    case .resize:
      (
        { space throws(Errno) in try space.systemCalls.mremap(a, length: three, newLength: one) },
        { space throws(Errno) in try space.systemCalls.mremap(a, length: one, newLength: three) }
      )
    case .remap:
      (
        { space throws(Errno) in
          try space.systemCalls.mremap(
            b + 2 * one, length: one, newLength: one, flags: [.dontUnmap, .fixed, .mayMove],
            newAddress: a + one)
        },
        { space throws(Errno) in
          try space.systemCalls.mprotect(a + one, length: one, [.read, .write])
        }
      )
    }
  }

  /// - Parameter access: in one piece its text is of one version if its sections are.
  func stress(_ access: MapsAccess) -> ChangeStress {
    let asked =
      switch change {
      case .split: [a.start, a.start + Self.page]
      case .resize: [a.start]
      case .remap: [a.start + Self.page]
      }
    return ChangeStress(
      changed: changed, access: access, addresses: asked.map { $0 + 0x123 },
      name: { [self] form, sections in
        let name = name(ofPairIn: form, sections)
        return form == .text && access.areInstants && name == Self.mixed ? nil : name
      },
      isWrong: { [self] found, address in !isAllowed(found, address) })
  }

  private static let mixed = "modified, then restored"

  /// Which of the allowed pairs a text has at the seam; `nil` for none.
  private func name(ofPairIn form: ChangeStress.Form, _ sections: [TextSection]) -> String? {
    var pair: (last: MapsLine?, first: MapsLine?)
    switch form {
    case .chunks where sections.count > 1:
      pair = (sections[0].lines.last, sections[1].lines.first)
    default:
      let lines = sections.flatMap(\.lines)
      let rank = lines.firstIndex { $0.end > a.start } ?? lines.endIndex
      pair = (lines[rank...].first, lines[rank...].dropFirst().first)
    }
    var modified = a
    modified.end = a.start + Self.page
    var firstWhenModified = b
    switch change {
    case .split:
      modified.permissions = Self.modifiedPermissions
      firstWhenModified = a
      firstWhenModified.start = modified.end
    case .resize: break
    case .remap:
      firstWhenModified.start = modified.end
      firstWhenModified.end = modified.end + Self.page
    }
    switch pair {
    case (a, b): return "both restored"
    case (modified, firstWhenModified): return "both modified"
    case (modified, a): return Self.mixed
    default: return nil
    }
  }

  /// Whether an answer is one of the two that the series allows about the page that is changed.
  private func isAllowed(_ found: QueryResult?, _ address: UInt64) -> Bool {
    // Something is always found.
    guard let line = found.map(MapsLine.init) else { return false }
    let offset = (address - a.start) / Self.page
    var part = a
    switch change {
    case .split where offset == 0:
      part.end = a.start + Self.page
      part.permissions = Self.modifiedPermissions
    case .split: part.start = a.start + Self.page
    case .resize: part.end = a.start + Self.page
    case .remap:
      part = b
      part.start = a.start + Self.page
      part.end = a.start + 2 * Self.page
    }
    return line == a || line == part
  }
}
