// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing
import VirtualMemory

@testable import ProcessMaps

@Suite struct ChangedTextTests {
  private static func line(_ pages: Range<UInt64>, _ permissions: String = "rw-p") -> String {
    let (start, end) = (pages.lowerBound << 12, pages.upperBound << 12)
    func hex(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
    return "\(hex(start))-\(hex(end)) \(permissions) 00000000 00:00 0 \n"
  }

  private static func changed(_ old: [String], _ new: [String]) throws -> (String, Range<UInt64>) {
    let (old, new) = (Array(old.joined().utf8), Array(new.joined().utf8))
    let changed = try ChangedText(from: old.span, to: new, taskSize: 0x7fff_ffff_f000)
    return (
      String(decoding: new[changed.lines], as: UTF8.self),
      changed.addresses.lowerBound >> 12..<changed.addresses.upperBound >> 12
    )
  }

  private let a = line(1..<2)
  private let b = line(4..<6)
  private let c = line(8..<9)

  @Test func oneLine() throws {
    let top: UInt64 = 0x7_ffff_ffff
    #expect(try Self.changed([a, b, c], [a, Self.line(4..<5), c]) == (Self.line(4..<5), 2..<8))
    #expect(try Self.changed([a, c], [a, b, c]) == (b, 2..<8))
    #expect(try Self.changed([a, b, c], [a, c]) == ("", 2..<8))
    #expect(try Self.changed([a, b], [a, b, c]) == (c, 6..<top))
    #expect(try Self.changed([a, b, c], [a, b]) == ("", 6..<top))
    #expect(try Self.changed([b, c], [a, b, c]) == (a, 0..<4))
    #expect(try Self.changed([a, b, c], [b, c]) == ("", 0..<4))
    #expect(try Self.changed([], [a, b]) == (a + b, 0..<top))
    #expect(try Self.changed([a, b], []) == ("", 0..<top))
    #expect(try Self.changed([a, b], [a, b]).0 == "")
  }

  /// Applied to the old map, every difference gives the new one; and what is said to be the same
  /// is.
  @Test func randomTexts() throws {
    for seed in 0..<3000 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      func map() -> [String] {
        var (lines, page) = ([String](), 1 as UInt64)
        while lines.count < 7 {
          let end = page + 1 + random.below(2)
          if random.below(3) > 0 {
            lines.append(Self.line(page..<end, random.pick(["rw-p", "r--p"])))
          }
          page = end + random.below(2)
          if page > 20 { break }
        }
        return lines
      }
      let (old, new) = (map(), map())
      let (oldText, newText) = (Array(old.joined().utf8), Array(new.joined().utf8))
      let changed = try ChangedText(from: oldText.span, to: newText, taskSize: 0x7fff_ffff_f000)
      var importer = MirrorImporter()
      let space = AddressSpace()
      space.replaceAll(
        with: try importer.mappings(of: oldText, 0..<oldText.count, taskSize: 0x7fff_ffff_f000)
          .mappings)
      let (mappings, overlap) = try importer.mappings(
        of: newText, changed.lines, taskSize: 0x7fff_ffff_f000)
      #expect(!overlap)
      try space.replace(changed.addresses, with: mappings)
      #expect(space.mapsText().array == newText, "seed \(seed)")
    }
  }

  /// A mapping that moved between two chunks of a text is in it twice; the later line is the
  /// younger.
  @Test func overlaps() throws {
    var importer = MirrorImporter()
    let text = Array((Self.line(1..<5) + Self.line(3..<4, "r--p") + Self.line(2..<6)).utf8)
    let (mappings, overlap) = try importer.mappings(
      of: text, 0..<text.count, taskSize: 0x7fff_ffff_f000)
    #expect(overlap)
    #expect(mappings.map(\.range) == [0x1000..<0x2000, 0x2000..<0x6000])
  }

  /// No kernel prints that, but a file that stands for one may.
  @Test func offsetsWithinAPage() {
    var importer = MirrorImporter()
    let text = Array("00001000-00002000 r--p 00000800 08:01 5 \n".utf8)
    #expect(throws: ProcMapsError.self) {
      try importer.mappings(of: text, 0..<text.count, taskSize: 0x7fff_ffff_f000)
    }
  }

  @Test func newlinesInNames() throws {
    var importer = MirrorImporter()
    let line = "00001000-00002000 r--p 00000000 08:01 5"
    let text = Array(
      (line + String(repeating: " ", count: 73 - line.utf8.count) + "/a\\012b\n").utf8)
    let space = AddressSpace()
    space.replaceAll(
      with: try importer.mappings(of: text, 0..<text.count, taskSize: 0x7fff_ffff_f000).mappings)
    #expect(space.mapsText().array == text)
    #expect(try space.namedQuery(0x1000).name == Array("/a\nb".utf8))
  }
}
