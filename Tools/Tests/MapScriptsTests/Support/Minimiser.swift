// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// Makes a script smaller for as long as something is still true of it.
struct Minimiser {
  /// How often the script may be tried: `limit maps` takes the kernel a good part of a second.
  private var triesLeft: Int
  private let isInteresting: (MapScript) -> Bool
  private(set) var script: MapScript

  /// - Parameters:
  ///   - script: one of which `isInteresting` is true.
  ///   - maximumTries: how often `isInteresting` may be asked.
  init(_ script: MapScript, maximumTries: Int = 3000, isInteresting: @escaping (MapScript) -> Bool)
  {
    self.script = script
    triesLeft = maximumTries
    self.isInteresting = isInteresting
  }

  /// The smallest script that was found.
  static func minimise(
    _ script: MapScript, maximumTries: Int = 3000, isInteresting: @escaping (MapScript) -> Bool
  ) -> MapScript {
    var minimiser = Minimiser(script, maximumTries: maximumTries, isInteresting: isInteresting)
    var isSmaller: Bool
    repeat {
      isSmaller = minimiser.dropOperations()
      isSmaller = minimiser.simplifyHeader() || isSmaller
      isSmaller = minimiser.simplifyArguments() || isSmaller
    } while isSmaller && minimiser.triesLeft > 0
    return minimiser.script
  }

  /// Takes `candidate` if it is as interesting.
  private mutating func accept(_ candidate: MapScript) -> Bool {
    guard triesLeft > 0, candidate != script else { return false }
    triesLeft -= 1
    guard isInteresting(candidate) else { return false }
    script = candidate
    return true
  }

  /// Without pieces of ever smaller length, from the end.
  private mutating func dropOperations() -> Bool {
    var isSmaller = false
    var length = max(script.operations.count / 2, 1)
    while true {
      var end = script.operations.count
      while end > 0 {
        var candidate = script
        candidate.operations.removeSubrange(max(end - length, 0)..<end)
        if accept(candidate) { isSmaller = true }
        end = min(end - length, script.operations.count)
      }
      if length == 1 { return isSmaller }
      length /= 2
    }
  }

  private mutating func simplifyHeader() -> Bool {
    var isSmaller = false
    let paths: [WritableKeyPath<MapScript.Limits, UInt64?>] = [
      \.lockedMemory, \.addressSpace, \.data, \.stack, \.mapCount,
    ]
    for path in paths where script.limits[keyPath: path] != nil {
      var candidate = script
      candidate.limits[keyPath: path] = nil
      if accept(candidate) { isSmaller = true }
    }
    if script.isConfined {
      var candidate = script
      candidate.isConfined = false
      if accept(candidate) { isSmaller = true }
    }
    if script.heapStart != nil && !script.operations.contains(where: { $0.kind == .setBreak }) {
      var candidate = script
      candidate.heapStart = nil
      if accept(candidate) { isSmaller = true }
    }
    return isSmaller
  }

  private mutating func simplifyArguments() -> Bool {
    var isSmaller = false
    for index in script.operations.indices {
      let count = script.operations[index].numbers.count
      for position in 0..<count {
        for number in simpler(than: script.operations[index], position) {
          let operation = script.operations[index]
          var numbers = operation.numbers
          numbers[position] = number
          var candidate = script
          candidate.operations[index] = ScriptOperation(
            operation.kind, source: operation.source, numbers: numbers)
          if accept(candidate) { isSmaller = true }
        }
      }
    }
    return isSmaller
  }

  /// Numbers that are simpler than the one at `position`, the simplest first.
  private func simpler(than operation: ScriptOperation, _ position: Int) -> [UInt64] {
    let value = operation.numbers[position]
    switch (operation.kind, position) {
    case (.map, 3), (.map, 2), (.protect, 2), (.remap, 3), (.lock, 2), (.query, 1):
      // Each bit less.
      return (0..<64).map { value & ~(1 << $0) }.filter { $0 != value }
    case (.advise, 2):
      return value == 0 ? [] : [0]
    case (_, 0), (.remap, 4):
      // An address: the start of its page.
      return value % 4096 == 0 ? [] : [value / 4096 * 4096]
    case (.map, 4):
      return value == 0 ? [] : [0, value / 4096 * 4096].filter { $0 != value }
    default:
      // A length: fewer pages, or as many whole ones.
      let pages = value / 4096 + (value % 4096 == 0 ? 0 : 1)
      return [1, pages / 2, pages &- 1, pages].map { $0 &* 4096 }.filter {
        $0 > 0 && ($0 < value || $0 - value < 4096) && $0 != value
      }
    }
  }
}
