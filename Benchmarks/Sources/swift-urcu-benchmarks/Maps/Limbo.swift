// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import ReadCopyUpdate
import VirtualMemory

/// The memory of what waits for a grace period while scanners are always in one.
enum Limbo {
  static let title = "Memory beside 2 scanners, 10,000 VMAs"

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000), hasKernel: false)
    let load = UpdateLoad(
      scannerCount: 2, pauseNanoseconds: nil, nanoseconds: effort.windowNanoseconds)
    let before = "store, before"
    let metrics = [
      (before, "memoryBytes, what is free given back"),
      ("store, peak", "memoryBytes after updates beside scanners, without a pause"),
      ("store, trimmed", "memoryBytes after that, what is free given back"),
    ].map { Metric(name: $0, meaning: $1, unit: "bytes", baseline: before) }
    let subject = Subject(metrics: metrics) {
      // Slabs are kept, so that the first round would be the only one to take any.
      let store = try world.makeStore()
      Memory.trim(store.space)
      let bytesBefore = store.space.memoryBytes
      let walk = WalkBox(SlotWalk(world))
      _ = try load.run(store, walk)
      let peak = store.space.memoryBytes
      Memory.trim(store.space)
      try walk.walk.check(store)
      return [bytesBefore, peak, store.space.memoryBytes].map { Double($0) }
    }
    return Group(title: title, subjects: [subject], maximumRounds: effort.maximumWindows)
  }
}
