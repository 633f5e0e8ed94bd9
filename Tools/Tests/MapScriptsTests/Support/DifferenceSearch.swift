// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// Runs random scripts on the kernel and on the model, and keeps the smallest scripts that show
/// where they differ.
struct DifferenceSearch {
  /// More differences than this are not looked for: one bug of the model shows in many scripts.
  static let maximumDifferences = 4

  private(set) var tally = Tally()
  /// With the seed of the script that each was found in.
  private(set) var differences: [(seed: UInt64, difference: Difference)] = []
  private var shapes: Set<String> = []
  private let mapLimitRarity: UInt64

  init(mapLimitRarity: UInt64) { self.mapLimitRarity = mapLimitRarity }

  var isOver: Bool { differences.count >= Self.maximumDifferences }

  mutating func run(seed: UInt64, profile: Profile? = nil) throws(KernelSide.Failure) {
    var generator = ScriptGenerator(seed: seed, profile: profile)
    generator.mapLimitRarity = mapLimitRarity
    generator.hasExecuteOnlyKeys = KernelSide.hasExecuteOnlyKeys
    let script = generator.next()
    let comparison = try compare(script)
    tally.add(script, comparison)
    guard let difference = comparison.difference else { return }
    let smaller = Self.minimise(difference)
    // Two that look the same are most likely the same.
    if shapes.insert(Self.shape(smaller)).inserted { differences.append((seed, smaller)) }
  }

  /// The smallest script in which the kernel and the model still differ.
  static func minimise(_ difference: Difference) -> Difference {
    var start = difference.script
    start.operations.removeSubrange((difference.index + 1)...)
    let maximumTries = start.limits.mapCount == nil ? 3000 : 200
    let script = Minimiser.minimise(start, maximumTries: maximumTries) { candidate in
      (try? compare(candidate))?.difference != nil
    }
    return (try? compare(script))?.difference ?? difference
  }

  /// The last change with its flags and how both answered, without addresses.
  private static func shape(_ difference: Difference) -> String {
    let operations = difference.script.operations
    let last = operations.last { $0.kind != .dump } ?? .dump
    let flags = last.description.split(separator: " ").filter { !$0.hasPrefix("0x") }
    let answers = [difference.kernel, difference.model].map { answer in
      answer.hasPrefix("ERR") ? answer : answer.prefix(2)
    }
    return (flags + answers).joined(separator: " ")
  }
}
