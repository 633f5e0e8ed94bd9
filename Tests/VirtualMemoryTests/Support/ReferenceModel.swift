// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import VirtualMemory

/// An address space as a map from page to what it holds: so simple that it is right to look at.
///
/// It covers a window of pages, fixed placement, private anonymous memory that is never touched, and
/// files. VMAs are the longest runs of pages that may be one VMA by Linux's rules.
struct ReferenceModel {
  struct Page: Equatable {
    var protection: Protection
    var file: Int?
    /// In pages; of anonymous memory the page's own number.
    var offset: UInt64
    /// Whether the page was charged: of a private mapping that was writable once.
    var isAccounted: Bool
    /// Leftover splits stay until the VMA's flags change: a page that starts a VMA though it
    /// could continue the one before.
    var isSplit = false
  }

  var pages: [UInt64: Page] = [:]
  var files: [MappedFile]

  func canContinue(_ page: Page, _ next: Page) -> Bool {
    page.protection == next.protection && page.file == next.file
      && page.isAccounted == next.isAccounted && page.offset + 1 == next.offset
  }

  mutating func map(_ range: Range<UInt64>, _ protection: Protection, file: Int?, offset: UInt64) {
    for (index, page) in range.enumerated() {
      pages[page] = Page(
        protection: protection, file: file,
        offset: file == nil ? page : offset + UInt64(index),
        isAccounted: protection.contains(.write))
    }
    pages[range.upperBound]?.isSplit = false
  }

  mutating func unmap(_ range: Range<UInt64>) {
    for page in range { pages[page] = nil }
  }

  /// False: a page was not mapped; what precedes it has changed.
  mutating func protect(_ range: Range<UInt64>, _ protection: Protection) -> Bool {
    // VMA by VMA, since accounting looks at the VMA's old flags.
    for page in range {
      guard var held = pages[page] else { return false }
      if held.protection == protection { continue }
      if protection.contains(.write) {
        if !held.protection.contains(.write) { held.isAccounted = true }
      } else if held.file == nil {
        held.isAccounted = false
      }
      held.protection = protection
      pages[page] = held
    }
    return true
  }

  /// The VMAs' ranges of pages, in order.
  func vmas() -> [(range: Range<UInt64>, page: Page)] {
    var result: [(range: Range<UInt64>, page: Page)] = []
    for number in pages.keys.sorted() {
      let page = pages[number]!
      if let last = result.last, last.range.upperBound == number,
        canContinue(pages[number - 1]!, page)
      {
        result[result.count - 1].range = last.range.lowerBound..<number + 1
      } else {
        result.append((number..<number + 1, page))
      }
    }
    return result
  }
}
