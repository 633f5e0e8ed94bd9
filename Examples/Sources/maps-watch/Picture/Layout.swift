// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// How wide the pieces of a bar are.
enum Layout {
  /// Widths to scale, except that no piece is narrower than `minimum`: the others give way for it.
  ///
  /// At least half of the width is to scale. If there are too many pieces for that, they have less
  /// than the minimum.
  ///
  /// - Parameter lengths: above 0.
  /// - Returns: a width per length, together `width`; a longer piece is never narrower than a
  ///   shorter one.
  /// - Complexity: O(n log n).
  static func widths(of lengths: [UInt64], width: Double, minimum: Double) -> [Double] {
    guard !lengths.isEmpty else { return [] }
    let minimum = min(minimum, width / Double(2 * lengths.count))
    var widths = [Double](repeating: minimum, count: lengths.count)
    var rest = lengths.reduce(0.0) { $0 + Double($1) }
    var room = width
    // From the shortest on: those that would be too narrow get the minimum, and the others what is
    // left.
    let order = lengths.indices.sorted { lengths[$0] < lengths[$1] }
    var next = 0
    while next < order.count - 1, Double(lengths[order[next]]) / rest * room < minimum {
      rest -= Double(lengths[order[next]])
      room -= minimum
      next += 1
    }
    for index in order[next...] { widths[index] = Double(lengths[index]) / rest * room }
    return widths
  }

  /// Where the pieces begin, and where the last one ends.
  ///
  /// - Returns: one number more than there are pieces, ascending, from 0 to `width`.
  static func edges(of lengths: [UInt64], width: Double, minimum: Double) -> [Double] {
    var edges = [0.0]
    for piece in widths(of: lengths, width: width, minimum: minimum) {
      edges.append(min(edges[edges.count - 1] + piece, width))
    }
    edges[edges.count - 1] = lengths.isEmpty ? 0 : width
    return edges
  }
}
