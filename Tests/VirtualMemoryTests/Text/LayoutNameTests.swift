// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The names that follow from the whole process: `[heap]`, `[stack]`, `[vsyscall]`.
@Suite struct LayoutNameTests {
  private static func names(
    _ mappings: [(UInt64, UInt64)], _ layout: ImportedLayout,
    source: ImportedMapping.Source = .anonymous
  ) -> [String] {
    let space = AddressSpace(
      importing: mappings.map { start, end in
        ImportedMapping(
          start: start * 4096, end: end * 4096, protection: .read, isShared: false, source: source)
      }, layout: layout)
    for strategy in ReadingStrategy.allCases {
      let other = space.mapsText(by: strategy).string
      #expect(other == space.mapsText().string)
    }
    return MapsLine.parse(space.mapsText().string).map(\.name)
  }

  /// What starts below the break and ends above its start.
  @Test func heapIsWhatIntersectsTheBreak() {
    var layout = ImportedLayout()
    layout.breakRange = 10 * 4096 + 100..<12 * 4096 + 100
    #expect(
      Self.names([(8, 10), (10, 11), (11, 12), (12, 13), (13, 14)], layout)
        == ["", "[heap]", "[heap]", "[heap]", ""])
    // Files and special mappings keep their names.
    #expect(
      Self.names([(10, 11)], layout, source: .special(Array("[vdso]".utf8))) == ["[vdso]"])
    // The heap goes before the name.
    #expect(
      Self.names([(10, 11)], layout, source: .namedAnonymous(Array("x".utf8))) == ["[heap]"])
    #expect(
      Self.names([(20, 21)], layout, source: .namedAnonymous(Array("x".utf8))) == ["[anon:x]"])
  }

  @Test func emptyBreakIsNoHeap() {
    #expect(Self.names([(10, 11)], ImportedLayout()) == [""])
  }

  /// Start and end both included: two neighbours may be the stack.
  @Test func stackIsWhatTouchesItsStart() {
    var layout = ImportedLayout()
    layout.stackStart = 12 * 4096
    #expect(
      Self.names([(9, 11), (11, 12), (12, 13), (13, 14)], layout)
        == ["", "[stack]", "[stack]", ""])
    layout.stackStart = 12 * 4096 + 17
    #expect(
      Self.names([(11, 12), (12, 13), (13, 14)], layout) == ["", "[stack]", ""])
  }

  @Test func gateComesLastAndIsNeverFound() throws {
    var layout = ImportedLayout()
    layout.gateProtection = .execute
    let space = AddressSpace(
      importing: [
        ImportedMapping(
          start: 4096, end: 8192, protection: .read, isShared: false, source: .anonymous)
      ], layout: layout)
    let gate =
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0"
      + "                  [vsyscall]\n"
    for strategy in ReadingStrategy.allCases {
      let text = space.mapsText(by: strategy).string
      #expect(text == "00001000-00002000 r--p 00000000 00:00 0 \n" + gate)
      for address in [0xffff_ffff_ff60_0000, 0xffff_ffff_ff60_0fff, .max] as [UInt64] {
        #expect(throws: Errno.noSuchFileOrDirectory) {
          try space.query(address, matching: .coveringOrNext, by: strategy)
        }
      }
    }
    // A gate that allows nothing is printed too.
    layout.gateProtection = []
    let closed = AddressSpace(importing: [], layout: layout)
    #expect(closed.mapsText().string == gate.replacing("--xp", with: "---p"))
    #expect(closed.count == 0)
  }
}
