// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport

@testable import VirtualMemory

/// Protection as in the text: `rw-`.
func protection(_ letters: String) -> Protection {
  var result: Protection = []
  if letters.contains("r") { result.insert(.read) }
  if letters.contains("w") { result.insert(.write) }
  if letters.contains("x") { result.insert(.execute) }
  return result
}

extension AddressSpace {
  /// Where the tests' pages are counted from.
  static var testBase: UInt64 { 0x10_0000_0000 }

  /// Maps pages, counted from `testBase`, fixed and private.
  func mapPages(
    _ pages: Range<UInt64>, _ letters: String = "rw", _ flags: MmapFlags = [],
    backing: Backing = .anonymous
  ) throws(Errno) {
    var flags = flags.union(.fixed)
    if flags.rawValue & MmapFlags.typeMask == 0 { flags.insert(.private) }
    try systemCalls.mmap(
      at: Self.testBase + pages.lowerBound * 4096, length: UInt64(pages.count) * 4096,
      protection: protection(letters), flags: flags, backing: backing)
  }

  func unmapPages(_ pages: Range<UInt64>) throws(Errno) {
    try systemCalls.munmap(
      Self.testBase + pages.lowerBound * 4096, length: UInt64(pages.count) * 4096)
  }

  func protectPages(_ pages: Range<UInt64>, _ letters: String) throws(Errno) {
    try systemCalls.mprotect(
      Self.testBase + pages.lowerBound * 4096, length: UInt64(pages.count) * 4096,
      protection(letters))
  }

  /// The VMAs of one version, and its generation.
  func snapshotVMAs() -> (generation: UInt64, vmas: [VMA]) {
    let snapshot = snapshot()
    return (snapshot.generation, Array(snapshot))
  }

  /// The VMAs as short text: `0-3 rw-p`, with the offset in pages where it isn't 0.
  var pages: [String] { pages(from: 0) }

  /// The same of the VMAs from page `first` on, counted from it.
  func pages(from first: UInt64) -> [String] {
    let base = Int64(Self.testBase + first * 4096)
    let vmas = snapshotVMAs().vmas.filter { first == 0 || $0.start >= UInt64(base) }
    return vmas.map { vma in
      func page(_ address: UInt64) -> Int64 { (Int64(address) - base) / 4096 }
      var text = "\(page(vma.start))-\(page(vma.end)) "
      text += MapsLine(referenceLine(vma)).permissions.description
      if vma.offset != 0 { text += " @\(vma.offset / 4096)" }
      return text
    }
  }
}

/// The errno that `body` throws, if it does.
func errno(_ body: () throws(Errno) -> Void) -> Errno? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}
