// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import Testing

@testable import VirtualMemory

/// A change of an address space and its way back, one operation each.
struct ReversibleChange: Sendable, CustomTestStringConvertible {
  typealias Operation = @Sendable (AddressSpace) throws(Errno) -> Void

  let testDescription: String
  /// Maps what is there before the change.
  let setUp: Operation
  let modify: Operation
  let restore: Operation
}

// MARK: - The ten structural changes

/// One of the ways in which a change makes VMAs one, or two of one, after a chunk's worth of VMAs
/// that stay.
struct StructuralChange: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// The VMAs that are changed, as `AddressSpace.pages` tells them, in pages from the first one.
  let before: [String]
  let after: [String]
  /// Whether VMAs that stay follow.
  var isFollowed = true
  let modify: ReversibleChange.Operation
  let restore: ReversibleChange.Operation

  /// VMAs below those that are changed: a full chunk has 91 lines of this length, of which the last
  /// three are theirs.
  static let countBelow = 88
  /// The first page of what is changed.
  static let firstPage: UInt64 = 200

  static func shifted(_ pages: Range<UInt64>) -> Range<UInt64> {
    pages.lowerBound + firstPage..<pages.upperBound + firstPage
  }

  var reversible: ReversibleChange {
    let (before, isFollowed) = (before, isFollowed)
    return ReversibleChange(
      testDescription: testDescription,
      setUp: { space throws(Errno) in
        for index in 0..<UInt64(Self.countBelow) {
          try space.mapPages(2 * index..<2 * index + 1, "x")
        }
        for vma in before {
          let fields = vma.split(separator: " ")
          let pages = fields[0].split(separator: "-").map { UInt64($0)! }
          try space.mapPages(Self.shifted(pages[0]..<pages[1]), String(fields[1]))
        }
        guard isFollowed else { return }
        for page in [20, 22, 24] as [UInt64] {
          try space.mapPages(Self.shifted(page..<page + 1), "x")
        }
      }, modify: modify, restore: restore)
  }

  /// A change of protection.
  private init(
    _ name: String, _ before: [String], becomes after: [String], protect pages: Range<UInt64>,
    _ letters: String, andBack restored: String
  ) {
    testDescription = name
    self.before = before
    self.after = after
    let pages = Self.shifted(pages)
    modify = { space throws(Errno) in try space.protectPages(pages, letters) }
    restore = { space throws(Errno) in try space.protectPages(pages, restored) }
  }

  /// A mapping that comes and goes.
  private init(
    _ name: String, _ before: [String], becomes after: [String], map pages: Range<UInt64>
  ) {
    testDescription = name
    self.before = before
    self.after = after
    let pages = Self.shifted(pages)
    modify = { space throws(Errno) in try space.mapPages(pages) }
    restore = { space throws(Errno) in try space.unmapPages(pages) }
  }

  /// The ten, and the VMA that is the last one while it is there.
  static let all: [StructuralChange] = [
    Self(
      "merge with both", ["0-3 rw-p", "3-6 r--p", "6-9 rw-p"], becomes: ["0-9 rw-p"],
      protect: 3..<6, "rw", andBack: "r"),
    Self(
      "merge with the left one, full", ["0-3 rw-p", "3-6 r--p", "6-9 r-xp"],
      becomes: ["0-6 rw-p", "6-9 r-xp"], protect: 3..<6, "rw", andBack: "r"),
    Self(
      "merge with the left one, partial", ["0-3 rw-p", "3-6 r--p"],
      becomes: ["0-4 rw-p", "4-6 r--p"], protect: 3..<4, "rw", andBack: "r"),
    Self(
      "merge with the right one, full", ["0-3 r-xp", "3-6 r--p", "6-9 rw-p"],
      becomes: ["0-3 r-xp", "3-9 rw-p"], protect: 3..<6, "rw", andBack: "r"),
    Self(
      "merge with the right one, partial", ["3-6 r--p", "6-9 rw-p"],
      becomes: ["3-5 r--p", "5-9 rw-p"], protect: 5..<6, "rw", andBack: "r"),
    Self(
      "map into a gap, joining both", ["0-3 rw-p", "6-9 rw-p"], becomes: ["0-9 rw-p"], map: 3..<6),
    Self(
      "extend the left one", ["0-3 rw-p", "6-9 r--p"], becomes: ["0-6 rw-p", "6-9 r--p"],
      map: 3..<6),
    Self(
      "extend the right one", ["0-3 r--p", "6-9 rw-p"], becomes: ["0-3 r--p", "3-9 rw-p"],
      map: 3..<6),
    Self(
      "split, new low part", ["0-6 rw-p"], becomes: ["0-2 r--p", "2-6 rw-p"], protect: 0..<2, "r",
      andBack: "rw"),
    Self(
      "split, new high part", ["0-6 rw-p"], becomes: ["0-4 rw-p", "4-6 r--p"], protect: 4..<6, "r",
      andBack: "rw"),
    lastOne,
  ]

  /// A reader whose next VMA has gone finds the end, not an error.
  private static var lastOne: Self {
    var change = Self(
      "the last one comes and goes", ["0-3 r--p", "4-6 r-xp"],
      becomes: ["0-3 r--p", "4-6 r-xp", "7-8 rw-p"], map: 7..<8)
    change.isFollowed = false
    return change
  }
}
