// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Testing

/// The order in which a slab's blocks are handed out.
@Suite struct ScatteredOrderTests {
  private static func numbers(_ count: Int) -> [Int] {
    var order = ScatteredOrder(count: count)
    return Array(AnyIterator { order.next() })
  }

  @Test func eachBlockOnce() {
    for count in 0...1100 {
      #expect(Self.numbers(count).sorted() == Array(0..<count), "of \(count)")
    }
  }

  /// What a processor would need to foresee the next one: the last step, again.
  @Test func noStepIsForeseen() {
    for count in 12...1100 {
      let numbers = Self.numbers(count)
      let steps = zip(numbers.dropFirst(), numbers).map { $0 - $1 }
      let repeated = zip(steps.dropFirst(), steps).count { $0 == $1 }
      #expect(repeated * 16 <= steps.count, "of \(count)")
      // Nor any step most of the time.
      let most = Dictionary(grouping: steps) { $0 }.values.map(\.count).max() ?? 0
      #expect(most * 4 <= steps.count + 8, "of \(count)")
    }
  }
}
