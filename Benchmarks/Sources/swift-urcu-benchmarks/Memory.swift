// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// What a VMA costs in memory.
enum Memory {
  static let title = "Memory, 10,000 VMAs"
  /// Start, end, flags, page offset, object, name: a word each.
  private static let fieldBytes = 48.0

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld()
    let imported = try AddressSpace(procMaps: MappedWorld.text(world.kernel))
    let array = "fields in an array"
    func subject(_ name: String, _ meaning: String, _ bytes: @escaping () -> Double) -> Subject {
      Subject(
        metrics: [Metric(name: name, meaning: meaning, unit: "bytes", baseline: array)]
      ) { [bytes()] }
    }
    func perVMA(_ space: AddressSpace) -> Double {
      Double(space.memoryBytes) / Double(space.count)
    }
    return Group(
      title: title,
      subjects: [
        subject(array, "the six words of one VMA") { fieldBytes },
        subject("store, imported", "memoryBytes ÷ count, nodes full") { perVMA(imported) },
        subject("store, after updates", "memoryBytes ÷ count, 20,000 updates later") {
          perVMA(world.space)
        },
      ])
  }
}
