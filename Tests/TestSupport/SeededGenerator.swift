// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Random numbers that a seed repeats: SplitMix64.
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  /// True once in `count` times.
  package mutating func oneIn(_ count: UInt64) -> Bool { below(count) == 0 }

  package mutating func below(_ bound: UInt64) -> UInt64 {
    UInt64.random(in: 0..<bound, using: &self)
  }

  package mutating func index(below bound: Int) -> Int { Int(below(UInt64(bound))) }

  package mutating func pick<T>(_ choices: [T]) -> T { choices[Int(below(UInt64(choices.count)))] }
}
