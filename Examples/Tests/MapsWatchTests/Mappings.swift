// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

@testable import maps_watch

extension VMA {
  /// A mapping of so many pages at a page number.
  static func pages(
    _ start: UInt64, _ count: UInt64 = 1, _ access: Protection = [.read, .write],
    shared: Bool = false, inode: UInt64 = 0, name: String = ""
  ) -> VMA {
    VMA(
      start: start << 12, end: (start + count) << 12, protection: access, isShared: shared,
      device: DeviceNumber(major: inode == 0 ? 0 : 8, minor: 0), inode: inode,
      name: Array(name.utf8))
  }
}

/// Maps that are made at random, ascending and without overlaps, with short and with very long
/// holes.
struct RandomMaps {
  var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(state: seed) }

  mutating func next(maximumCount: Int = 200) -> [VMA] {
    var mappings: [VMA] = []
    var page = UInt64.random(in: 1...1_000_000, using: &generator)
    for _ in 0..<Int.random(in: 1...maximumCount, using: &generator) {
      if Bool.random(using: &generator) { page += length(upTo: 30) }
      let count = length(upTo: 20)
      let access = Protection(rawValue: UInt32.random(in: 0...7, using: &generator))
      let name = ["", "[heap]", "/lib/a.so", "/lib/b.so", "[anon:x]"].randomElement(
        using: &generator)!
      mappings.append(
        .pages(
          page, count, access, shared: Bool.random(using: &generator),
          inode: name.hasPrefix("/") ? 7 : 0, name: name))
      page += count
    }
    return mappings
  }

  /// Of any order of magnitude.
  private mutating func length(upTo bits: UInt64) -> UInt64 {
    UInt64.random(in: 1...1 << UInt64.random(in: 0...bits, using: &generator), using: &generator)
  }
}

/// A small random generator with a seed.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
