// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A region as cells of a terminal.
struct Bar: Sendable {
  struct Cell: Sendable, Hashable {
    /// The kind that takes most of what is mapped in the cell; `nil` if nothing is. Memory that is
    /// writable and executable comes before all others.
    var kind: MappingKind?
    /// How much of the cell is mapped, from 0 to 1.
    var mappedShare: Double
    /// The first address.
    var address: UInt64
  }

  let cells: [Cell]

  /// - Parameter cellCount: above 0.
  init(_ pieces: [Picture.Piece], cellCount: Int) {
    let width = Double(cellCount)
    var edges = Layout.edges(of: pieces.map(\.byteCount), width: width, minimum: 1)
    // If there is room for a cell per piece, each has whole cells: numbers that are at least 1
    // apart still are when they are rounded.
    if 2 * pieces.count <= cellCount { edges = edges.map { $0.rounded() } }

    let kindCount = MappingKind.allCases.count
    var shares = [Double](repeating: 0, count: cellCount * kindCount)
    var addresses = [UInt64?](repeating: nil, count: cellCount)
    for (index, piece) in pieces.enumerated() {
      let (lower, upper) = (edges[index], edges[index + 1])
      var cell = Int(lower)
      while cell < cellCount, Double(cell) < upper {
        let from = max(lower, Double(cell))
        let part = min(upper, Double(cell + 1)) - from
        if let kind = piece.kind { shares[cell * kindCount + kind.index] += part }
        if addresses[cell] == nil {
          let within = (from - lower) / (upper - lower) * Double(piece.byteCount)
          addresses[cell] = piece.range.lowerBound + min(UInt64(within), piece.byteCount - 1)
        }
        cell += 1
      }
    }
    cells = (0..<cellCount).map { cell in
      let parts = shares[cell * kindCount..<(cell + 1) * kindCount]
      let mappedShare = min(parts.reduce(0, +), 1)
      var kind: MappingKind?
      if parts[parts.startIndex + MappingKind.writableExecutable.index] > 0 {
        kind = .writableExecutable
      } else if let most = parts.indices.max(by: { parts[$0] < parts[$1] }), parts[most] > 0 {
        kind = MappingKind.allCases[most - parts.startIndex]
      }
      return Cell(kind: kind, mappedShare: mappedShare, address: addresses[cell] ?? 0)
    }
  }

  /// A part of the cells as text: block characters with colours, or letters.
  func line(_ range: Range<Int>, hasColors: Bool) -> Line {
    var line = Line()
    for cell in cells[range] {
      guard let kind = cell.kind else {
        line.append("·", .faint)
        continue
      }
      line.append(String(hasColors ? cell.block(kind) : cell.letter(kind)), .kind(kind))
    }
    return line
  }
}

extension Bar.Cell {
  /// Less than this much of a cell is lost to rounding.
  private static var roundingError: Double { 1e-6 }
  private var isFull: Bool { mappedShare > 1 - Self.roundingError }

  fileprivate func block(_ kind: MappingKind) -> Character {
    if kind == .writableExecutable { return "!" }
    if isFull { return "█" }
    return mappedShare > 2.0 / 3 ? "▓" : mappedShare > 1.0 / 3 ? "▒" : "░"
  }

  /// In lower case where a hole is in the cell.
  fileprivate func letter(_ kind: MappingKind) -> Character {
    isFull ? kind.letter : Character(kind.letter.lowercased())
  }
}
