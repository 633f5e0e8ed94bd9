// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory
import StraceReplay

/// Shows calls as they are made again, and what they change.
struct Timeline {
  let every: Int?
  let showsCalls: Bool
  let showsEnds: Bool
  /// The maps as they were shown last, by address space.
  private var last: [ObjectIdentifier: MapsSnapshot] = [:]
  private var changeCount = 0
  private var startTime: UInt64?

  init(every: Int?, showsCalls: Bool, showsEnds: Bool) {
    self.every = every
    self.showsCalls = showsCalls
    self.showsEnds = showsEnds
  }

  mutating func show(_ step: StraceStep) {
    // What isn't replayed isn't shown: before the first program whose map is known.
    guard let space = step.space else { return }
    if showsCalls { print(header(step.call) + Self.note(step.outcome)) }
    let snapshot = space.snapshot()
    let before = last.updateValue(snapshot, forKey: ObjectIdentifier(space))
    if let before {
      let changes = AddressSpace.difference(from: before, to: snapshot).flatMap(Self.lines)
      if showsCalls { for line in changes { print("    " + line) } }
      if !changes.isEmpty { countChange(snapshot) }
    } else if showsCalls {
      print("    \(snapshot.count) mappings, \(snapshot.mappedBytes / 1024) KiB")
    }
    if case .exitProcess = step.call.operation {
      if showsEnds { print(snapshot.mapsText().string, terminator: "") }
      last[ObjectIdentifier(space)] = nil
    }
  }

  private mutating func countChange(_ snapshot: MapsSnapshot) {
    changeCount += 1
    guard let every, changeCount % every == 0 else { return }
    print("after \(changeCount) changes:")
    print(snapshot.mapsText().string, terminator: "")
  }

  private mutating func header(_ call: StraceCall) -> String {
    var time = ""
    if let now = call.time {
      startTime = startTime ?? now
      let milliseconds = (now - (startTime ?? now)) / 1_000_000
      let fraction = String(milliseconds % 1000)
      time =
        "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
        + " "
    }
    return "\(time)\(call.threadID) \(call.text)"
  }

  private static func note(_ outcome: StraceStep.Outcome) -> String {
    switch outcome {
    case .agrees, .notCompared, .unknownMap: ""
    case .ambiguous(let result): "  ?? \(result) in this order"
    case .disagrees(let result): "  !! \(result) here"
    case .unsupported: "  !! not replayed"
    }
  }

  private static func lines(_ change: MapsDifference.Change) -> [String] {
    switch change {
    case .added(let vma): ["+ " + text(vma)]
    case .removed(let vma): ["- " + text(vma)]
    case .changed(let old, let new):
      ["~ \(text(new)), before: \(permissions(old)) \(old.nameString)"]
    }
  }

  private static func text(_ vma: VMA) -> String {
    var words = [
      String(vma.start, radix: 16) + "-" + String(vma.end, radix: 16), permissions(vma),
    ]
    if !vma.name.isEmpty { words.append(vma.nameString) }
    if vma.inode != 0 { words.append("from 0x" + String(vma.offset, radix: 16)) }
    return words.joined(separator: " ")
  }

  private static func permissions(_ vma: VMA) -> String {
    let letters: [(Protection, String)] = [(.read, "r"), (.write, "w"), (.execute, "x")]
    return letters.map { vma.protection.contains($0.0) ? $0.1 : "-" }.joined()
      + (vma.isShared ? "s" : "p")
  }
}

/// What came of a replay.
struct Summary {
  let replay: StraceReplay
  /// Whether page faults were recorded.
  let knowsFaults: Bool

  init(_ replay: StraceReplay, knowsFaults: Bool) {
    self.replay = replay
    self.knowsFaults = knowsFaults
  }

  /// - Returns: whether all that was compared is the kernel's.
  func show() -> Bool {
    let statistics = replay.statistics
    if !knowsFaults { print("page faults are not known, but assumed: splits may differ") }
    print(
      """
      \(statistics.replayedCount) calls replayed: \(statistics.agreeingCount) with the kernel's result, \
      \(statistics.ambiguousCount) in an order that is not known, \
      \(statistics.disagreeingCount) with another
      """)
    if statistics.unsupportedCount > 0 {
      print("\(statistics.unsupportedCount) calls can't be replayed")
    }
    if statistics.unknownMapCount > 0 {
      print("\(statistics.unknownMapCount) calls of processes whose map is not known")
    }
    for comparison in replay.comparisons {
      let lineCount = comparison.kernelText.count { $0 == UInt8(ascii: "\n") }
      let result = comparison.isEqual ? "equal to the kernel's" : "not the kernel's:"
      print("map of \(comparison.processID) \(comparison.program): \(lineCount) lines, \(result)")
      for line in comparison.differences { print("    " + line) }
    }
    return statistics.disagreeingCount == 0 && statistics.unsupportedCount == 0
      && replay.comparisons.allSatisfy(\.isEqual)
  }
}
