// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ArgumentParser
import VirtualMemory

/// How the address space is read while it changes.
enum Strategy: String, CaseIterable, Codable, ExpressibleByArgument {
  case snapshot, speculative, locked, kernel

  /// The library's strategy; `nil` for the kernel.
  var reading: ReadingStrategy? {
    switch self {
    case .snapshot: .snapshot
    case .speculative: .speculative
    case .locked: .locked
    case .kernel: nil
    }
  }
}

/// What all runs have in common.
struct RaceSettings: Codable {
  var scanners: Int
  var queriers: Int
  var secondsPerRun: Double
  var hasPause: Bool
  var hasBusyTasks: Bool
  var isPinned: Bool
  var dumpsWhole: Bool
  var prefersReaders: Bool

  /// Microseconds between two operations of the mapper.
  static var pauseMicroseconds: Int { 10 }
  /// How much weaker scanners and queriers are than the others, as `nice` counts.
  static var readerNiceness: Int32 { 10 }
}

/// The region whose pages are mapped and unmapped: the same operations for every strategy.
struct RaceRegion {
  static var bytes: UInt64 { 128 << 20 }
  static var pageCount: Int { Int(bytes / 4096) }

  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(state: seed) }

  /// The next operation: a page of the region, and whether to map it.
  mutating func next() -> (offset: UInt64, maps: Bool) {
    let bits = generator.next()
    return ((bits >> 1) % UInt64(Self.pageCount) * 4096, bits & 1 == 1)
  }

  /// Before the clock starts: one coin toss per page, so that the region begins as it goes on.
  static func prefill<E: Error>(_ body: (_ offset: UInt64, _ maps: Bool) throws(E) -> Void)
    throws(E)
  {
    var generator = SplitMix64(state: 1)
    for page in 0..<UInt64(pageCount) { try body(page * 4096, generator.next() & 1 == 1) }
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
