// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import VirtualMemory

/// An address space as a row of pages: so simple that it is right to look at.
///
/// It covers a window, fixed placement, private anonymous memory that is never touched, shared
/// anonymous memory and files. VMAs are the longest runs of pages that may be one VMA by Linux's
/// rules: what `map`, `unmap` and `protect` leave has no neighbours that could be one.
struct ReferenceModel {
  struct Page: Equatable {
    var protection: Protection
    var isShared: Bool
    /// Of files and shared anonymous memory, each of which is an object of its own; 0 for none.
    var object: Int
    /// In pages; of private anonymous memory the page's own number.
    var offset: UInt64
    /// What `protect` may give.
    var allowed: Protection = [.read, .write, .execute]
    /// Charged against the overcommit limit: private memory that is, or was made, writable.
    var isAccounted: Bool
  }

  /// What is mapped, in the terms of the model.
  struct Source {
    var isShared = false
    var object = 0
    var offset: UInt64 = 0
    var isReadOnly = false
  }

  let firstPage: UInt64
  private(set) var pages: [Page?]

  init(firstPage: UInt64, count: Int) {
    self.firstPage = firstPage
    pages = Array(repeating: nil, count: count)
  }

  mutating func map(_ range: Range<Int>, _ protection: Protection, _ source: Source = Source()) {
    for index in range {
      let isOwnOffset = source.object == 0
      pages[index] = Page(
        protection: protection, isShared: source.isShared, object: source.object,
        offset: isOwnOffset
          ? firstPage + UInt64(index) : source.offset + UInt64(index - range.lowerBound),
        allowed: source.isShared && source.isReadOnly
          ? [.read, .execute] : [.read, .write, .execute],
        isAccounted: protection.contains(.write) && !source.isShared)
    }
  }

  mutating func unmap(_ range: Range<Int>) {
    for index in range { pages[index] = nil }
  }

  /// The error at the first page that refuses; what precedes it has changed.
  mutating func protect(_ range: Range<Int>, _ protection: Protection) -> Errno? {
    for index in range {
      guard var page = pages[index] else { return .noMemory }
      guard protection.isSubset(of: page.allowed) else { return .permissionDenied }
      if page.protection == protection { continue }
      if protection.contains(.write) {
        if !page.isShared { page.isAccounted = true }
      } else if page.object == 0 {
        page.isAccounted = false
      }
      page.protection = protection
      pages[index] = page
    }
    return nil
  }

  static func canContinue(_ page: Page, _ next: Page) -> Bool {
    var continued = page
    continued.offset += 1
    return continued == next
  }

  /// The VMAs, in order. Objects' devices, inodes and names are `describe`'s.
  func vmas(_ describe: (_ object: Int) -> VMA) -> [VMA] {
    var result: [VMA] = []
    for index in pages.indices {
      guard let page = pages[index] else { continue }
      let start = (firstPage + UInt64(index)) * 4096
      if index > 0, let before = pages[index - 1], Self.canContinue(before, page) {
        result[result.count - 1].end = start + 4096
        continue
      }
      var vma =
        page.object == 0
        ? VMA(start: 0, end: 0, protection: page.protection) : describe(page.object)
      vma.start = start
      vma.end = start + 4096
      vma.protection = page.protection
      vma.isShared = page.isShared
      vma.offset = page.object == 0 ? 0 : page.offset * 4096
      result.append(vma)
    }
    return result
  }
}

/// The text of VMAs, byte by byte.
func referenceText(_ vmas: [VMA]) -> [UInt8] {
  var text: [UInt8] = []
  for vma in vmas { appendReferenceLine(vma, to: &text) }
  return text
}

func referenceLine(_ vma: VMA) -> String { String(decoding: referenceText([vma]), as: UTF8.self) }

private func appendReferenceLine(_ vma: VMA, to text: inout [UInt8]) {
  let lineStart = text.count
  func appendHex(_ value: UInt64, _ minimumDigits: Int = 8) {
    let digits = String(value, radix: 16).utf8
    for _ in 0..<max(0, minimumDigits - digits.count) { text.append(UInt8(ascii: "0")) }
    text += digits
  }
  appendHex(vma.start)
  text.append(UInt8(ascii: "-"))
  appendHex(vma.end)
  text.append(UInt8(ascii: " "))
  for (bit, letter) in [(Protection.read, "r"), (.write, "w"), (.execute, "x")] {
    text += vma.protection.contains(bit) ? letter.utf8 : "-".utf8
  }
  text += vma.isShared ? "s ".utf8 : "p ".utf8
  appendHex(vma.offset)
  text.append(UInt8(ascii: " "))
  appendHex(UInt64(vma.device.major), 2)
  text.append(UInt8(ascii: ":"))
  appendHex(UInt64(vma.device.minor), 2)
  text += " \(vma.inode) ".utf8
  if !vma.name.isEmpty {
    while text.count - lineStart < 72 { text.append(UInt8(ascii: " ")) }
    text.append(UInt8(ascii: " "))
    text += vma.name
  }
  text.append(UInt8(ascii: "\n"))
}
