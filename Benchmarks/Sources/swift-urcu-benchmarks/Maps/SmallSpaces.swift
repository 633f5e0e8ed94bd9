// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ProcessMaps
import ReadCopyUpdate
import VirtualMemory

/// What many small address spaces cost, as of a service with one for each process.
enum SmallSpaces {
  static func title(_ vmaCount: Int) -> String { "Small spaces, \(grouped(vmaCount)) VMAs each" }

  static func group(_ vmaCount: Int, spaces: Int, _ effort: Effort) -> Group {
    let count = effort.scaled(spaces)
    let fields = "fields in arrays"
    let made = "an array made"
    let mappings = (0..<UInt64(vmaCount)).map { index in
      ImportedMapping(
        start: 0x1000_0000 + index * 3 * 4096, end: 0x1000_0000 + (index * 3 + 2) * 4096,
        protection: index % 2 == 0 ? [.read, .write] : .read, isShared: false, source: .anonymous)
    }
    let kept = Kept()
    return Group(
      title: title(vmaCount),
      subjects: [
        Subject(
          metrics: [
            Metric(name: fields, meaning: "six words per VMA", unit: "bytes", baseline: fields)
          ]
        ) { [Double(vmaCount * 48)] },
        Subject(
          metrics: [
            Metric(name: made, meaning: "of the description of one space, copied", unit: "ns", baseline: made)
          ]
        ) {
          [
            nanoseconds(per: count) {
              for _ in 0..<count { kept.arrays.append(mappings) }
              for index in kept.arrays.indices { kept.arrays[index][0].end += 0 }
              kept.arrays = []
            }
          ]
        },
        Subject(
          metrics: [
            Metric(
              name: "AddressSpace(importing:)", meaning: "to make one and fill it", unit: "ns",
              baseline: made),
            Metric(
              name: "AddressSpace, all of it", meaning: "what malloc has given out, per space",
              unit: "bytes", baseline: fields),
            Metric(
              name: "AddressSpace, nodes", meaning: "memoryBytes", unit: "bytes", baseline: fields),
          ]
        ) {
          let before = baselines_allocated_bytes()
          let time = nanoseconds(per: count) {
            for _ in 0..<count { kept.spaces.append(AddressSpace(importing: mappings)) }
          }
          let bytes = Double(baselines_allocated_bytes() - before) / Double(count)
          let nodes = Double(kept.spaces[0].memoryBytes)
          kept.spaces = []
          RCU.barrier()
          return [time, bytes, nodes]
        },
      ])
  }

  private static func nanoseconds(per count: Int, _ body: () -> Void) -> Double {
    let start = baselines_now()
    body()
    return Double(baselines_now() - start) / Double(count)
  }

  private final class Kept {
    var spaces: [AddressSpace] = []
    var arrays: [[ImportedMapping]] = []
  }
}
