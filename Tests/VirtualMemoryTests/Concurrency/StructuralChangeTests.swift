// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The ten ways in which VMAs become one, or two, while readers read them: nothing that is mapped
/// before and after is ever missing, nothing is seen that never was.
@Suite(.serialized) struct StructuralChangeTests {
  @Test(arguments: StructuralChange.all)
  func changesAreWhatTheySay(_ change: StructuralChange) throws {
    let space = AddressSpace()
    let reversible = change.reversible
    func vmas() -> [String] {
      space.pages(from: StructuralChange.firstPage).filter { !$0.hasSuffix("--xp") }
    }
    try reversible.setUp(space)
    // The last seam that is tried is that of a full chunk.
    var reader = MapsReader(space)
    let lineCount = reader.read(count: 1 << 16).count { $0 == UInt8(ascii: "\n") }
    #expect(lineCount == min(space.count, StructuralChange.countBelow + 3))
    for _ in 0..<2 {
      #expect(vmas() == change.before)
      try reversible.modify(space)
      #expect(vmas() == change.after)
      try reversible.restore(space)
    }
    space._checkInvariants()
  }

  // Half the time of other cases each: there are many.
  @Test(.stress, arguments: ReadingStrategy.allCases, StructuralChange.all)
  func stressChange(_ strategy: ReadingStrategy, _ change: StructuralChange) throws {
    let stress = try Self.stress(change, .strategy(strategy))
    let report = stress.run(for: StressOptions.duration / 2)
    #expect(report.violations.isEmpty)
    #expect(report.changes > 0 && report.queries > 0)
    print("\(change.testDescription), \(strategy): \(report)")
  }

  /// One thread, changes at the seam between two chunks: what is allowed, for each seam.
  @Test(arguments: ReadingStrategy.allCases, StructuralChange.all)
  func changesAtTheSeam(_ strategy: ReadingStrategy, _ change: StructuralChange) throws {
    let stress = try Self.stress(change, .strategy(strategy))
    let changed = stress.changed
    for firstCount in stress.firstChunkCounts {
      for isModifiedFirst in [false, true] {
        if isModifiedFirst { changed.modify() }
        let sections = stress.sections(.chunks, firstCount) {
          if isModifiedFirst { changed.restore() } else { changed.modify() }
        }
        if !isModifiedFirst { changed.restore() }
        #expect(stress.judge(.chunks, sections).violation == nil)
        #expect(stress.wrongAnswer() == nil)
      }
    }
  }

  /// Readers that lack what makes the others right are found by the same harness.
  @Test(arguments: BrokenAccess.allCases)
  func brokenReadersAreFound(_ broken: BrokenAccess) throws {
    let stress = try Self.stress(StructuralChange.all[0], broken.access)
    let report = stress.run(for: .seconds(60))
    #expect(!report.violations.isEmpty)
    print("\(broken): \(report.changes) changes, \(report.violations.first ?? "")")
  }

  /// The same by one thread, with the change in the middle of a text: what is found wrong with
  /// each.
  @Test(arguments: [
    (BrokenAccess.withoutValidation, 0, "never was: 10000cb000-10000d1000 r--p"),
    (.resumesByStart, 0, "a gap where something is always mapped: 10000cb000-10000ce000"),
    (.resumesByIndex, 0, "a gap where something is always mapped: 10000cb000-10000ce000"),
    (.resumesByIndex, 8, "ends don't increase: 10000ca000-10000ce000 rw-p"),
    (.changesVersions, 0, "a section is not of the generation that it says"),
  ])
  func brokenReadersAreWrong(_ broken: BrokenAccess, _ index: Int, _ reason: String) throws {
    let stress = try Self.stress(StructuralChange.all[index], broken.access)
    #expect(stress.judge(.chunks, stress.sections(.chunks)).violation == nil)
    let sections = stress.sections(.chunks) { stress.changed.modify() }
    let violation = try #require(stress.judge(.chunks, sections).violation)
    #expect(violation.hasPrefix(reason))
  }

  private static func stress(
    _ change: StructuralChange, _ access: MapsAccess
  ) throws -> ChangeStress {
    let changed = try ChangedSpace(change.reversible)
    let lineCount = changed.before.text.count / changed.before.lines.count
    let base = AddressSpace.testBase + StructuralChange.firstPage * 4096
    return ChangeStress(
      changed: changed, access: access,
      // A seam before and behind each of the first three lines of the change; and a full chunk.
      firstChunkCounts: [nil] + (0...3).map { (StructuralChange.countBelow + $0) * lineCount },
      addresses: (0..<9).map { base + $0 * 4096 + 17 * $0 },
      name: { _, sections in
        let lines = sections.flatMap(\.lines)
        return lines == changed.before.lines
          ? "before" : lines == changed.after.lines ? "after" : "both"
      })
  }
}
