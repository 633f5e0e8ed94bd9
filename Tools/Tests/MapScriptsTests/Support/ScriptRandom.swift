// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Random numbers that a seed repeats: SplitMix64.
struct ScriptRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  /// A number less than `bound`, which is far less than 2^64.
  mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }

  mutating func below(_ bound: Int) -> Int { Int(below(UInt64(bound))) }

  mutating func within(_ range: ClosedRange<UInt64>) -> UInt64 {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  /// True once in `count` times.
  mutating func oneIn(_ count: UInt64) -> Bool { below(count) == 0 }

  mutating func percent(_ share: UInt64) -> Bool { below(UInt64(100)) < share }

  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// One of `choices`, as often as its weight says.
  mutating func pick<T>(weighted choices: [(T, Int)]) -> T {
    var rest = below(choices.reduce(0) { $0 + $1.1 })
    for (choice, weight) in choices {
      if rest < weight { return choice }
      rest -= weight
    }
    return choices[0].0
  }
}
