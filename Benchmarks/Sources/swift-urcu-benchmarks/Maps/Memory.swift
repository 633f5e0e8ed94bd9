// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import ReadCopyUpdate
import VirtualMemory

/// What a VMA costs in memory.
enum Memory {
  static func title(_ vmaCount: Int) -> String { "Memory, \(grouped(vmaCount)) VMAs" }

  /// Start, end, flags, page offset, object, name: a word each.
  private static let fieldBytes = 48.0

  static func group(_ vmaCount: Int, _ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(vmaCount), hasKernel: false)
    let array = "fields in an array"
    var subjects: [Subject] = []
    // Nothing changes from round to round.
    func add(_ name: String, _ meaning: String, _ bytes: Double) {
      subjects.append(
        Subject(
          metrics: [Metric(name: name, meaning: meaning, unit: "bytes", baseline: array)]
        ) { [bytes] })
    }
    func addStore(_ name: String, _ remark: String, _ space: AddressSpace) {
      let count = Double(space.count)
      let what = "memoryBytes ÷ count, \(remark)"
      add("store, \(name)", what, Double(space.memoryBytes) / count)
      trim(space)
      add(
        "store, \(name), trimmed", "\(what), free slabs given back",
        Double(space.memoryBytes) / count)
    }

    add(array, "the six words of one VMA", fieldBytes)
    for peer in effort.peers.maps {
      let side = try world.makePeer(peer)
      add(
        peer.name, "allocated ÷ count, 2 updates per VMA later",
        Double(side.memoryBytes) / Double(world.lineCount))
    }
    addStore("imported", "nodes full", try world.makeImported())
    addStore("after updates", "2 updates per VMA later", try world.makeStore().space)
    return Group(title: title(vmaCount), subjects: subjects)
  }

  /// Gives back what is free, when all that waits for a grace period is.
  static func trim(_ space: AddressSpace) {
    // The first hands over what the last changes retired.
    for _ in 0..<2 {
      space.releaseFreeMemory()
      RCU.barrier()
    }
    space.releaseFreeMemory()
  }
}
