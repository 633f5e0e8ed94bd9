// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import VirtualMemory

/// What all ways of reading must give of one version.
@safe
final class RecordedVersion: @unchecked Sendable {
  // Sendable: written by the replay only, when no reader needs what it holds; see VersionHistory.
  private(set) var generation: UInt64 = 0
  private(set) var entry: VersionHistory.Entry?
  private(set) var text: [UInt8] = []
  /// The VMAs, as a query gives them.
  private(set) var vmas: [QueryResult] = []

  /// Makes it the current version of `space`.
  func record(_ space: AddressSpace, _ entry: VersionHistory.Entry) {
    text = space.mapsText().array
    vmas.removeAll(keepingCapacity: true)
    space.withCurrentVersion { version in
      version.tree.forEach(in: 0, .max) { record in
        var result = version.result(of: record)
        result.generation = entry.generation
        vmas.append(result)
      }
    }
    generation = entry.generation
    self.entry = entry
  }

  /// By the rules of a query, VMA by VMA.
  func answer(_ address: UInt64, _ flags: QueryFlags) -> QueryResult? {
    for vma in vmas where vma.end > address {
      let filters = flags.subtracting([.coveringOrNext, .fileBacked])
      let isRight =
        vma.flags.isSuperset(of: filters) && (!flags.contains(.fileBacked) || vma.inode != 0)
      if isRight { return vma.start <= address || flags.contains(.coveringOrNext) ? vma : nil }
      if !flags.contains(.coveringOrNext) { return nil }
    }
    return nil
  }

  /// The bytes of the lines from the first that ends above `position`.
  func text(above position: UInt64) -> ArraySlice<UInt8> {
    text[offset(ofLine: vmas.firstIndex { $0.end > position } ?? vmas.count)...]
  }

  /// The name in the line of a VMA.
  func name(of vma: QueryResult) -> ArraySlice<UInt8> {
    let line = vmas.firstIndex(of: vma) ?? vmas.count
    return text[offset(ofLine: line)..<offset(ofLine: line + 1)].dropFirst(MapsText.nameColumn)
      .dropLast()
  }

  private func offset(ofLine line: Int) -> Int {
    var left = line
    for (index, byte) in text.enumerated() {
      if left == 0 { return index }
      if byte == UInt8(ascii: "\n") { left -= 1 }
    }
    return text.count
  }
}
